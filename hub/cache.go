package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// folder is where the cache keeps one repository:
//
//	models--owner--name/
//	  refs/main                     the commit that a branch or tag was last known to be
//	  blobs/<etag>                  contents, by the hash that the hub knows them by
//	  blobs/<etag>.incomplete       what a download that was cut short left
//	  snapshots/<commit>/<file>     links to blobs
//
// Locks lie aside, in .locks/models--owner--name/<etag>.lock.
type folder struct{ path, locks string }

func (c *Client) folder(repo string) folder {
	name := "models--" + strings.ReplaceAll(repo, "/", "--")
	return folder{filepath.Join(c.Cache, name), filepath.Join(c.Cache, ".locks", name)}
}

func (f folder) snapshot(commit string) string { return filepath.Join(f.path, "snapshots", commit) }
func (f folder) blob(etag string) string       { return filepath.Join(f.path, "blobs", etag) }
func (f folder) lock(etag string) string       { return filepath.Join(f.locks, etag+".lock") }
func (f folder) ref(revision string) string {
	return filepath.Join(f.path, "refs", filepath.FromSlash(revision))
}
func (f folder) file(commit, name string) string {
	return filepath.Join(f.snapshot(commit), filepath.FromSlash(name))
}

// exists reports whether a path leads to a file with content that is there.
func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// maxText bounds what is read into memory of files that others write: listings, and indices of weights.
const maxText = 32 << 20

func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path)
}

func readAll(r io.Reader, what string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err == nil && len(content) > maxText {
		err = fmt.Errorf("%s is longer than %d bytes", what, maxText)
	}
	return content, err
}

// MissingError says that the cache does not hold a model, or holds it in part.
type MissingError struct {
	Model Model
	Cache string
	Lacks string // what it has not of a model that is there in part: "has no vocab.txt"
}

func (e *MissingError) Error() string {
	if e.Lacks != "" {
		return fmt.Sprintf("model %s is in %s only in part: it %s", e.Model, e.Cache, e.Lacks)
	}
	return fmt.Sprintf("model %s is not in %s", e.Model, e.Cache)
}

// Cached is the folder of a model that is in the cache, found without the network. Where the model is not there or not
// whole, the error is a *MissingError.
func (c *Client) Cached(m Model) (string, error) {
	f := c.folder(m.Repo)
	commit, err := f.commit(m.Revision)
	if err != nil {
		return "", fmt.Errorf("looking for model %s in the cache: %w", m, err)
	}
	if commit == "" {
		return "", &MissingError{Model: m, Cache: c.Cache}
	}
	inCache := source{func(name string) bool { return exists(f.file(commit, name)) },
		func(name string) ([]byte, error) { return readText(f.file(commit, name)) }}
	_, _, err = modelFiles(inCache)
	var incomplete *incompleteError
	if errors.As(err, &incomplete) {
		return "", &MissingError{m, c.Cache, incomplete.Error()}
	}
	if err != nil {
		return "", fmt.Errorf("model %s in the cache: %w", m, err)
	}
	return f.snapshot(commit), nil
}

// commit is the commit that a revision is known to be, or "".
func (f folder) commit(revision string) (string, error) {
	if commitName.MatchString(revision) {
		return revision, nil
	}
	content, err := os.ReadFile(f.ref(revision))
	if commit := strings.TrimSpace(string(content)); err == nil && commitName.MatchString(commit) {
		return commit, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !isFolder(f.ref(revision)) {
		return "", err
	}
	if !shortName.MatchString(revision) {
		return "", nil
	}
	found, err := filepath.Glob(f.snapshot(revision + "*"))
	if err != nil || len(found) != 1 || !commitName.MatchString(filepath.Base(found[0])) {
		return "", nil //nolint:nilerr // a folder whose name is no good pattern holds nothing to find
	}
	return filepath.Base(found[0]), nil
}

// isFolder: where there is a branch a/b, the branch a is a folder among the refs.
func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// setRef notes which commit a revision is. What is noted already is not written again: the cache may be read-only.
func (f folder) setRef(revision, commit string) error {
	path := f.ref(revision)
	if known, err := os.ReadFile(path); revision == commit || err == nil && string(known) == commit {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%08x.tmp", path, rand.Uint32()) // a name as huggingface_hub gives
	if err := os.WriteFile(temp, []byte(commit), 0o666); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, path)
}

// link puts a blob under a file's name into a snapshot. The caller holds the blob's lock.
func (f folder) link(commit, name, etag string) error {
	path := f.file(commit, name)
	if exists(path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(path), f.blob(etag)) // relative: a cache may be moved
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a link to a blob that is gone
		return err
	}
	return os.Symlink(target, path)
}

// tag marks the cache for programs that make backups, as the Cache Directory Tagging Specification says.
func (c *Client) tag() error {
	path := filepath.Join(c.Cache, "CACHEDIR.TAG")
	if exists(path) {
		return nil
	}
	const signature = "Signature: 8a477f597d28d172789f06886806bc55\n" // the one that the specification asks for
	return os.WriteFile(path, []byte(signature+"# Everything in this folder can be downloaded again.\n"), 0o666)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
