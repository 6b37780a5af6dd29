package torchmodel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// takeUnread takes steps without asking how they went.
func takeUnread(t *testing.T, trainer *Trainer, steps int) {
	t.Helper()
	rows := [][]Row{randomRows(rand.New(rand.NewPCG(1, 1)), 3), randomRows(rand.New(rand.NewPCG(1, 2)), 4)}
	for range steps {
		if err := trainer.Step(rows, 1e-2, int64(trainer.Steps())<<16); err != nil {
			t.Fatal(err)
		}
	}
}

func resultsOf(t *testing.T, trainer *Trainer) []StepResult {
	t.Helper()
	results, err := trainer.Results()
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// What the steps of a GPU come to stays there until somebody asks, and is then the same as if each had been asked for.
func TestDeviceResultsWaitUntilTheyAreRead(t *testing.T) {
	s := openDevice(t)
	const steps = 5
	trainer, each := newTestTrainer(t, newTestModel(t, s, 5), Objective{}), newTestTrainer(t, newTestModel(t, s, 5), Objective{})
	var want []StepResult
	for range steps {
		takeUnread(t, each, 1)
		want = append(want, resultsOf(t, each)...)
	}
	takeUnread(t, trainer, steps)
	if len(trainer.results) != 0 || len(trainer.unread) != steps || trainer.Due() {
		t.Errorf("after %d steps %d results are read, %d are not; due: %v", steps, len(trainer.results), len(trainer.unread), trainer.Due())
	}
	got := resultsOf(t, trainer)
	same := func(a, b StepResult) bool {
		return math.Abs(a.Loss-b.Loss) <= 1e-4*b.Loss && math.Abs(a.GradNorm-b.GradNorm) <= 1e-3*b.GradNorm
	}
	if !slices.EqualFunc(got, want, same) || len(want) != steps {
		t.Errorf("read at once: %+v, one by one: %+v", got, want)
	}
	if again := resultsOf(t, trainer); len(again) != 0 {
		t.Errorf("read twice: %+v", again)
	}
}

func TestDeviceResultsAreDueNowAndThen(t *testing.T) {
	trainer := newTestTrainer(t, newTestModel(t, openDevice(t), 5), Objective{})
	takeUnread(t, trainer, resultsEvery-1)
	if trainer.Due() {
		t.Error("due too early")
	}
	takeUnread(t, trainer, 1)
	if !trainer.Due() || len(resultsOf(t, trainer)) != resultsEvery || trainer.Due() {
		t.Errorf("not due after %d steps, or due once they are read", resultsEvery)
	}
}

// On the CPU, how a step went is known with the step.
func TestResultsOnTheCPUAreDueAfterEachStep(t *testing.T) {
	trainer := newTestTrainer(t, newTestModel(t, openSession(t), 5), Objective{})
	takeUnread(t, trainer, 1)
	if !trainer.Due() || len(trainer.unread) != 0 || len(resultsOf(t, trainer)) != 1 || trainer.Due() {
		t.Errorf("%+v of one step, %d unread", trainer.results, len(trainer.unread))
	}
}

// The weights are left as they are by all steps from the first whose gradients are not finite.
func TestDeviceDivergedStepsChangeNothing(t *testing.T) {
	m := newTestModel(t, openDevice(t), 5)
	trainer := newTestTrainer(t, m, Objective{})
	takeUnread(t, trainer, 1)
	good := weights(t, m)
	if err := m.setAll(len(m.parameters)-1, math.NaN()); err != nil { // the classifier's bias
		t.Fatal(err)
	}
	broken := weights(t, m)
	takeUnread(t, trainer, 2)
	if !bytes.Equal(weights(t, m), broken) || bytes.Equal(good, broken) {
		t.Error("a step without finite gradients changed weights")
	}
	for i, r := range resultsOf(t, trainer) {
		if ok := finite([]float32{float32(r.Loss), float32(r.GradNorm)}); ok != (i == 0) {
			t.Errorf("step %d: %+v", i+1, r)
		}
	}
}

// A step whose gradients overflow with the loss's scale is computed again with half of it, and then is the step without a scale; how
// it went is known at once.
func TestDeviceStepsAreTakenWithASmallerScale(t *testing.T) {
	s := openDevice(t)
	plain, scaled := newTestModel(t, s, 5), newTestModel(t, s, 5)
	want, trainer := newTestTrainer(t, plain, Objective{}), newTestTrainer(t, scaled, Objective{})
	trainer.scale = lossScale{on: true, factor: math.Ldexp(1, 140)} // beyond float32
	takeUnread(t, want, 3)
	takeUnread(t, trainer, 3)
	if !trainer.Due() || len(trainer.unread) != 0 || trainer.scale.factor > math.Ldexp(1, 130) || trainer.scale.good != 3 {
		t.Errorf("scale %+v, %d results read, %d not", trainer.scale, len(trainer.results), len(trainer.unread))
	}
	got, losses := resultsOf(t, trainer), resultsOf(t, want)
	for i := range losses {
		if math.Abs(got[i].Loss-losses[i].Loss) > 1e-4*losses[i].Loss || math.Abs(got[i].GradNorm-losses[i].GradNorm) > 1e-3*losses[i].GradNorm {
			t.Errorf("step %d: %+v, without a scale %+v", i+1, got[i], losses[i])
		}
	}
}

// A restored trainer knows nothing of steps that were taken before.
func TestRestoringForgetsResults(t *testing.T) {
	trainer := newTestTrainer(t, newTestModel(t, openDevice(t), 5), Objective{})
	path := filepath.Join(t.TempDir(), "state.safetensors")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := trainer.Save(f, map[string]string{}); err != nil {
		t.Fatal(err)
	}
	takeUnread(t, trainer, 2)
	if _, err := trainer.Restore(path); err != nil {
		t.Fatal(err)
	}
	if results := resultsOf(t, trainer); len(results) != 0 || trainer.Steps() != 0 {
		t.Errorf("after %d steps: %+v", trainer.Steps(), results)
	}
}
