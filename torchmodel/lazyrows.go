package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/sugarme/gotch/ts"
)

// lazyRows is AdamW over the word embeddings (V, D) by the rows that a step's tokens have. The other rows' gradients are 0, so
// their decay and what remains of their moments wait until somebody reads them; then the steps that they missed are made up, to
// the same bits (csrc/adamwkernels.cpp). Gradients are kept by token and never fill a table. The methods but add run on the owner's
// thread; those of nil do nothing.
type lazyRows struct {
	pointer unsafe.Pointer
	padding int // id whose row gets no gradient
}

// newLazyRows makes the state of the word embeddings p with moments of its shape. They must stay until it is freed.
func newLazyRows(p Parameter, first, second *ts.Tensor, decay float64, padding int) (*lazyRows, error) {
	l := &lazyRows{padding: padding}
	err := taken(C.pii_torch_lazy_rows_make(p.tensor.Ctensor(), first.Ctensor(), second.Ctensor(), C.double(decay), C.int64_t(padding), &l.pointer))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return l, nil
}

func (l *lazyRows) handle() unsafe.Pointer {
	if l == nil {
		return nil
	}
	return l.pointer
}

func (l *lazyRows) free() {
	if l != nil {
		C.pii_torch_lazy_rows_free(l.pointer)
	}
}

// begin readies the rows that the tokens of a step will read, padding included.
func (l *lazyRows) begin(rows []Row, c Config) error {
	if l == nil {
		return nil
	}
	if err := c.checkRows(rows); err != nil {
		return err
	}
	ids := []int32{int32(max(0, l.padding))}
	for _, row := range rows {
		ids = append(ids, row.IDs...)
	}
	return taken(C.pii_torch_lazy_rows_begin(l.pointer, (*C.int32_t)(unsafe.SliceData(ids)), C.int64_t(len(ids))))
}

// makeUpAll makes all rows what they are after the last step.
func (l *lazyRows) makeUpAll() error {
	if l == nil {
		return nil
	}
	return taken(C.pii_torch_lazy_rows_make_up_all(l.pointer))
}

// pickedWords are the word embeddings of a shard's tokens (B, S, D), a leaf of its graph.
type pickedWords struct{ leaf *ts.Tensor }

// picked is where a forward pass leaves its leaf.
func (l *lazyRows) picked() *pickedWords {
	if l == nil {
		return nil
	}
	return &pickedWords{}
}

// add takes the gradients that the tokens of ids (B, S) int64 got in a shard, and frees the leaf. It runs on any thread.
func (l *lazyRows) add(shard int, ids *ts.Tensor, words *pickedWords) error {
	if l == nil || words.leaf == nil {
		return nil
	}
	defer runtime.KeepAlive(ids)
	err := taken(C.pii_torch_lazy_rows_add(l.pointer, C.int64_t(shard), ids.Ctensor(), words.leaf.Ctensor()))
	if drop := words.leaf.Drop(); err == nil {
		err = drop
	}
	return err
}

// wordEmbedding is embedding of the words: (B, S, D) of ids (B, S). Where the scope collects gradients by token, none flows back to
// the table.
func (s *scope) wordEmbedding(table, ids *ts.Tensor, padding int64) *ts.Tensor {
	if s.words == nil {
		return s.embedding(table, ids, padding)
	}
	var leaf *ts.Tensor
	if s.err == nil {
		s.fail(withoutGrad(func() (err error) {
			leaf, err = ts.Embedding(table, ids, padding, false, false)
			return err
		}))
	}
	if s.err != nil {
		return nil
	}
	s.words.leaf = leaf
	s.fail(leaf.RequiresGrad_(true))
	return leaf
}
