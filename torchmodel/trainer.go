package torchmodel

import (
	"errors"
	"fmt"

	"github.com/sugarme/gotch/ts"
)

// Optimizer holds the constants of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and of clipping.
type Optimizer struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // λ, on all parameters but biases and layer norms
	MaxGradNorm       float64 // gradients are scaled down to this L2 norm; 0 is no clipping
}

// Trainer changes a model's weights step by step. Its state can be saved and restored bit for bit.
type Trainer struct {
	model      *Model
	optimizer  Optimizer
	smoothing  float64
	step       int
	expAvg     []*ts.Tensor // first moments, as the parameters
	expAvgSq   []*ts.Tensor // second moments
	decay      []float64
	parameters []*ts.Tensor
}

// NewTrainer makes a trainer at step 0. smoothing is the label smoothing of the loss, in [0, 1).
func (m *Model) NewTrainer(o Optimizer, smoothing float64) (*Trainer, error) {
	t := &Trainer{model: m, optimizer: o, smoothing: smoothing}
	err := m.session.do(func() error {
		for _, p := range m.parameters {
			first, err := zeros(p, m.session)
			if err != nil {
				return err
			}
			t.expAvg = append(t.expAvg, first)
			second, err := zeros(p, m.session)
			if err != nil {
				return err
			}
			t.expAvgSq = append(t.expAvgSq, second)
			t.parameters = append(t.parameters, p.tensor)
			decay := 0.0
			if p.Decays() {
				decay = o.WeightDecay
			}
			t.decay = append(t.decay, decay)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making optimizer state: %w", err), t.Close())
	}
	return t, nil
}

func zeros(p Parameter, s *Session) (*ts.Tensor, error) {
	x, err := ts.Zeros(p.Shape, p.tensor.DType(), s.device)
	return x, err
}

// Close frees the optimizer's state; the model stays.
func (t *Trainer) Close() error {
	return t.model.session.do(func() error {
		var errs []error
		for _, x := range append(t.expAvg, t.expAvgSq...) {
			errs = append(errs, x.Drop())
		}
		t.expAvg, t.expAvgSq = nil, nil
		return errors.Join(errs...)
	})
}

// Steps is how many steps have been taken.
func (t *Trainer) Steps() int { return t.step }

// StepResult says how a step went.
type StepResult struct {
	Loss     float64 // mean cross-entropy over the step's labelled tokens, before the update
	GradNorm float64 // L2 norm of all gradients, before clipping
}

// Step takes one optimizer step at learning rate lr over micro-batches whose gradients are accumulated. The loss is the
// sum over all labelled tokens of the step divided by their number. Dropout depends on seed alone.
func (t *Trainer) Step(micro [][]Row, lr float64, seed int64) (StepResult, error) {
	tokens := 0
	for _, rows := range micro {
		tokens += countLabelled(rows)
	}
	if tokens == 0 {
		return StepResult{}, errors.New("training step: no token has a label")
	}
	var result StepResult
	err := t.model.session.do(func() error {
		for i, rows := range micro {
			if err := manualSeed(seed + int64(i)); err != nil {
				return err
			}
			sum, err := t.accumulate(rows, tokens)
			if err != nil {
				return err
			}
			result.Loss += sum / float64(tokens)
		}
		o := t.optimizer
		norm, err := adamWStep(t.parameters, t.expAvg, t.expAvgSq, t.decay, adamWSettings{LR: lr, Beta1: o.Beta1, Beta2: o.Beta2,
			Eps: o.Eps, Step: t.step + 1, MaxGradNorm: o.MaxGradNorm, GradScale: 1})
		result.GradNorm = norm
		return err
	})
	if err != nil {
		return StepResult{}, fmt.Errorf("training step %d: %w", t.step+1, err)
	}
	t.step++
	return result, nil
}

// accumulate adds the gradients of one micro-batch and returns its summed loss.
func (t *Trainer) accumulate(rows []Row, tokens int) (float64, error) {
	s := new(scope)
	defer s.drop()
	in := newBatch(s, t.model.Config, rows, t.model.session.device)
	sum := t.model.lossSum(s, in, t.smoothing, true)
	mean := s.scale(sum, 1/float64(tokens))
	if s.err == nil {
		s.fail(mean.Backward())
	}
	value := s.floats(sum)
	if s.err != nil {
		return 0, s.err
	}
	return float64(value[0]), nil
}
