package stages

import (
	"io/fs"
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
	want, err := digestOf(data.BuiltinModel())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := digestOf(os.DirFS(dir)); err != nil || got != want {
		t.Errorf("the folder has the digest %s, the model inside the program %s: %v", got, want, err)
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
	if got, err := digestOf(os.DirFS(dir)); err != nil || got != want {
		t.Errorf("what was changed stays: %s %v", got, err)
	}
	left, err := fs.Glob(os.DirFS(filepath.Dir(dir)), ".*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}
