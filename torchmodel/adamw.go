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
	GradScale         float64 // gradients are multiplied by this first; 1 unless the loss was scaled

	words *lazyRows // has the gradients of the word embeddings; nil where they have their own
}

// adamWStep updates the parameters in place by one step of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101, with the
// arithmetic of torch.optim.AdamW) and returns the L2 norm of all gradients, after GradScale and before clipping. The
// gradients are the parameters' own, and are undefined afterwards; parameters without one are left as they are. Where the
// norm is infinite or NaN, nothing changes but the gradients.
//
// expAvg and expAvgSq are the running means of the gradients and of their squares, of the parameters' shapes and types.
// decay has the weight decay of each parameter.
func adamWStep(params, expAvg, expAvgSq []*ts.Tensor, decay []float64, s adamWSettings) (norm float64, err error) {
	n := len(params)
	if len(expAvg) != n || len(expAvgSq) != n || len(decay) != n {
		return 0, fmt.Errorf("AdamW: %d parameters, %d and %d moments, %d weight decays", n, len(expAvg), len(expAvgSq), len(decay))
	}
	if n == 0 {
		return 0, nil
	}
	defer runtime.KeepAlive(params)
	defer runtime.KeepAlive(expAvg)
	defer runtime.KeepAlive(expAvgSq)
	err = taken(C.pii_torch_adamw_step(
		pointers(params), nil, pointers(expAvg), pointers(expAvgSq), (*C.double)(unsafe.Pointer(&decay[0])), C.int(n),
		C.double(s.LR), C.double(s.Beta1), C.double(s.Beta2), C.double(s.Eps), C.double(s.Step), C.double(s.MaxGradNorm),
		C.double(s.GradScale), s.words.handle(), (*C.double)(unsafe.Pointer(&norm))))
	if err != nil {
		return 0, fmt.Errorf("AdamW: %w", err)
	}
	return norm, nil
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
