package torchmodel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// engineLibrary is where set-up has put libpii.so.
func engineLibrary(t *testing.T) string {
	t.Helper()
	path, err := findLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(path), "libpii.so")
}

// withEngine makes a folder with a libtch.so that cannot be opened, and for libpii.so a link to the engine.
func withEngine(t *testing.T, engine string) (environment string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "libtch.so")
	writeFile(t, path, "not a library")
	writeDescription(t, path, BuiltFor{Csrc: csrcDigest()})
	if err := os.Symlink(engine, filepath.Join(filepath.Dir(path), "libpii.so")); err != nil {
		t.Fatal(err)
	}
	return LibraryVariable + "=" + path
}

func TestPredictionsNeedNoLibtorch(t *testing.T) {
	m := loadTiny(t, openSession(t))
	prepare(t, m, FP32, byBest)
	want := fmt.Sprintf("logits=%v\n", logitsOf(t, m, []Row{{IDs: []int32{2, 5, 3}}}))
	said := runHelper(t, "predict", withEngine(t, engineLibrary(t)))
	if !strings.Contains(said, want) {
		t.Errorf("a process without libtorch says %q, want %q in it", said, want)
	}
}

// A name without a folder is that of a file here, not of one that the system finds.
func TestLibrariesByRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(LibraryVariable, "libtch.so")
	if path, err := findLibrary(); err != nil || path != filepath.Join(here, "libtch.so") {
		t.Errorf("%q, %v", path, err)
	}
}

func TestEngineLibraryIsNotLinkedToLibtorch(t *testing.T) {
	checkNotLinked(t, engineLibrary(t), "torch", "c10", "blas")
}

func TestLoadingToPredictTellsInOneLineWhatIsWrongWithTheEngine(t *testing.T) {
	stranger := filepath.Join(t.TempDir(), "stranger.so")
	compileC(t, stranger, "int something_else;")
	for engine, want := range map[string]string{"/nonexistent": "cannot be loaded", stranger: "libpii.so lacks pii_engine_"} {
		said := runHelper(t, "predict", withEngine(t, engine))
		line, _, _ := strings.Cut(said[strings.Index(said, "load="):], "\n")
		for _, want := range []string{want, tiny, remedy} {
			if !strings.Contains(line, want) {
				t.Errorf("the first line is %q; it lacks %q", line, want)
			}
		}
	}
}
