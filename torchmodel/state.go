package torchmodel

import (
	"fmt"
	"io"
	"strconv"

	"github.com/sugarme/gotch/ts"
)

// Save writes the trainer's whole state, weights included, with values that the caller wants back.
func (t *Trainer) Save(w io.Writer, values map[string]string) error {
	return t.model.session.noGrad(func() error {
		tensors := map[string]*ts.Tensor{}
		for i, p := range t.model.parameters {
			tensors["weight."+p.Name] = p.tensor
			tensors["exp_avg."+p.Name], tensors["exp_avg_sq."+p.Name] = t.expAvg[i], t.expAvgSq[i]
		}
		values["step"] = strconv.Itoa(t.step)
		return writeTensors(w, tensors, values)
	})
}

// Restore is the inverse of Save: after it, the trainer goes on as if it had never stopped.
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
	err = t.model.session.noGrad(func() error {
		for i, p := range t.model.parameters {
			into := map[string]*ts.Tensor{"weight.": p.tensor, "exp_avg.": t.expAvg[i], "exp_avg_sq.": t.expAvgSq[i]}
			for prefix, tensor := range into {
				if fault := file.copyTo(tensor, prefix+p.Name, p.Shape, t.model.session); fault != "" {
					return fmt.Errorf("restoring training: %s: %s", path, fault)
				}
			}
		}
		return nil
	})
	t.step = step
	return values, err
}
