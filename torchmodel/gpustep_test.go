package torchmodel

import (
	"bytes"
	"math"
	"math/rand/v2"
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

// scaled gives a trainer the scale of a loss, as one in fp16 has.
func scaled(t *testing.T, trainer *Trainer, scale lossScale) {
	t.Helper()
	trainer.scale = scale.onDevice(&trainer.held, trainer.model.session.device)
	if trainer.held.err != nil {
		t.Fatal(trainer.held.err)
	}
}

func scaleOf(t *testing.T, trainer *Trainer) lossScale {
	t.Helper()
	var scale lossScale
	err := trainer.model.session.do(func() (err error) {
		scale, err = readLossScale(trainer.scale)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return scale
}

// Steps whose gradients overflow with the scale of the loss change nothing but the scale; those after them are the steps without a
// scale. Nobody asks in between.
func TestDeviceStepsThatOverflowAreLeftOut(t *testing.T) {
	s := openDevice(t)
	plain, m := newTestModel(t, s, 5), newTestModel(t, s, 5)
	want, trainer := newTestTrainer(t, plain, Objective{}), newTestTrainer(t, m, Objective{})
	const first = 70 // its square is beyond float32
	scaled(t, trainer, lossScale{factor: math.Ldexp(1, first)})
	rows := [][]Row{randomRows(rand.New(rand.NewPCG(1, 1)), 3), randomRows(rand.New(rand.NewPCG(1, 2)), 4)}
	before := weights(t, m)
	const taken = 3
	leftOut := 0
	for at := 0; at < taken; {
		if err := trainer.Step(rows, 1e-2, int64(at)); err != nil {
			t.Fatal(err)
		}
		if len(trainer.results) != 0 || len(trainer.unread) != 1 {
			t.Fatal("a result was read in the step")
		}
		got := resultsOf(t, trainer)[0]
		if got.LeftOut {
			if leftOut++; leftOut > 20 || at > 0 || !bytes.Equal(weights(t, m), before) {
				t.Fatalf("%d steps left out, %d taken, weights changed: %v", leftOut, at, !bytes.Equal(weights(t, m), before))
			}
			continue
		}
		ref := takeStep(t, want, rows, 1e-2, int64(at))
		if math.Abs(got.Loss-ref.Loss) > 1e-4*ref.Loss || math.Abs(got.GradNorm-ref.GradNorm) > 1e-3*ref.GradNorm {
			t.Errorf("step %d: %+v, without a scale %+v", at+1, got, ref)
		}
		at++
	}
	if scale := scaleOf(t, trainer); leftOut == 0 || scale != (lossScale{math.Ldexp(1, first-leftOut), taken, leftOut}) {
		t.Errorf("%d steps left out, then %+v", leftOut, scale)
	}
}

// The scale goes through a file into a trainer with another.
func TestDeviceScaleIsRestored(t *testing.T) {
	s := openDevice(t)
	trainer, again := newTestTrainer(t, newTestModel(t, s, 5), Objective{}), newTestTrainer(t, newTestModel(t, s, 6), Objective{})
	scaled(t, trainer, lossScale{factor: lastScale})
	scaled(t, again, lossScale{factor: firstScale})
	takeUnread(t, trainer, 1)
	path := saveState(t, trainer, map[string]string{})
	if _, err := again.Restore(path); err != nil {
		t.Fatal(err)
	}
	if got := scaleOf(t, again); got != (lossScale{lastScale / 2, 0, 1}) || got != scaleOf(t, trainer) {
		t.Errorf("%+v was saved, %+v is restored", scaleOf(t, trainer), got)
	}
}

// A restored trainer knows nothing of steps that were taken before.
func TestRestoringForgetsResults(t *testing.T) {
	trainer := newTestTrainer(t, newTestModel(t, openDevice(t), 5), Objective{})
	path := saveState(t, trainer, map[string]string{})
	takeUnread(t, trainer, 2)
	if _, err := trainer.Restore(path); err != nil {
		t.Fatal(err)
	}
	if results := resultsOf(t, trainer); len(results) != 0 || trainer.Steps() != 0 {
		t.Errorf("after %d steps: %+v", trainer.Steps(), results)
	}
}
