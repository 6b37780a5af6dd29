package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Temporary siblings of stage folders. They hold nothing of worth once the process that made them is gone.
const (
	tempPrefix = ".tmp-"
	oldPrefix  = ".old-"
)

// commit makes the finished folder temp the stage's folder: everything synced, the record last, then one rename. A kill
// at any instruction leaves the old folder or the new one under the stage's name.
func commit(temp, final string, r *record) error {
	if err := writeRecord(temp, r); err != nil {
		return err
	}
	if err := syncTree(temp); err != nil {
		return err
	}
	if err := swap(temp, final); err != nil {
		return fmt.Errorf("putting %s in place: %w", final, err)
	}
	return SyncDir(filepath.Dir(final))
}

func writeRecord(dir string, r *record) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, recordName), append(content, '\n'), 0o666)
}

// swap renames temp to final. Where final exists the two change places in one step, or, on a file system that cannot,
// final first steps aside; restore mends a kill between the two renames.
func swap(temp, final string) error {
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(temp, final)
	}
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, final, unix.RENAME_EXCHANGE)
	if err == nil {
		return os.RemoveAll(temp)
	}
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return stepAside(temp, final)
}

func stepAside(temp, final string) error {
	old := aside(final)
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(final, old); err != nil {
		return err
	}
	if err := os.Rename(temp, final); err != nil {
		return errors.Join(err, os.Rename(old, final))
	}
	return os.RemoveAll(old)
}

func aside(final string) string {
	return filepath.Join(filepath.Dir(final), oldPrefix+filepath.Base(final))
}

// restore puts the run's folder in order after a kill: a stage that had stepped aside comes back where its place is
// empty, and what is left of temporary folders goes. The lock must be held.
func restore(runDir string, stages []Stage) error {
	for _, s := range stages {
		final := filepath.Join(runDir, s.Name)
		old := aside(final)
		_, oldErr := os.Lstat(old)
		_, finalErr := os.Lstat(final)
		if oldErr == nil && errors.Is(finalErr, fs.ErrNotExist) {
			if err := os.Rename(old, final); err != nil {
				return err
			}
		}
		for _, left := range []string{old, filepath.Join(runDir, tempPrefix+s.Name)} {
			if err := os.RemoveAll(left); err != nil {
				return err
			}
		}
	}
	return nil
}

func syncTree(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return SyncDir(path)
	})
}

// SyncDir asks the system to put a folder, or a file, on the disk itself.
func SyncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", path, err)
	}
	return nil
}
