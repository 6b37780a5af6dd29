package torchmodel

import (
	"fmt"
	"io"
	"strconv"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Save writes the trainer's whole state, frozen weights included, with values that the caller wants back.
func (t *Trainer) Save(w io.Writer, values map[string]string) error {
	return t.model.session.noGrad(func() error {
		if err := t.model.needWeights(); err != nil {
			return err
		}
		scale, err := readLossScale(t.scale)
		if err != nil {
			return err
		}
		tensors := map[string]*ts.Tensor{}
		for name, s := range t.state() {
			tensors[name] = s.tensor
		}
		values["step"] = strconv.Itoa(t.step)
		scale.save(values)
		return writeTensors(w, tensors, values)
	})
}

// stateTensor is a tensor of the state with its shape.
type stateTensor struct {
	tensor *ts.Tensor
	shape  []int64
}

// state is all that the next step depends on, by its name in a file: every weight, and the moments of those that are trained.
func (t *Trainer) state() map[string]stateTensor {
	all := map[string]stateTensor{}
	for _, p := range t.model.parameters {
		all["weight."+p.Name] = stateTensor{p.tensor, p.Shape}
	}
	for i, p := range t.trained {
		all["exp_avg."+p.Name] = stateTensor{t.adamW.expAvg[i], p.Shape}
		all["exp_avg_sq."+p.Name] = stateTensor{t.adamW.expAvgSq[i], p.Shape}
	}
	return all
}

// Restore is the inverse of Save: after it, the trainer goes on as if it had never stopped. It refuses the state of a trainer
// that froze other parameters.
func (t *Trainer) Restore(path string) (values map[string]string, err error) {
	file, err := openTensors(path)
	if err != nil {
		return nil, fmt.Errorf("restoring training: %w", err)
	}
	defer file.Close()
	values = file.metadata
	step, err := strconv.Atoi(values["step"])
	if err != nil {
		return nil, fmt.Errorf("restoring training: %s: step: %w", path, err)
	}
	scale, err := savedLossScale(values, step)
	if err != nil {
		return nil, fmt.Errorf("restoring training: %s: %w", path, err)
	}
	state := t.state()
	for _, name := range file.names() {
		if _, ok := state[name]; !ok {
			return nil, fmt.Errorf("restoring training: %s: %s has no place in this trainer", path, name)
		}
	}
	err = t.model.session.noGrad(func() error {
		if err := t.model.needWeights(); err != nil { // nothing waits when its weights are replaced
			return err
		}
		t.model.dropEngine()
		if err := t.forget(); err != nil {
			return err
		}
		for name, into := range state {
			if err := file.restore(name, into.tensor, into.shape, t.model.session.device); err != nil {
				return fmt.Errorf("restoring training: %s: %w", path, err)
			}
		}
		return t.restoreScale(scale)
	})
	t.step = step
	return values, err
}

// restoreScale makes scale the trainer's, where it has one: only fp16 does.
func (t *Trainer) restoreScale(scale lossScale) error {
	if t.scale == nil {
		return nil
	}
	s := new(scope)
	defer s.drop()
	saved := scale.onDevice(s, t.model.session.device)
	if s.err == nil {
		t.scale.Copy_(saved)
	}
	if s.err != nil {
		return fmt.Errorf("restoring the scale of the loss: %w", s.err)
	}
	return nil
}

// restore overwrites a tensor of the given shape with the file's.
func (f *tensorFile) restore(name string, into *ts.Tensor, shape []int64, device gotch.Device) error {
	t, ok := f.tensors[name]
	if !ok {
		return fmt.Errorf("%s is missing", name)
	}
	if fault := t.fault(shape); fault != "" {
		return fmt.Errorf("%s %s", name, fault)
	}
	return t.copyTo(into, device)
}
