package stages

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

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
		if err := checkOutput(input, path); !errors.As(err, &refused) {
			t.Errorf("from %q: %v", input, err)
		}
	}
	if err := checkOutput("-", path+".out"); err != nil {
		t.Error(err)
	}
}
