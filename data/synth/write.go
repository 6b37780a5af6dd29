package synth

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"pii/data"
)

// Write writes n transcripts of a set as JSONL.
func Write(ctx context.Context, w io.Writer, set Set, n int, seed int64, cfg Config) error {
	for t, err := range Generate(ctx, cfg, set, n, seed) {
		if err != nil {
			return err
		}
		if err := data.Write(w, t); err != nil {
			return err
		}
	}
	return nil
}

// ExistsError is a file that is there with another content than what would be written in its place.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + " is there with another content" }

// WriteSets writes some sets, or else those that ship with the program, into a folder, which is made where it is missing: a
// file of each set's name with ".jsonl", the transcripts that were written by hand for it at its end. Each file is there whole or
// not at all. Where files of their names are there with another content, and force is false, the error is an *ExistsError and
// all stay as they were. It stops with the context's error when that is done.
func WriteSets(ctx context.Context, dir string, seed int64, cfg Config, force bool, sets ...Set) (err error) {
	if len(sets) == 0 {
		sets = Sets()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("folder for synthetic transcripts: %w", err)
	}
	var made []string // temporary files that are not in their places yet
	defer func() {
		for _, path := range made {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	place := func(set Set) string { return filepath.Join(dir, string(set)+".jsonl") }
	for _, set := range sets {
		path, err := makeSet(ctx, place(set), set, seed, cfg)
		if err != nil {
			return fmt.Errorf("writing set %s: %w", set, err)
		}
		made = append(made, path)
		if force {
			continue
		}
		if err := checkPlace(place(set), path); err != nil {
			return err
		}
	}
	for _, set := range sets {
		if err := os.Rename(made[0], place(set)); err != nil {
			return fmt.Errorf("writing set %s: %w", set, err)
		}
		made = made[1:]
	}
	return nil
}

// checkPlace reports whether a made file may go to a place: nothing is there, or the same.
func checkPlace(place, made string) error {
	info, err := os.Stat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &ExistsError{place}
	}
	there, err := digest(place)
	if err != nil {
		return err
	}
	if is, err := digest(made); err != nil || is == there {
		return err
	}
	return &ExistsError{place}
}

// digest is the SHA-256 of a file.
func digest(path string) (sum [sha256.Size]byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return [sha256.Size]byte(hash.Sum(nil)), err
}

// makeSet writes a set to a temporary file beside path and gives its name.
func makeSet(ctx context.Context, path string, set Set, seed int64, cfg Config) (made string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			file.Close() // closed already where it went wrong later; the first error counts
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	buffered := bufio.NewWriter(file)
	if err := writeAll(ctx, buffered, set, seed, cfg); err != nil {
		return "", err
	}
	if err := buffered.Flush(); err != nil {
		return "", err
	}
	if err := file.Chmod(0o644); err != nil {
		return "", err
	}
	if err := file.Sync(); err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// writeAll writes what is generated for a set, then what was written by hand.
func writeAll(ctx context.Context, w io.Writer, set Set, seed int64, cfg Config) error {
	if err := Write(ctx, w, set, set.size(cfg.Sizes), seed, cfg); err != nil {
		return err
	}
	for t, err := range byHand(ctx, set, seed, cfg) {
		if err != nil {
			return err
		}
		if err := data.Write(w, t); err != nil {
			return err
		}
	}
	return nil
}

// byHand gives what was written by hand for a set and, for train, variations of it.
func byHand(ctx context.Context, set Set, seed int64, cfg Config) iter.Seq2[data.Transcript, error] {
	return func(yield func(data.Transcript, error) bool) {
		if !cfg.Sizes.Written {
			return
		}
		all, err := writtenFor(set)
		if err != nil {
			yield(data.Transcript{}, err)
			return
		}
		lib, err := libraryOf(set)
		if err != nil {
			yield(data.Transcript{}, err)
			return
		}
		for _, t := range all {
			if !lib.lex.reserves(t) && !yield(t, nil) {
				return
			}
		}
		if set == Train && cfg.Sizes.Variations > 0 {
			variations(ctx, all, seed, cfg, yield)
		}
	}
}
