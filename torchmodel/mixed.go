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

// lossScale is what the loss is multiplied by in fp16, so that small gradients are not zero; AdamW divides by it. It is a power of two, so
// that it rounds nothing. It follows torch.cuda.amp.GradScaler: a step whose gradients overflow is left out, and the next one has half
// the scale. While a trainer takes steps the scale is on the device, where they adjust it; this is what of it is saved and restored.
type lossScale struct {
	factor  float64 // at least 1
	good    int     // steps since it changed
	leftOut int     // steps that AdamW has not taken, and does not count
}

// The first scale is GradScaler's, the last is the largest power of two in float32.
const (
	firstScale = 65536
	lastScale  = 0x1p127
)

// onDevice is the scale as stepOnDevice takes and adjusts it: (3) float32, in the order of the fields; a tensor of s.
func (l lossScale) onDevice(s *scope, device gotch.Device) *ts.Tensor {
	return s.float32s([]float32{float32(l.factor), float32(l.good), float32(l.leftOut)}, []int64{3}, device)
}

// readLossScale is the inverse of onDevice; without a tensor the scale is 1.
func readLossScale(x *ts.Tensor) (lossScale, error) {
	if x == nil {
		return lossScale{factor: 1}, nil
	}
	s := new(scope)
	defer s.drop()
	values := s.floats(x)
	if s.err != nil {
		return lossScale{}, fmt.Errorf("reading the scale of the loss: %w", s.err)
	}
	return lossScale{float64(values[0]), int(values[1]), int(values[2])}, nil
}

// save adds the scale to the values of a state.
func (l lossScale) save(values map[string]string) {
	values["loss_scale"] = strconv.FormatFloat(l.factor, 'g', -1, 64)
	values["loss_scale_steps"] = strconv.Itoa(l.good)
	values["loss_scale_left_out"] = strconv.Itoa(l.leftOut)
}

// savedLossScale is the scale in the values of a state after so many steps; where they have none, the first one.
func savedLossScale(values map[string]string, steps int) (lossScale, error) {
	first := lossScale{factor: firstScale}
	if values["loss_scale"] == "" {
		return first, nil
	}
	factor, err := strconv.ParseFloat(values["loss_scale"], 64)
	if err != nil || !(factor >= 1) || math.IsInf(factor, 0) {
		return first, fmt.Errorf("loss_scale is %q", values["loss_scale"])
	}
	good, err := strconv.Atoi(values["loss_scale_steps"])
	if err != nil {
		return first, fmt.Errorf("loss_scale_steps: %w", err)
	}
	leftOut := 0
	if text := values["loss_scale_left_out"]; text != "" { // older states have none: each step was computed until it could be taken
		if leftOut, err = strconv.Atoi(text); err != nil || leftOut < 0 || leftOut > steps {
			return first, fmt.Errorf("loss_scale_left_out is %q of %d steps", text, steps)
		}
	}
	return lossScale{min(factor, lastScale), good, leftOut}, nil
}
