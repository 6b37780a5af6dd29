package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sort"
	"time"
)

// Input is something a stage reads from outside the run: a file, or content that the program carries.
type Input struct {
	Name    string // names it in keys and explanations: "train", "dev", "model"
	Path    string // the file; empty for carried content
	Content []byte // the content where Path is empty
}

// fingerprint is a file's digest with what tells, without reading it, that it has not changed since.
type fingerprint struct {
	Digest   string `json:"sha256"`
	Size     int64  `json:"bytes"`
	Modified int64  `json:"modified_ns"`
	Taken    int64  `json:"taken_ns"`
}

// settled is how much older than its fingerprint a file must be for its time stamp to be believed: within the clock's
// granularity, a file can change twice under one time stamp.
const settled = int64(time.Second)

// take returns the fingerprint of a file. It reads the file only where known does not vouch for it.
func take(path string, known fingerprint) (fingerprint, error) {
	info, err := os.Stat(path)
	if err != nil {
		return fingerprint{}, err
	}
	if info.IsDir() {
		return fingerprint{}, fmt.Errorf("%s: is a folder, not a file", path)
	}
	size, modified := info.Size(), info.ModTime().UnixNano()
	if known.Digest != "" && known.Size == size && known.Modified == modified && modified+settled < known.Taken {
		return known, nil
	}
	now := time.Now().UnixNano()
	digest, err := digestFile(path)
	if err != nil {
		return fingerprint{}, err
	}
	return fingerprint{digest, size, modified, now}, nil
}

func (in Input) take(known fingerprint) (fingerprint, error) {
	if in.Path == "" {
		return fingerprint{Digest: digestBytes(in.Content), Size: int64(len(in.Content))}, nil
	}
	fp, err := take(in.Path, known)
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

// digestNeed is the digest of those outputs that a need covers, names and contents.
func digestNeed(need Need, outputs map[string]fingerprint) (string, error) {
	var paths []string
	for path := range outputs {
		if need.covers(path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return "", fmt.Errorf("%s did not write %s", need.Stage, need.Path)
	}
	sort.Strings(paths)
	h := sha256.New()
	for _, path := range paths {
		fmt.Fprintf(h, "%s\x00%s\n", path, outputs[path].Digest)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
