package torchmodel

import (
	"fmt"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Row is one sequence of tokens, special tokens included.
type Row struct {
	IDs  []int32
	Tags []int64 // class of each token, or IgnoreIndex; nil when predicting
}

// IgnoreIndex is the target of tokens that have no part in the loss.
const IgnoreIndex = -100

// maskedScore is added to attention scores of padding. Its exponential is zero beside any real score, and unlike -Inf it
// leaves no NaN.
const maskedScore = -1e9

// batch is rows padded to one length, as tensors.
type batch struct {
	rows, length int
	ids          *ts.Tensor // (B, S) int64
	positions    *ts.Tensor // (1, S) int64
	mask         *ts.Tensor // (B, 1, 1, S) float32: 0, or maskedScore on padding
	tags         *ts.Tensor // (B*S) int64; nil without tags
	labelled     []int64    // where in tags there is a class
}

func (c Config) checkRows(rows []Row) error {
	for i, row := range rows {
		if err := c.checkRow(i, row); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkRow(i int, row Row) error {
	if len(row.IDs) == 0 || len(row.IDs) > c.MaxPositions {
		return fmt.Errorf("row %d has %d tokens; the model takes 1 to %d", i, len(row.IDs), c.MaxPositions)
	}
	for _, id := range row.IDs {
		if id < 0 || int(id) >= c.VocabSize {
			return fmt.Errorf("row %d has token id %d; the vocabulary has %d", i, id, c.VocabSize)
		}
	}
	if row.Tags == nil {
		return nil
	}
	if len(row.Tags) != len(row.IDs) {
		return fmt.Errorf("row %d has %d tags for %d tokens", i, len(row.Tags), len(row.IDs))
	}
	for _, tag := range row.Tags {
		if tag != IgnoreIndex && (tag < 0 || int(tag) >= c.classes()) {
			return fmt.Errorf("row %d has tag id %d; the model has %d classes", i, tag, c.classes())
		}
	}
	return nil
}

// newBatch pads rows to the longest of them. The tensors belong to s.
func newBatch(s *scope, c Config, rows []Row, device gotch.Device) batch {
	if err := c.checkRows(rows); err != nil {
		s.fail(err)
		return batch{}
	}
	length := 0
	for _, row := range rows {
		length = max(length, len(row.IDs))
	}
	ids := make([]int64, len(rows)*length)
	mask := make([]float32, len(rows)*length)
	tags := make([]int64, len(rows)*length)
	for i := range ids {
		ids[i], mask[i], tags[i] = int64(c.PadTokenID), maskedScore, IgnoreIndex
	}
	for r, row := range rows {
		for t, id := range row.IDs {
			ids[r*length+t], mask[r*length+t] = int64(id), 0
		}
		copy(tags[r*length:], row.Tags)
	}
	positions := make([]int64, length)
	for i := range positions {
		positions[i] = int64(i)
	}
	b, l := int64(len(rows)), int64(length)
	made := batch{rows: len(rows), length: length,
		ids: s.ints(ids, []int64{b, l}, device), positions: s.ints(positions, []int64{1, l}, device),
		mask: s.upload(bytesOf(mask), []int64{b, 1, 1, l}, gotch.Float, device)}
	if rows[0].Tags != nil {
		made.tags = s.ints(tags, []int64{b * l}, device)
		for i, tag := range tags {
			if tag != IgnoreIndex {
				made.labelled = append(made.labelled, int64(i))
			}
		}
	}
	return made
}
