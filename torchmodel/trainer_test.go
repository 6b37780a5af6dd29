package torchmodel

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// saveState saves a trainer's state with values of the caller's, and returns the file.
func saveState(t *testing.T, trainer *Trainer, values map[string]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(trainer.Save(f, values), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

var testOptimizer = Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, MaxGradNorm: 1}

func trainSteps(t *testing.T, trainer *Trainer, until int) {
	t.Helper()
	for trainer.Steps() < until {
		step := trainer.Steps()
		random := rand.New(rand.NewPCG(7, uint64(step)))
		if err := trainer.Step([][]Row{randomRows(random, 4), randomRows(random, 3)}, 1e-2, int64(step)<<16); err != nil {
			t.Fatal(err)
		}
	}
}

// takeStep takes a step and says how it went.
func takeStep(t testing.TB, trainer *Trainer, micro [][]Row, lr float64, seed int64) StepResult {
	t.Helper()
	if err := trainer.Step(micro, lr, seed); err != nil {
		t.Fatal(err)
	}
	results, err := trainer.Results()
	if err != nil || len(results) != 1 {
		t.Fatalf("the results of one step are %v, %v", results, err)
	}
	return results[0]
}

// TestResumedTrainingIsBitIdentical: with dropout and accumulation, stopped at any step, and with all options.
func TestResumedTrainingIsBitIdentical(t *testing.T) {
	t.Run("plain", func(t *testing.T) { resumeEverywhere(t, Objective{}, false, 0) })
	t.Run("options", func(t *testing.T) {
		resumeEverywhere(t, Objective{LabelSmoothing: 0.1, ClassWeights: []float64{0.1, 2, 3}}, true, 1)
	})
}

func resumeEverywhere(t *testing.T, objective Objective, embeddings bool, layers int) {
	s := openSession(t)
	const steps = 8
	frozen := func(seed uint64) *Model {
		m := newTestModel(t, s, seed)
		if err := m.Freeze(embeddings, layers); err != nil {
			t.Fatal(err)
		}
		return m
	}
	whole := frozen(5)
	trainer, err := whole.NewTrainer(testOptimizer, objective)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	states := make([]string, steps)
	for at := range steps {
		states[at] = saveState(t, trainer, map[string]string{"kept": "value"})
		trainSteps(t, trainer, at+1)
	}
	want := weights(t, whole)
	for at, state := range states {
		resumed := frozen(99)
		again, err := resumed.NewTrainer(testOptimizer, objective)
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
	trainer, err := m.NewTrainer(testOptimizer, Objective{})
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
	before, err := m.Judge(rows)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 60 {
		if err := trainer.Step([][]Row{rows}, 1e-2, int64(step)); err != nil {
			t.Fatal(err)
		}
	}
	after, err := m.Judge(rows)
	if err != nil {
		t.Fatal(err)
	}
	if !(after.LossSum < before.LossSum/10) {
		t.Errorf("mean loss went from %g to %g", before.LossSum/float64(before.Tokens), after.LossSum/float64(after.Tokens))
	}
}

func TestStepWithoutLabelsIsRefused(t *testing.T) {
	s := openSession(t)
	trainer, err := newTestModel(t, s, 5).NewTrainer(testOptimizer, Objective{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Step([][]Row{{{IDs: []int32{1}, Tags: []int64{IgnoreIndex}}}}, 1, 1); err == nil {
		t.Error("a step without a label was taken")
	}
}

// BenchmarkTraining takes steps of the small model over rows as long as transcripts are.
func BenchmarkTraining(b *testing.B) {
	for _, batch := range []int{16, 32} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("batch=%d/threads=%d", batch, threads), func(b *testing.B) {
				config := Small(8000, slices.Repeat([]string{"O"}, 15))
				m, err := openThreads(b, threads).New(config, 1)
				if err != nil {
					b.Fatal(err)
				}
				defer m.Close()
				trainer := newTestTrainer(b, m, Objective{})
				random := rand.New(rand.NewPCG(1, 1))
				for b.Loop() {
					rows := make([]Row, batch)
					length := 10 + random.IntN(40)
					for i := range rows {
						for range length + random.IntN(3) {
							rows[i].IDs = append(rows[i].IDs, int32(random.IntN(8000)))
							rows[i].Tags = append(rows[i].Tags, int64(random.IntN(15)))
						}
					}
					if err := trainer.Step([][]Row{rows}, 1e-4, int64(trainer.Steps())); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(batch*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		}
	}
}
