package stages

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pii/data"
)

// The shipped model is unpacked once, whole, and is a model folder.
func TestUnpackModel(t *testing.T) {
	t.Setenv("PII_CACHE", t.TempDir())
	dir, err := unpackModel()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckModelDir(dir); err != nil {
		t.Error(err)
	}
	whole := func() bool {
		want, err := digestsOf(data.BuiltinModel())
		got, readErr := digestsOf(os.DirFS(dir))
		return errors.Join(err, readErr) == nil && maps.Equal(got, want)
	}
	if !whole() {
		t.Error("the folder has other files than the program")
	}
	marker := filepath.Join(dir, "config.json")
	before, err := os.Stat(marker)
	if err != nil {
		t.Fatal(err)
	}
	again, err := unpackModel()
	after, statErr := os.Stat(marker)
	if err != nil || statErr != nil || again != dir || !os.SameFile(before, after) {
		t.Errorf("unpacked again to %s: %v %v", again, err, statErr)
	}
	if err := os.WriteFile(marker, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err = unpackModel(); err != nil || again != dir {
		t.Errorf("unpacked over a changed folder to %s: %v", again, err)
	}
	if !whole() {
		t.Error("what was changed stays")
	}
	if err := os.WriteFile(filepath.Join(dir, "added_tokens.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err = unpackModel(); err != nil || again != dir || !whole() {
		t.Errorf("what was added stays: %v", err)
	}
	left, err := fs.Glob(os.DirFS(filepath.Dir(dir)), ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}

// TestStamp starts with stamps that must not be believed, and with one that is.
func TestStamp(t *testing.T) {
	t.Setenv("PII_CACHE", t.TempDir())
	dir, err := unpackModel()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := unpackModel(); err != nil || again != dir {
		t.Fatal(again, err)
	}
	models := filepath.Dir(dir)
	good := readStamp(models)
	if len(good.Model) < 5 || len(good.Files) != len(good.Model) {
		t.Fatalf("the stamp has %d and %d files", len(good.Model), len(good.Files))
	}
	other, wrong := good, maps.Clone(good.Model)
	wrong["config.json"] = "wrong"
	other.Program.Size++
	other.Program.Digest, other.Model = "of another program", wrong
	content, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, stamp := range map[string]string{"another program's": string(content), "broken": "{", "empty": ""} {
		if err := os.WriteFile(filepath.Join(models, stampName), []byte(stamp), 0o644); err != nil {
			t.Fatal(err)
		}
		if again, err := unpackModel(); err != nil || again != dir {
			t.Errorf("a stamp that is %s leads to %s: %v", name, again, err)
		}
		if now := readStamp(models); !maps.Equal(now.Model, good.Model) {
			t.Errorf("a stamp that is %s stays", name)
		}
	}
}
