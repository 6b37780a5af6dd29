package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"pii/torchmodel"
)

// modelName is the folder of the checkpoint that all fixtures are about.
const modelName = "tiny-distilbert"

// batch is a padded batch with the logits that are expected, or, for training, the labels.
type batch struct {
	InputIDs [][]int32     `json:"input_ids"`
	Mask     [][]int       `json:"attention_mask"`
	Labels   [][]int64     `json:"labels"`
	Logits   [][][]float64 `json:"logits"` // (B, S, K)
}

// rows are the batch's rows without their padding.
func (b batch) rows() []torchmodel.Row {
	rows := make([]torchmodel.Row, len(b.InputIDs))
	for i, ids := range b.InputIDs {
		length := 0
		for _, m := range b.Mask[i] {
			length += m
		}
		rows[i].IDs = ids[:length]
		if b.Labels != nil {
			rows[i].Tags = b.Labels[i][:length]
		}
	}
	return rows
}

// compare holds logits, (tokens, K) a row, against the expected ones where there is no padding.
func (b batch) compare(r *row, logits [][]float32, where string) {
	for i, got := range logits {
		at := 0
		for _, want := range b.Logits[i][:len(b.rows()[i].IDs)] {
			for _, value := range want {
				r.see(math.Abs(float64(got[at])-value), fmt.Sprintf("%s, row %d", where, i+1))
				at++
			}
		}
	}
}

func checkModel(dir string) []row {
	rows := []row{
		{what: "logits, model.safetensors", tolerance: 1e-4}, {what: "logits, pytorch_model.bin", tolerance: 1e-4},
		{what: "logits, saved and loaded again", tolerance: 1e-4}, {what: "logits of a row alone and in its batch", tolerance: 1e-5},
	}
	fail := func(err error) []row {
		for i := range rows {
			rows[i].err = err
		}
		return rows
	}
	batches, err := readJSON[[]batch](filepath.Join(dir, "logits.json"))
	if err != nil {
		return fail(err)
	}
	session, err := torchmodel.Open("cpu", 1)
	if err != nil {
		return fail(err)
	}
	defer session.Close()
	folder := filepath.Join(dir, modelName)
	rows[0].err = withModel(session, folder, func(m *torchmodel.Model) error { return compareLogits(&rows[0], m, batches) })
	rows[1].err = withPickle(folder, func(pickle string) error {
		return withModel(session, pickle, func(m *torchmodel.Model) error { return compareLogits(&rows[1], m, batches) })
	})
	rows[2].err = withSaved(session, folder, func(saved string) error {
		return withModel(session, saved, func(m *torchmodel.Model) error { return compareLogits(&rows[2], m, batches) })
	})
	rows[3].err = withModel(session, folder, func(m *torchmodel.Model) error { return compareAlone(&rows[3], m, batches) })
	return rows
}

func withModel(session *torchmodel.Session, folder string, use func(*torchmodel.Model) error) error {
	m, err := session.Load(folder)
	if err != nil {
		return err
	}
	return errors.Join(use(m), m.Close())
}

// withPickle makes a folder that has the weights as pytorch_model.bin alone.
func withPickle(folder string, use func(string) error) error {
	return withFolder(func(to string) error {
		for _, name := range []string{"config.json", "pytorch_model.bin"} {
			content, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(to, name), content, 0o666); err != nil {
				return err
			}
		}
		return use(to)
	})
}

func withSaved(session *torchmodel.Session, folder string, use func(string) error) error {
	return withFolder(func(to string) error {
		if err := withModel(session, folder, func(m *torchmodel.Model) error { return m.Save(to) }); err != nil {
			return err
		}
		return use(to)
	})
}

func withFolder(use func(string) error) error {
	dir, err := os.MkdirTemp("", "parity-*")
	if err != nil {
		return err
	}
	return errors.Join(use(dir), os.RemoveAll(dir))
}

func compareLogits(r *row, m *torchmodel.Model, batches []batch) error {
	for i, b := range batches {
		logits, err := m.Logits(b.rows())
		if err != nil {
			return err
		}
		b.compare(r, logits, fmt.Sprintf("logits.json, batch %d", i+1))
	}
	return nil
}

func compareAlone(r *row, m *torchmodel.Model, batches []batch) error {
	for i, b := range batches {
		together, err := m.Logits(b.rows())
		if err != nil {
			return err
		}
		for k, one := range b.rows() {
			alone, err := m.Logits([]torchmodel.Row{one})
			if err != nil {
				return err
			}
			for j, value := range alone[0] {
				r.see(math.Abs(float64(value-together[k][j])), fmt.Sprintf("logits.json, batch %d, row %d", i+1, k+1))
			}
		}
	}
	return nil
}
