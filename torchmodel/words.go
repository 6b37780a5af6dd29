package torchmodel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// wordRows are the word embeddings (V, D) of a model that only predicts, where the engine reads them. A row is read from the file
// when a text first has its piece: most texts share few of the pieces, and these rows are more than a third of a DistilBERT-base.
type wordRows struct {
	file   *tensorFile
	stored stored
	memory []float32 // the embeddings, of which the words are the first
	has    []bool    // (V), the rows that have been read
}

// need reads the rows of all tokens that have not been read yet. The ids have been checked.
func (w *wordRows) need(rows []Row) error {
	width, reads := int(w.stored.shape[1]), false
	for _, row := range rows {
		for _, id := range row.IDs {
			if w.has[id] {
				continue
			}
			if err := w.stored.row(int(id)).floats(w.memory[int(id)*width:][:width]); err != nil {
				return err
			}
			w.has[id], reads = true, true
		}
	}
	if !reads {
		return nil
	}
	err := w.file.unchanged()
	if err != nil {
		clear(w.has)
	}
	return err
}

func (w *wordRows) close() error { return errors.Join(freeFloats(w.memory), w.file.Close()) }

// newFloats is memory for n float32, all 0, outside Go's heap: C may keep pointers into it, and a page takes memory from when it is
// first written.
func newFloats(n int) ([]float32, error) {
	content, err := unix.Mmap(-1, 0, 4*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("no memory for %d weights: %w", n, err)
	}
	return floatsIn(content), nil
}

// freeFloats gives back what newFloats made.
func freeFloats(memory []float32) error {
	if memory == nil {
		return nil
	}
	return unix.Munmap(bytesOf(memory))
}
