package synth

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestWriteSetsSparesOtherFiles: what is there and would come out the same is no hindrance, anything else is, before a file is changed.
func TestWriteSetsSparesOtherFiles(t *testing.T) {
	dir, cfg := t.TempDir(), DefaultConfig()
	cfg.Sizes = Sizes{Dev: 3, Numbers: 3}
	dev, numbers := filepath.Join(dir, "dev.jsonl"), filepath.Join(dir, "numbers.jsonl")
	for range 2 {
		if err := WriteSets(t.Context(), dir, 1, cfg, false, Dev); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(dev)
	if err != nil {
		t.Fatal(err)
	}
	var exists *ExistsError
	if err := WriteSets(t.Context(), dir, 2, cfg, false, Numbers, Dev); !errors.As(err, &exists) || exists.Path != dev {
		t.Errorf("with another seed: %v", err)
	}
	if now, err := os.ReadFile(dev); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the file that was there is another one: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("beside the file there is something new: %v %v", entries, err)
	}
	if err := WriteSets(t.Context(), dir, 2, cfg, true, Numbers, Dev); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(dev); err != nil || bytes.Equal(now, before) {
		t.Errorf("it was not replaced: %v", err)
	}
	if err := errors.Join(os.Remove(numbers), os.Mkdir(numbers, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := WriteSets(t.Context(), dir, 2, cfg, false, Numbers); !errors.As(err, &exists) || exists.Path != numbers {
		t.Errorf("over a folder: %v", err)
	}
}
