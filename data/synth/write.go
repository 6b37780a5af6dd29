package synth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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

// WriteSets writes some sets, or else those that ship with the program, into a folder, which is made where it is missing: a
// file of each set's name with ".jsonl", the transcripts that were written by hand for it at its end. Each file is there whole or not at all; one of that name from before stays until the
// new one is whole. It stops with the context's error when that is done.
func WriteSets(ctx context.Context, dir string, seed int64, cfg Config, sets ...Set) error {
	if len(sets) == 0 {
		sets = Sets()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("folder for synthetic transcripts: %w", err)
	}
	for _, set := range sets {
		if err := writeSet(ctx, filepath.Join(dir, string(set)+".jsonl"), set, seed, cfg); err != nil {
			return fmt.Errorf("writing set %s: %w", set, err)
		}
	}
	return nil
}

func writeSet(ctx context.Context, path string, set Set, seed int64, cfg Config) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close() // closed already where it went wrong later; the first error counts
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	buffered := bufio.NewWriter(file)
	if err := Write(ctx, buffered, set, set.size(cfg.Sizes), seed, cfg); err != nil {
		return err
	}
	for t, err := range byHand(ctx, set, seed, cfg) {
		if err != nil {
			return err
		}
		if err := data.Write(buffered, t); err != nil {
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(0o644); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
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
