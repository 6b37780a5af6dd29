package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Input is something a stage reads from outside the run: a file, or content that the program carries, or something that is
// not there yet.
type Input struct {
	Name    string // names it in keys and explanations: "train", "dev", "model"
	Path    string // the file; empty for carried content
	Content []byte // the content where Path is empty
	Awaits  string // what has to come before there is content: "the download of …"; the stage is stale and cannot run
}

// Fingerprint is a file's digest with what tells, without reading it, that it has not changed since.
type Fingerprint struct {
	Digest   string `json:"sha256"`
	Size     int64  `json:"bytes"`
	Modified int64  `json:"modified_ns"`
	Changed  int64  `json:"changed_ns"` // the inode's time, which nobody can set back as they can Modified
	Inode    uint64 `json:"inode"`
	Taken    int64  `json:"taken_ns"`
}

// vouches reports whether the file with stat's identity surely is the one that fp was taken of.
func (fp Fingerprint) vouches(stat Fingerprint) bool {
	return fp.Digest != "" && fp.Size == stat.Size && fp.Modified == stat.Modified && fp.Changed == stat.Changed &&
		fp.Inode == stat.Inode && max(fp.Modified, fp.Changed)+settled < fp.Taken
}

// settled is how much older than its fingerprint a file must be for its time stamps to be believed: within the clock's
// granularity, a file can change twice under one time stamp.
const settled = int64(time.Second)

// notFileError says that a path leads to a folder, or to something that can be read only once.
type notFileError struct{ path, is string }

func (e *notFileError) Error() string { return fmt.Sprintf("%s is %s, not a file", e.path, e.is) }

// noFileError says that there is nothing at a path.
type noFileError struct{ path string }

func (e *noFileError) Error() string { return "there is no file " + e.path }
func (e *noFileError) Unwrap() error { return fs.ErrNotExist }

// Take returns the fingerprint of a file. It reads the file only where known does not vouch for it.
func Take(path string, known Fingerprint) (Fingerprint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Fingerprint{}, err
	}
	if !info.Mode().IsRegular() {
		return Fingerprint{}, &notFileError{path, kind(info.Mode())}
	}
	fp := Fingerprint{Size: info.Size(), Modified: info.ModTime().UnixNano(), Taken: time.Now().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		fp.Changed, fp.Inode = stat.Ctim.Nano(), stat.Ino
	}
	if known.vouches(fp) {
		return known, nil
	}
	fp.Digest, err = digestFile(path)
	return fp, err
}

func (in Input) take(known Fingerprint) (Fingerprint, error) {
	if in.Path == "" {
		return Fingerprint{Digest: digestBytes(in.Content), Size: int64(len(in.Content))}, nil
	}
	fp, err := Take(in.Path, known)
	if errors.Is(err, fs.ErrNotExist) {
		return fp, fmt.Errorf("reading %s: %w", in.Name, &noFileError{in.Path})
	}
	if err != nil {
		return fp, fmt.Errorf("reading %s: %w", in.Name, err)
	}
	return fp, nil
}

func digestFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digestBytes(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// digestNeed is the digest of those outputs in folder dir that a need covers, names and contents, as they are now: a
// stage that runs alone reads what is there, even where somebody has edited it.
func digestNeed(need Need, dir string, outputs map[string]Fingerprint) (string, error) {
	h := sha256.New()
	covered := false
	for _, path := range unionKeys(outputs, nil) {
		if !need.covers(path) {
			continue
		}
		covered = true
		fp, err := Take(filepath.Join(dir, filepath.FromSlash(path)), outputs[path])
		if err != nil {
			return "", fmt.Errorf("reading %s, which it needs: %w (pii run %s makes it again)", need, err, need.Stage)
		}
		fmt.Fprintf(h, "%s\x00%s\n", path, fp.Digest)
	}
	if !covered {
		return "", fmt.Errorf("%s did not write %s", need.Stage, need.Path)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
