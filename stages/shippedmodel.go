package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"pii/data"
	"pii/pipeline"
)

// shippedModel names the model inside the binary.
const shippedModel = data.BuiltinPrefix + "small"

// unpackModel puts the files of the shipped model into the user's cache, unless they are there, and gives their folder. The
// folder's name has their digest, and it is there whole or not at all. It tells say what it did with files that it found there.
func unpackModel(say func(format string, v ...any)) (dir string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpacking the model %s into the user's cache (PII_CACHE names another place): %w", shippedModel, err)
		}
	}()
	files := data.BuiltinModel()
	models, known, now, err := lookForModel(files)
	if err != nil {
		return "", err
	}
	dir = now.folder(models)
	if now.unpacked(dir, known.Files) {
		now.write(models, known)
		return dir, nil
	}
	return dir, putFolder(dir, files, func() bool { return now.unpacked(dir, known.Files) }, say)
}

// unpackedModel is the folder of the shipped model in the user's cache, "" where it is not there whole. It writes nothing.
func unpackedModel() string {
	models, known, now, err := lookForModel(data.BuiltinModel())
	if err != nil || !isFolder(models) {
		return ""
	}
	if dir := now.folder(models); now.unpacked(dir, known.Files) {
		return dir
	}
	return ""
}

// lookForModel gives the folder of models, the stamp that lies in it, and that of this program.
func lookForModel(files fs.FS) (models string, known, now stamp, err error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", stamp{}, stamp{}, err
	}
	models = filepath.Join(cache, "models")
	known = readStamp(models)
	now, err = known.renewed(files)
	return models, known, now, err
}

// asidePattern is how folders are named that are being written.
const asidePattern = ".small-*"

// putFolder puts files into a folder of their own. What somebody has made of it is kept beside it, for it may be somebody's work.
// Processes that do the same take turns; whole reports whether another one has been faster.
func putFolder(dir string, files fs.FS, whole func() bool, say func(format string, v ...any)) (err error) {
	models := filepath.Dir(dir)
	if err := os.MkdirAll(models, 0o777); err != nil {
		return err
	}
	unlock, alone := lockModels(models)
	defer unlock()
	if whole() {
		return nil
	}
	if alone {
		removeLeft(models)
	}
	aside, err := os.MkdirTemp(models, asidePattern)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	if err := errors.Join(os.CopyFS(aside, files), os.Chmod(aside, 0o755)); err != nil {
		return err
	}
	if err := syncFolder(aside); err != nil {
		return err
	}
	if err := keepChanged(dir, say); err != nil {
		return err
	}
	if err := os.Rename(aside, dir); err != nil && !whole() { // without a lock, another process may have been faster
		return err
	}
	return pipeline.SyncDir(models)
}

// lockModels waits until no other process puts models into a folder. Where the file system has no locks, alone is false.
func lockModels(models string) (unlock func(), alone bool) {
	f, err := os.OpenFile(filepath.Join(models, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return func() {}, false
	}
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
	}
	return func() { f.Close() }, err == nil
}

// removeLeft removes what a kill has left of folders that were being written. The lock must be held.
func removeLeft(models string) {
	left, _ := filepath.Glob(filepath.Join(models, asidePattern)) // the pattern is a good one
	for _, dir := range left {
		os.RemoveAll(dir)
	}
}

// keepChanged gives a folder that is in the way another name.
func keepChanged(dir string, say func(format string, v ...any)) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		kept := fmt.Sprintf("%s.changed-%d", dir, n)
		if _, err := os.Lstat(kept); err == nil {
			continue
		}
		if err := os.Rename(dir, kept); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		say("%s was not as pii had written it; what was there is now in %s", dir, kept)
		return nil
	}
}

// cacheFolder is where the program keeps what it prepares: where set-up does, PII_CACHE or else a folder in the user's cache.
func cacheFolder() (string, error) {
	if dir := os.Getenv("PII_CACHE"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "pii"), err
}

// stamp keeps digests of the shipped model from one start of the program to the next: those of the files inside the program, as long as
// it is the same program, and of the unpacked ones, as long as nobody has touched them.
type stamp struct {
	Program pipeline.Fingerprint            `json:"program"`
	Model   map[string]string               `json:"model"` // SHA-256 of the files inside the program, by name
	Files   map[string]pipeline.Fingerprint `json:"files"` // of the unpacked ones
}

// stampName is the file in the folder of models.
const stampName = "small.json"

// readStamp gives an empty stamp where there is none: it saves time, and nothing depends on it.
func readStamp(models string) (s stamp) {
	content, err := os.ReadFile(filepath.Join(models, stampName))
	if err != nil || json.Unmarshal(content, &s) != nil {
		return stamp{}
	}
	return s
}

// renewed is the stamp of this program, whose model is files, without the unpacked ones.
func (s stamp) renewed(files fs.FS) (stamp, error) {
	program, err := pipeline.Take("/proc/self/exe", s.Program)
	if err == nil && program.Digest == s.Program.Digest && len(s.Model) > 0 {
		return stamp{Program: program, Model: s.Model}, nil
	}
	model, err := digestsOf(files) // also where the system does not tell which program this is
	return stamp{Program: program, Model: model}, err
}

// digest is that of all files of the model, names and contents, in hexadecimal.
func (s stamp) digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.Model)) {
		fmt.Fprintf(sum, "%s\x00%s\n", name, s.Model[name])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// folder is where the model lies among others.
func (s stamp) folder(models string) string { return filepath.Join(models, "small-"+s.digest()[:12]) }

// unpacked reports whether a folder has the files of the model and no other. It notes their fingerprints, and reads those that known
// does not vouch for.
func (s *stamp) unpacked(dir string, known map[string]pipeline.Fingerprint) bool {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(s.Model) {
		return false
	}
	s.Files = map[string]pipeline.Fingerprint{}
	for name, digest := range s.Model {
		file, err := pipeline.Take(filepath.Join(dir, name), known[name])
		if err != nil || file.Digest != digest {
			return false
		}
		s.Files[name] = file
	}
	return true
}

// write leaves the stamp for the next start, unless it is the one that is there. In a cache that cannot be written to, each start takes
// the time to read the files.
func (s stamp) write(models string, there stamp) {
	if s.Program == there.Program && maps.Equal(s.Files, there.Files) {
		return
	}
	if content, err := json.Marshal(s); err == nil {
		_ = pipeline.WriteFile(filepath.Join(models, stampName), content)
	}
}

// digestsOf are the SHA-256 of files by name, in hexadecimal.
func digestsOf(files fs.FS) (map[string]string, error) {
	digests := map[string]string{}
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		sum := sha256.Sum256(content)
		digests[path] = hex.EncodeToString(sum[:])
		return err
	})
	return digests, err
}
