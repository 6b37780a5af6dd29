package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/sugarme/gotch/ts"
)

// adamWSettings are the numbers of one step.
type adamWSettings struct {
	LR                float64
	Beta1, Beta2, Eps float64
	Step              int     // number of this step, from 1
	MaxGradNorm       float64 // gradients are scaled down to this L2 norm; 0 is no clipping

	words *lazyRows // has the gradients of the word embeddings; nil where they have their own
}

func (s adamWSettings) inC() C.pii_torch_adamw {
	return C.pii_torch_adamw{lr: C.double(s.LR), beta1: C.double(s.Beta1), beta2: C.double(s.Beta2), eps: C.double(s.Eps),
		step: C.double(s.Step), max_grad_norm: C.double(s.MaxGradNorm)}
}

// adamWState is what AdamW goes over: parameters, and of each the running means of its gradients and of their squares, of its shape and
// type, and its weight decay.
type adamWState struct {
	params, expAvg, expAvgSq []*ts.Tensor
	decay                    []float64
}

func (a adamWState) check() error {
	n := len(a.params)
	if len(a.expAvg) != n || len(a.expAvgSq) != n || len(a.decay) != n {
		return fmt.Errorf("AdamW: %d parameters, %d and %d moments, %d weight decays", n, len(a.expAvg), len(a.expAvgSq), len(a.decay))
	}
	return nil
}

// step updates the parameters in place by one step of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101, with the
// arithmetic of torch.optim.AdamW) and returns the L2 norm of all gradients before clipping. The
// gradients are the parameters' own, and are undefined afterwards; parameters without one are left as they are. Where the
// norm is infinite or NaN, nothing changes but the gradients.
func (a adamWState) step(s adamWSettings) (norm float64, err error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	if len(a.params) == 0 {
		return 0, nil
	}
	defer runtime.KeepAlive(a)
	numbers := s.inC()
	err = taken(C.pii_torch_adamw_step(
		pointers(a.params), pointers(a.expAvg), pointers(a.expAvgSq), (*C.double)(unsafe.Pointer(&a.decay[0])), C.int(len(a.params)),
		&numbers, s.words.handle(), (*C.double)(unsafe.Pointer(&norm))))
	if err != nil {
		return 0, fmt.Errorf("AdamW: %w", err)
	}
	return norm, nil
}

// stepOnDevice is step where the host is not to wait for a GPU. losses are those of the parts of the step, scalars; weight is what their
// sum is divided by. scale is nil, or what the loss was multiplied by, as of lossScale.onDevice: gradients are divided by it, where
// their norm is not finite the step is left out, and the scale is adjusted to that. The result is a tensor (3) float32 on the device,
// the caller's to drop: the loss, the norm, and the factor of the scale that the step had.
func (a adamWState) stepOnDevice(s adamWSettings, losses []*ts.Tensor, weight float64, scale *ts.Tensor) (*ts.Tensor, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(a)
	defer runtime.KeepAlive(losses)
	defer runtime.KeepAlive(scale)
	numbers, result := s.inC(), unsafe.Pointer(nil)
	var scaleInC unsafe.Pointer
	if scale != nil {
		scaleInC = scale.Ctensor()
	}
	err := taken(C.pii_torch_adamw_step_on_device(
		pointers(a.params), pointers(a.expAvg), pointers(a.expAvgSq), (*C.double)(unsafe.Pointer(unsafe.SliceData(a.decay))), C.int(len(a.params)),
		&numbers, pointers(losses), C.int(len(losses)), C.double(weight), scaleInC, &result))
	if err != nil {
		return nil, fmt.Errorf("AdamW: %w", err)
	}
	return ts.FromCtensor(result), nil
}

// pointers lists the C++ tensors behind gotch's; nil for a nil one.
func pointers(tensors []*ts.Tensor) *unsafe.Pointer {
	list := make([]unsafe.Pointer, len(tensors))
	for i, t := range tensors {
		if t != nil {
			list[i] = t.Ctensor()
		}
	}
	return unsafe.SliceData(list)
}
