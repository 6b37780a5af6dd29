package stages

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestReplaceFiles puts a model into a folder with another one, of which nothing may stay that would be read with the new one.
func TestReplaceFiles(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write := func(dir string, names ...string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(dir), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(to, "config.json", "vocab.txt", "pii.json", "calibration.json", "added_tokens.json", "README.md")
	for _, also := range []string{"", "pii.json"} { // the second time all is there already, but for a card from elsewhere
		write(from, "config.json", "vocab.txt")
		if also != "" {
			write(to, also)
		}
		if err := replaceFiles(from, to); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(to)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if want := []string{"README.md", "config.json", "vocab.txt"}; !slices.Equal(names, want) {
			t.Errorf("the folder holds %v, want %v", names, want)
		}
	}
}

// TestOutputIsNoInput has standard input read from the file that would be written.
func TestOutputIsNoInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "calls.jsonl")
	if err := os.WriteFile(path, []byte("{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	stdin := os.Stdin
	t.Cleanup(func() { os.Stdin = stdin; file.Close() })
	os.Stdin = file
	var refused *ConfigError
	for _, input := range []string{"-", path} {
		if err := checkOutput(path, source{"the input", input}); !errors.As(err, &refused) {
			t.Errorf("from %q: %v", input, err)
		}
	}
	if err := checkOutput(path+".out", source{"the input", "-"}); err != nil {
		t.Error(err)
	}
}
