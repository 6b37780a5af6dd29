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

	"pii/data"
	"pii/pipeline"
)

// shippedModel names the model inside the binary.
const shippedModel = data.BuiltinPrefix + "small"

// unpackModel puts the files of the shipped model into the user's cache, unless they are there, and gives their folder. The
// folder's name has their digest, and it is there whole or not at all.
func unpackModel() (dir string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("unpacking the model %s into the user's cache: %w", shippedModel, err)
		}
	}()
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	models := filepath.Join(cache, "models")
	files := data.BuiltinModel()
	known := readStamp(models)
	now, err := known.renewed(files)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(models, "small-"+now.digest()[:12])
	if now.unpacked(dir, known.Files) {
		now.write(models, known)
		return dir, nil
	}
	return dir, replaceFolder(dir, files)
}

// replaceFolder puts files into a folder of their own, in the place of what somebody made of it.
func replaceFolder(dir string, files fs.FS) (err error) {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), ".small-")
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
	if err := os.Rename(aside, dir); err != nil && !isFolder(dir) { // another process may have been faster
		return err
	}
	return nil
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
