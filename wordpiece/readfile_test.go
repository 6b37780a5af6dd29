package wordpiece

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLoadRefusesWhatIsNoRegularFile(t *testing.T) {
	for _, name := range []string{vocabFile, tokenizerFile, configFile, specialMapFile, addedFile, modelFile} {
		for what, replace := range map[string]func(path string) error{
			"a folder": func(path string) error { return os.Mkdir(path, 0o755) },
			"a device": func(path string) error { return os.Symlink("/dev/zero", path) },
			"a pipe":   func(path string) error { return syscall.Mkfifo(path, 0o666) },
		} {
			dir := folder(t, map[string]func(object) object{tokenizerFile: dropFor(name, vocabFile), configFile: dropFor(name, modelFile)})
			path := filepath.Join(dir, name)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := replace(path); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.HasSuffix(err.Error(), path+" is not a regular file") {
				t.Errorf("%s is %s: %v", name, what, err)
			}
		}
	}
}

// dropFor returns drop where the file under test is read only without the one that it is given for.
func dropFor(name, only string) func(object) object {
	if name == only {
		return drop
	}
	return nil
}

func TestLoadBoundsTheSizeOfFiles(t *testing.T) {
	dir := folder(t, nil)
	path := filepath.Join(dir, tokenizerFile)
	if err := os.Truncate(path, maxFileSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.HasSuffix(err.Error(), fmt.Sprint(path, " is larger than 64 MiB")) {
		t.Errorf("a large file: %v", err)
	}
}

func TestLoadFollowsLinks(t *testing.T) {
	dir, from := t.TempDir(), folder(t, nil)
	for _, name := range []string{tokenizerFile, configFile} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); err != nil {
		t.Error(err)
	}
}
