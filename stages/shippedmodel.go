package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"pii/data"
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
	files := data.BuiltinModel()
	digest, err := digestOf(files)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, "models", "small-"+digest[:12])
	if there, err := digestOf(os.DirFS(dir)); err == nil && there == digest {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil { // somebody changed what is in it
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(dir), ".small-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(aside)) }()
	if err := errors.Join(os.CopyFS(aside, files), os.Chmod(aside, 0o755)); err != nil {
		return "", err
	}
	if err := syncFolder(aside); err != nil {
		return "", err
	}
	if err := os.Rename(aside, dir); err != nil && !isFolder(dir) { // another process may have been faster
		return "", err
	}
	return dir, nil
}

// cacheFolder is where the program keeps what it prepares: where set-up does, PII_CACHE or else a folder in the user's cache.
func cacheFolder() (string, error) {
	if dir := os.Getenv("PII_CACHE"); dir != "" {
		return dir, nil
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "pii"), err
}

// digestOf is the SHA-256 of the names and contents of files, in hexadecimal.
func digestOf(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return addTo(sum, files, path)
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// addTo writes a file's name, size and content to sum.
func addTo(sum io.Writer, files fs.FS, path string) error {
	file, err := files.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%s %d\n", path, info.Size())
	_, err = io.Copy(sum, file)
	return err
}
