package torchmodel

import (
	"errors"
	"fmt"

	"github.com/sugarme/gotch/ts"
)

// resultsEvery is after how many steps a GPU is asked how they went. Until then the host only adds to the GPU's queue.
const resultsEvery = 100

// Due reports whether the results of steps should be read now: on the CPU, where they are known, after each; on a GPU, which has to
// finish all its work for that, now and then.
func (t *Trainer) Due() bool { return len(t.results) > 0 || len(t.unread) >= resultsEvery }

// Results says how the steps since the last call went. A GPU is waited for, and its results are read in one copy.
func (t *Trainer) Results() ([]StepResult, error) {
	err := t.model.session.do(func() error {
		read, err := readResults(t.unread)
		t.results = append(t.results, read...)
		return errors.Join(err, dropAll(t.unread))
	})
	t.unread = nil
	if err != nil {
		return nil, fmt.Errorf("reading the results of training steps: %w", err)
	}
	results := t.results
	t.results = nil
	return results, nil
}

// readResults copies results as of stepOnDevice to the host.
func readResults(unread []*ts.Tensor) ([]StepResult, error) {
	if len(unread) == 0 {
		return nil, nil
	}
	s := new(scope)
	defer s.drop()
	values := s.floats(s.keep(ts.Stack(unread, 0))) // (steps, 3)
	var results []StepResult
	for ; len(values) > 0; values = values[3:] {
		loss, norm, scale := values[0], values[1], values[2]
		results = append(results, StepResult{Loss: float64(loss), GradNorm: float64(norm), LeftOut: overflowed(loss, norm, scale)})
	}
	return results, s.err
}

// overflowed reports whether a step's gradients may be finite with a smaller scale. A loss that is not finite is so with any.
func overflowed(loss, norm, scale float32) bool {
	return finite([]float32{loss}) && !finite([]float32{norm}) && scale > 1
}

// forget drops the results that nobody has read.
func (t *Trainer) forget() error {
	err := dropAll(t.unread)
	t.results, t.unread = nil, nil
	return err
}

func dropAll(tensors []*ts.Tensor) error {
	var errs []error
	for _, x := range tensors {
		errs = append(errs, x.Drop())
	}
	return errors.Join(errs...)
}

// stepOnGPU computes micro-batches as they are, or in parts where the GPU's memory is too small, with the GPU's own random numbers.
func (t *Trainer) stepOnGPU(micro [][]Row, weight, lr float64, seed int64) error {
	for {
		s := new(scope)
		losses, failed, err := t.accumulateParts(s, micro, weight, seed)
		if err == nil {
			var result *ts.Tensor
			if result, err = t.adamW.stepOnDevice(t.adamWSettings(lr), losses, weight, t.scale); err == nil {
				t.unread = append(t.unread, result)
			}
			s.drop()
			return errors.Join(err, s.err)
		}
		s.drop()
		if !isOutOfMemory(err) || !t.model.session.halve(failed) {
			return err
		}
	}
}

// accumulateParts leaves the gradients of a step in the model and returns the summed losses of its parts, scalars of s. failed are
// the rows that an error is of; it leaves no gradients.
func (t *Trainer) accumulateParts(s *scope, micro [][]Row, weight float64, seed int64) (losses []*ts.Tensor, failed []Row, err error) {
	var parts [][]Row
	for _, rows := range micro {
		parts = append(parts, t.model.session.room.parts(rows)...)
	}
	for i, rows := range parts {
		loss := t.backwardOfPart(s, rows, weight, seed+int64(i))
		if s.err != nil {
			return nil, rows, errors.Join(s.err, t.crew.clear())
		}
		if loss != nil {
			losses = append(losses, loss)
		}
	}
	return losses, nil, nil
}

// backwardOfPart adds the gradients of rows to the model's and returns their summed loss, a scalar float32 of outer without a graph;
// nil where no row has a label.
func (t *Trainer) backwardOfPart(outer *scope, rows []Row, weight float64, seed int64) *ts.Tensor {
	if err := errors.Join(manualSeed(seed), t.model.session.shortOf(rows)); err != nil {
		outer.fail(err)
		return nil
	}
	s := &scope{precision: t.optimizer.Precision}
	sum := t.backward(s, t.model, newBatch(s, t.model.Config, rows, t.model.session.device), weight)
	var loss *ts.Tensor
	if s.err == nil && sum != nil {
		loss = outer.keep(sum.Detach(false))
	}
	s.drop()
	outer.fail(s.err)
	return loss
}
