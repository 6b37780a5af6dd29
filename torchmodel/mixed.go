package torchmodel

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// TrainPrecisions are the names of what the products of a training may be computed in. With bf16 and fp16 it is mixed (Micikevicius et
// al. 2018, arXiv:1710.03740): weights, gradients of weights, AdamW, layer norms, softmax, sums of residuals and the loss stay in
// float32. fp16 and tf32 need a GPU.
var TrainPrecisions = []string{FP32, TF32, BF16, FP16}

// ResolveTrainPrecision checks that there is this precision for training on a device, "cpu" or "cuda:N".
func ResolveTrainPrecision(name, device string) error {
	switch {
	case !slices.Contains(TrainPrecisions, name):
		return fmt.Errorf("precision %q is not fp32, tf32, bf16 or fp16", name)
	case device == "cpu" && (name == FP16 || name == TF32):
		return &NoPrecisionError{name, "training on the CPU has only fp32 and bf16"}
	case device != "cpu":
		_, err := resolveOnCUDA(name, device)
		return err
	}
	return nil
}

// halfTypes are those of TrainPrecisions in which factors have half of float32's bits.
var halfTypes = map[string]gotch.DType{BF16: gotch.BFloat16, FP16: gotch.Half}

// to is x in another type; x itself where it is of that type.
func (s *scope) to(x *ts.Tensor, dtype gotch.DType) *ts.Tensor {
	if s.err != nil || x.DType() == dtype {
		return x
	}
	return s.keep(x.Totype(dtype, false))
}

// factor is x as products take it: in the scope's half precision, where it has one.
func (s *scope) factor(x *ts.Tensor) *ts.Tensor {
	if half, mixed := halfTypes[s.precision]; mixed {
		return s.to(x, half)
	}
	return x
}

// full is x in float32, as sums over many elements want it.
func (s *scope) full(x *ts.Tensor) *ts.Tensor {
	if _, mixed := halfTypes[s.precision]; mixed {
		return s.to(x, gotch.Float)
	}
	return x
}

// lossScale is what the loss is multiplied by, so that small gradients are not zero in fp16; AdamW divides by it. It is a power of
// two, so that it rounds nothing. It follows torch.cuda.amp.GradScaler, but that a step whose gradients overflow is computed again
// with half the scale, instead of being left out: the schedule goes by steps.
type lossScale struct {
	on     bool    // for fp16; otherwise factor is and stays 1
	factor float64 // at least 1
	good   int     // steps since it changed
}

// Constants of GradScaler.
const (
	firstScale  = 65536
	scaleGrowth = 2000 // steps without overflow after which the scale is doubled
)

func newLossScale(precision string) lossScale {
	if precision == FP16 {
		return lossScale{on: true, factor: firstScale}
	}
	return lossScale{factor: 1}
}

// after adjusts the scale to a step's gradient norm, and reports whether the step is to be computed again.
func (l *lossScale) after(norm float64) bool {
	if !l.on {
		return false
	}
	if math.IsInf(norm, 0) || math.IsNaN(norm) {
		again := l.factor > 1
		l.factor, l.good = max(l.factor/2, 1), 0
		return again
	}
	if l.good++; l.good == scaleGrowth {
		l.factor, l.good = l.factor*2, 0
	}
	return false
}

// restored is the scale that a saved state has; of one without, l.
func (l lossScale) restored(values map[string]string) (lossScale, error) {
	if values["loss_scale"] == "" || !l.on {
		return l, nil
	}
	factor, err := strconv.ParseFloat(values["loss_scale"], 64)
	if err != nil || !(factor >= 1) || math.IsInf(factor, 0) {
		return l, fmt.Errorf("loss_scale is %q", values["loss_scale"])
	}
	good, err := strconv.Atoi(values["loss_scale_steps"])
	if err != nil {
		return l, fmt.Errorf("loss_scale_steps: %w", err)
	}
	return lossScale{true, factor, good}, nil
}
