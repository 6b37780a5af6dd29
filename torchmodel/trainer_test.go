package torchmodel

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var testOptimizer = Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, MaxGradNorm: 1}

func trainSteps(t *testing.T, trainer *Trainer, until int) {
	t.Helper()
	for trainer.Steps() < until {
		step := trainer.Steps()
		random := rand.New(rand.NewPCG(7, uint64(step)))
		if _, err := trainer.Step([][]Row{randomRows(random, 4), randomRows(random, 3)}, 1e-2, int64(step)<<16); err != nil {
			t.Fatal(err)
		}
	}
}

// TestResumedTrainingIsBitIdentical: with dropout and accumulation, stopped at any step.
func TestResumedTrainingIsBitIdentical(t *testing.T) {
	s := openSession(t)
	const steps = 8
	whole := newTestModel(t, s, 5)
	trainer, err := whole.NewTrainer(testOptimizer, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	states := make([]string, steps)
	for at := range steps {
		states[at] = filepath.Join(t.TempDir(), "state.safetensors")
		f, err := os.Create(states[at])
		if err != nil {
			t.Fatal(err)
		}
		if err := trainer.Save(f, map[string]string{"kept": "value"}); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		trainSteps(t, trainer, at+1)
	}
	want := weights(t, whole)
	for at, state := range states {
		resumed := newTestModel(t, s, 99)
		again, err := resumed.NewTrainer(testOptimizer, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		values, err := again.Restore(state)
		if err != nil || values["kept"] != "value" || again.Steps() != at {
			t.Fatalf("restored %v at step %d, %v", values, again.Steps(), err)
		}
		trainSteps(t, again, steps)
		if !bytes.Equal(weights(t, resumed), want) {
			t.Errorf("training that was stopped at step %d ends elsewhere", at)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTrainingLearns(t *testing.T) {
	s := openSession(t)
	m := newTestModel(t, s, 5)
	trainer, err := m.NewTrainer(testOptimizer, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	// The class of a token is its id modulo 3.
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 64)
	for _, row := range rows {
		for i, id := range row.IDs {
			row.Tags[i] = int64(id % 3)
		}
	}
	before, n, err := m.Loss(rows)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 60 {
		if _, err := trainer.Step([][]Row{rows}, 1e-2, int64(step)); err != nil {
			t.Fatal(err)
		}
	}
	after, _, err := m.Loss(rows)
	if err != nil {
		t.Fatal(err)
	}
	if !(after < before/10) {
		t.Errorf("mean loss went from %g to %g", before/float64(n), after/float64(n))
	}
}

func TestStepWithoutLabelsIsRefused(t *testing.T) {
	s := openSession(t)
	trainer, err := newTestModel(t, s, 5).NewTrainer(testOptimizer, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if _, err := trainer.Step([][]Row{{{IDs: []int32{1}, Tags: []int64{IgnoreIndex}}}}, 1, 1); err == nil {
		t.Error("a step without a label was taken")
	}
}
