package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// WriteFile puts content at path at once or not at all: a temporary sibling is written, synced and renamed.
func WriteFile(path string, content []byte) error {
	return CreateFile(path, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
}

// CreateFile is WriteFile for content that write streams. When write fails, what was at path before stays.
func CreateFile(path string, write func(*os.File) error) (err error) {
	// A rename would put a file in the place of a device or a pipe.
	if info, statErr := os.Stat(path); statErr == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("writing %s: it is %s, not a file", path, kind(info.Mode()))
	}
	temp := tempName(path)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing %s: %w", path, err), cleanUp(temp))
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// temps counts temporary files: two goroutines that write the same path must not share one.
var temps atomic.Int64

func tempName(path string) string {
	name := fmt.Sprintf(".%s%s%d-%d", filepath.Base(path), tempInfix, os.Getpid(), temps.Add(1))
	return filepath.Join(filepath.Dir(path), name)
}

const tempInfix = ".tmp-"

// removeTemps removes the files that a killed CreateFile left in a folder.
func removeTemps(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		name := entry.Name()
		if name[0] == '.' && strings.Index(name, tempInfix) > 0 && entry.Type().IsRegular() {
			err = errors.Join(err, cleanUp(filepath.Join(dir, name)))
		}
	}
	return err
}

// kind names what a path is that is not a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	default:
		return "a device or a pipe"
	}
}

func cleanUp(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
