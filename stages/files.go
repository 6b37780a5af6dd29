package stages

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"

	"pii/pipeline"
)

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// copyFolder copies the files of one folder into another.
func copyFolder(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := copyFile(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder asks the system to put a folder and its files on the disk itself.
func syncFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := pipeline.SyncDir(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return pipeline.SyncDir(dir)
}

// sameFile reports whether two paths lead to the same file.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// isStdin reports whether a file is what standard input is read from.
func isStdin(file os.FileInfo) bool {
	stdin, err := os.Stdin.Stat()
	return err == nil && os.SameFile(stdin, file)
}

// sameContent reports whether two files hold the same bytes.
func sameContent(a, b string) bool {
	contentA, errA := os.ReadFile(a)
	contentB, errB := os.ReadFile(b)
	return errA == nil && errB == nil && bytes.Equal(contentA, contentB)
}

// writeJSONL writes a list as one JSON object a line.
func writeJSONL[T any](path string, list []T) error {
	var lines []byte
	for _, v := range list {
		line, err := json.Marshal(v)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	return os.WriteFile(path, lines, 0o666)
}

func writeJSON(path string, v any) error {
	content, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(content, '\n'), 0o666)
}
