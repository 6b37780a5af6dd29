package hub

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pii/hub/hubtest"
)

// TestLayout: what is in the cache afterwards is what Python would have left, but for the lists of files that it keeps.
func TestLayout(t *testing.T) {
	files := hubtest.Files{}
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"} {
		content, err := os.ReadFile(filepath.Join("testdata/model", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = content
	}
	next := maps.Clone(files)
	next["README.md"] = nil
	repo := &hubtest.Repo{Name: "acme/tiny", Alias: "tiny", Refs: map[string]string{"main": commitA, "next": commitB},
		Commits: map[string]hubtest.Files{commitA: files, commitB: next}}
	b := newBench(t, repo)
	defer syscall.Umask(syscall.Umask(0o022))
	for _, name := range []string{"acme/tiny", "tiny@next", "acme/tiny@b1b1b1b1"} {
		if _, err := b.resolve(name); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/layout.txt")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range strings.Split(strings.TrimSpace(string(golden)), "\n") {
		if !strings.Contains(line, "/trees/") {
			want = append(want, line)
		}
	}
	got := layout(t, b.client.Cache)
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("Python leaves no %s", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("Python leaves %s", line)
		}
	}
}

// layout lists a cache as testdata/layout.py does.
func layout(t *testing.T, cache string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == cache {
			return err
		}
		line, err := filepath.Rel(cache, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			lines = append(lines, line+" -> "+target)
			return err
		case entry.IsDir():
			line += "/"
		default:
			line += fmt.Sprintf(" %o", info.Mode().Perm())
			if strings.Contains(path, "/refs/") {
				content, err := os.ReadFile(path)
				lines = append(lines, line+" "+string(content))
				return err
			}
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
