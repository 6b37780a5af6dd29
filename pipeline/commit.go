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

// seams are where tests stand in for the machine: a kill at a certain point, a file system that lacks an operation.
type seams struct {
	reach    func(point string)
	exchange func(a, b string) error
}

func (r *Run) at(stage, point string) {
	if r.reach != nil {
		r.reach(stage + ":" + point)
	}
}

// commit makes the finished folder temp the folder of the record's stage: everything synced, the record last, then one
// rename. A kill at any instruction leaves the old folder or the new one. The new one is in place, for good, where left
// is returned: a folder that is no longer needed.
func (r *Run) commit(temp string, rec *record) (left string, err error) {
	r.at(rec.Stage, "record")
	if err := writeRecord(temp, rec); err != nil {
		return "", err
	}
	r.at(rec.Stage, "sync")
	if err := syncTree(temp); err != nil {
		return "", err
	}
	r.at(rec.Stage, "swap")
	if left, err = r.swap(temp, filepath.Join(r.dir, rec.Stage)); err != nil {
		return "", fmt.Errorf("putting %s in place: %w", rec.Stage, err)
	}
	r.at(rec.Stage, "swapped")
	// Before the old folder goes: after a power cut the disk must know the new one by its name.
	return left, SyncDir(r.dir)
}

func writeRecord(dir string, r *record) error {
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, recordName), append(content, '\n'), 0o666)
}

// swap renames temp to final and returns where the old folder lies now, if there was one. The two change places in one
// step, or, on a file system that cannot, final first steps aside; restore mends a kill between the two renames.
func (r *Run) swap(temp, final string) (left string, err error) {
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		return temp, os.Rename(temp, final)
	}
	exchange := exchangeNames
	if r.exchange != nil {
		exchange = r.exchange
	}
	err = exchange(temp, final)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) {
		return r.stepAside(temp, final)
	}
	return temp, err
}

func exchangeNames(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

func (r *Run) stepAside(temp, final string) (left string, err error) {
	old := aside(final)
	if err := os.RemoveAll(old); err != nil {
		return "", err
	}
	if err := os.Rename(final, old); err != nil {
		return "", err
	}
	r.at(filepath.Base(final), "aside")
	if err := os.Rename(temp, final); err != nil {
		return "", errors.Join(err, os.Rename(old, final))
	}
	return old, nil
}

func aside(final string) string {
	return filepath.Join(filepath.Dir(final), oldPrefix+filepath.Base(final))
}

// folder is where a stage's output lies: under its name, or, in the moment between the two renames of stepAside and
// after a kill there, aside.
func (r *Run) folder(stage string) string {
	final := filepath.Join(r.dir, stage)
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(aside(final)); err == nil {
			return aside(final)
		}
	}
	return final
}

// restore puts the run's folder in order after a kill: a stage that had stepped aside comes back where its place is
// empty, and what is left of temporary folders and files goes. The lock must be held.
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
	return removeTemps(runDir)
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
