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

// WriteFile puts content at path at once or not at all: a temporary sibling is written, synced and renamed. It takes the place of a
// symbolic link: what links lead to in a folder of a model, such as a file of a cache, may be others' too.
func WriteFile(path string, content []byte) error {
	return replaceFile(path, func(f *os.File) error {
		_, err := f.Write(content)
		return err
	})
}

// CreateFile is WriteFile for an output that somebody named, whose content write streams: a symbolic link stays, and the file is made
// where it leads. When write fails, what was there before stays.
func CreateFile(path string, write func(*os.File) error) error {
	target, err := linkTarget(path)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return replaceFile(target, write)
}

// mostLinks is how many links may lead on from one to the next, as in Linux.
const mostLinks = 40

// linkTarget is where the symbolic link at path leads in the end, whether or not something is there; path itself where there is no link.
// It does not make paths shorter by their text alone, since ".." behind a link to a folder is not the folder before it.
func linkTarget(path string) (string, error) {
	for range mostLinks {
		if !isLink(path) {
			return path, nil
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			dir, _ := filepath.Split(path)
			target = dir + target
		}
		dir, name := filepath.Split(target)
		if dir, err = filepath.EvalSymlinks(dir + "."); err != nil {
			return "", err
		}
		path = filepath.Join(dir, name)
	}
	return "", fmt.Errorf("more than %d symbolic links lead from one to the next", mostLinks)
}

// isLink is false also where nothing can be seen: what is wrong there shows when it is written.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

func replaceFile(path string, write func(*os.File) error) (err error) {
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
