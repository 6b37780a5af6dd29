package stages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pii/data"
)

// The shipped model is unpacked once, whole, and is a model folder.
func TestUnpackModel(t *testing.T) {
	t.Setenv("PII_CACHE", t.TempDir())
	dir, err := unpackModel(t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckModelDir(dir); err != nil {
		t.Error(err)
	}
	if !wholeModel(dir) {
		t.Error("the folder has other files than the program")
	}
	marker := filepath.Join(dir, "config.json")
	before, err := os.Stat(marker)
	if err != nil {
		t.Fatal(err)
	}
	again, err := unpackModel(t.Logf)
	after, statErr := os.Stat(marker)
	if err != nil || statErr != nil || again != dir || !os.SameFile(before, after) {
		t.Errorf("unpacked again to %s: %v %v", again, err, statErr)
	}
}

// wholeModel reports whether a folder has the files that are in the program, and no other.
func wholeModel(dir string) bool {
	want, err := digestsOf(data.BuiltinModel())
	got, readErr := digestsOf(os.DirFS(dir))
	return errors.Join(err, readErr) == nil && maps.Equal(got, want)
}

// TestUnpackOverChanges: several at once find a folder that somebody has changed, and what a kill has left. All get the model whole,
// and what is the user's is kept.
func TestUnpackOverChanges(t *testing.T) {
	t.Setenv("PII_CACHE", t.TempDir())
	dir, err := unpackModel(t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	models := filepath.Dir(dir)
	left := filepath.Join(models, ".small-123")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	for n, name := range []string{"config.json", "added_tokens.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				if again, err := unpackModel(t.Logf); err != nil || again != dir || !wholeModel(dir) {
					t.Errorf("with a changed %s, unpacked to %s: %v", name, again, err)
				}
			})
		}
		group.Wait()
		kept, err := os.ReadFile(filepath.Join(fmt.Sprintf("%s.changed-%d", dir, n+1), name))
		if err != nil || string(kept) != "{}" {
			t.Errorf("the user's %s is gone: %v", name, err)
		}
	}
	if hidden, err := fs.Glob(os.DirFS(models), ".*"); err != nil || len(hidden) > 0 {
		t.Errorf("left over: %v %v", hidden, err)
	}
	if kept, err := fs.Glob(os.DirFS(models), "*.changed-*"); err != nil || len(kept) != 2 {
		t.Errorf("kept twice: %v %v", kept, err)
	}
}

// TestStamp starts with stamps that must not be believed, and with one that is.
func TestStamp(t *testing.T) {
	t.Setenv("PII_CACHE", t.TempDir())
	dir, err := unpackModel(t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := unpackModel(t.Logf); err != nil || again != dir {
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
		if again, err := unpackModel(t.Logf); err != nil || again != dir {
			t.Errorf("a stamp that is %s leads to %s: %v", name, again, err)
		}
		if now := readStamp(models); !maps.Equal(now.Model, good.Model) {
			t.Errorf("a stamp that is %s stays", name)
		}
	}
}
