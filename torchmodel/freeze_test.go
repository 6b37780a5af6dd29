package torchmodel

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"
)

// values are the bytes of every parameter.
func values(t *testing.T, m *Model) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := m.session.noGrad(func() error {
		s := new(scope)
		defer s.drop()
		for _, p := range m.parameters {
			floats := s.floats(p.tensor)
			all[p.Name] = slices.Clone(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(floats))), 4*len(floats)))
		}
		return s.err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFrozenParametersStay trains with weight decay, which would change them without any gradient.
func TestFrozenParametersStay(t *testing.T) {
	s := openSession(t)
	for _, c := range []struct {
		embeddings bool
		layers     int
		frozen     func(name string) bool
	}{
		{false, 0, func(string) bool { return false }},
		{true, 0, func(name string) bool { return strings.Contains(name, "embeddings") }},
		{false, 1, func(name string) bool { return strings.Contains(name, "layer.0.") }},
		{true, 2, func(name string) bool { return !strings.HasPrefix(name, "classifier") }},
	} {
		m := newTestModel(t, s, 5)
		if err := m.Freeze(c.embeddings, c.layers); err != nil {
			t.Fatal(err)
		}
		before := values(t, m)
		trainer, err := m.NewTrainer(testOptimizer, Objective{})
		if err != nil {
			t.Fatal(err)
		}
		trainSteps(t, trainer, 3)
		for name, after := range values(t, m) {
			// A key's bias adds the same to all of a query's scores, so its gradient is nothing but rounding.
			if same := bytes.Equal(after, before[name]); same != c.frozen(name) && !strings.HasSuffix(name, "k_lin.bias") {
				t.Errorf("embeddings %v, %d layers frozen: %s stayed: %v", c.embeddings, c.layers, name, same)
			}
		}
		if err := trainer.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFrozenParametersHaveNoPartInTheNorm compares with the norm of a step in which all are trained.
func TestFrozenParametersHaveNoPartInTheNorm(t *testing.T) {
	s := openSession(t)
	m := newTestModel(t, s, 5)
	rows := [][]Row{randomRows(rand.New(rand.NewPCG(1, 1)), 4)}
	var norms []float64
	for layers := range 3 {
		if err := m.Freeze(layers > 0, layers); err != nil {
			t.Fatal(err)
		}
		trainer, err := m.NewTrainer(testOptimizer, Objective{})
		if err != nil {
			t.Fatal(err)
		}
		norms = append(norms, takeStep(t, trainer, rows, 0, 1).GradNorm)
		if err := trainer.Close(); err != nil {
			t.Error(err)
		}
	}
	if !(norms[0] > norms[1] && norms[1] > norms[2] && norms[2] > 0) {
		t.Errorf("the more is frozen, the smaller should the norm be: %v", norms)
	}
}

func TestFreezingMoreThanThereIs(t *testing.T) {
	m := newTestModel(t, openSession(t), 5)
	if err := m.Freeze(false, 3); err == nil || !strings.Contains(err.Error(), "3 layers") || !strings.Contains(err.Error(), "has 2") {
		t.Errorf("three of two layers: %v", err)
	}
}

func TestStateOfOtherFrozenParametersIsRefused(t *testing.T) {
	s := openSession(t)
	path := filepath.Join(t.TempDir(), "state.safetensors")
	trainer := func(layers int) *Trainer {
		m := newTestModel(t, s, 5)
		if err := m.Freeze(true, layers); err != nil {
			t.Fatal(err)
		}
		trainer, err := m.NewTrainer(testOptimizer, Objective{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { trainer.Close() })
		return trainer
	}
	var b bytes.Buffer
	if err := trainer(1).Save(&b, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := trainer(0).Restore(path); err == nil || !strings.Contains(err.Error(), "layer.0") || !strings.Contains(err.Error(), "missing") {
		t.Errorf("with fewer moments than needed: %v", err)
	}
	if _, err := trainer(2).Restore(path); err == nil || !strings.Contains(err.Error(), "layer.1") {
		t.Errorf("with more moments than needed: %v", err)
	}
	if _, err := trainer(1).Restore(path); err != nil {
		t.Error(err)
	}
}
