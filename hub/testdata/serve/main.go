// Command serve is a hub with the model acme/tiny, whose files are those of the folder it is called with, on its branch main
// and, with another README.md, on its branch next. It prints the hub's address and serves until it is ended.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"pii/hub/hubtest"
)

func main() {
	if err := serve(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(dir string) error {
	files := hubtest.Files{"README.md": []byte("a card\n"), "tf_model.h5": []byte("weights of another kind")}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if files[entry.Name()], err = os.ReadFile(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	next := maps.Clone(files)
	next["README.md"] = []byte("another card\n")
	commits := map[string]hubtest.Files{strings.Repeat("a0", 20): files, strings.Repeat("b1", 20): next}
	server := hubtest.New(&hubtest.Repo{Name: "acme/tiny", Alias: "tiny", Commits: commits,
		Refs: map[string]string{"main": strings.Repeat("a0", 20), "next": strings.Repeat("b1", 20)}})
	defer server.Close()
	server.Log = os.Stderr
	fmt.Println(server.Hub.URL)
	select {}
}
