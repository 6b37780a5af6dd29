package stages

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"pii/data"
	"pii/pipeline"
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

// TestLookingWritesNothing: what only looks at a run finds the same inputs without a cache as with the unpacked model, and leaves no
// trace.
func TestLookingWritesNothing(t *testing.T) {
	inputs := func(download bool) []pipeline.Input {
		t.Helper()
		cfg := Default()
		if err := cfg.FindModel(t.Context(), NewEnv(t.Context()), download); err != nil {
			t.Fatal(err)
		}
		tokenizer, weights, err := cfg.checkpointFiles()
		if err != nil {
			t.Fatal(err)
		}
		return append(tokenizer, weights...)
	}
	digests := func(list []pipeline.Input) (names []string) {
		for _, in := range list {
			content := in.Content
			if in.Path != "" {
				content, _ = os.ReadFile(in.Path)
			}
			names = append(names, fmt.Sprintf("%s %x", in.Name, sha256.Sum256(content)))
		}
		return names
	}
	cache := filepath.Join(t.TempDir(), "cache")
	t.Setenv("PII_CACHE", cache)
	carried := inputs(false)
	if _, err := os.Lstat(cache); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a look makes the cache")
	}
	unpacked := inputs(true)
	if !slices.Equal(digests(carried), digests(unpacked)) {
		t.Errorf("%v without a cache, %v with it", digests(carried), digests(unpacked))
	}
	if err := os.Remove(filepath.Join(cache, "models", "lock")); err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs(false) {
		if in.Path == "" {
			t.Errorf("%s is not taken from the cache", in.Name)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(cache, "models")); err != nil || len(entries) != 1 {
		t.Errorf("a look leaves %v: %v", entries, err)
	}
	t.Setenv("PII_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if without := inputs(false); !slices.Equal(digests(without), digests(carried)) {
		t.Error("without a home, inputs are others")
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
