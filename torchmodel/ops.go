package torchmodel

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// scope owns the tensors of one computation and its first error. Go's collector does not see libtorch's memory, so every
// tensor belongs to a scope and is dropped with it:
//
//	s := new(scope)
//	defer s.drop()
//	y := s.add(s.linear(x, w, b), x)
//	return s.floats(y), s.err
//
// After a first error every further operation does nothing and returns nil.
type scope struct {
	held  []*ts.Tensor
	masks *masks // what dropout draws from; nil for libtorch's generator
	err   error

	precision string       // of products, one of TrainPrecisions; "" is fp32
	words     *pickedWords // where the gradients of word embeddings are collected by token; nil: in the embeddings' own gradient
}

// keep takes ownership of an operation's result.
func (s *scope) keep(x *ts.Tensor, err error) *ts.Tensor {
	if err != nil {
		s.fail(err)
		return nil
	}
	s.held = append(s.held, x)
	return x
}

func (s *scope) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// drop frees all tensors of the scope.
func (s *scope) drop() {
	for _, x := range s.held {
		s.fail(x.Drop())
	}
	s.held = nil
}

// inner runs a part of a computation whose intermediate tensors are not needed after it, and keeps its result.
func (s *scope) inner(part func(*scope) *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	in := &scope{masks: s.masks, precision: s.precision, words: s.words}
	result := part(in)
	for i, x := range in.held {
		if x == result {
			in.held = append(in.held[:i], in.held[i+1:]...)
			s.held = append(s.held, x)
			break
		}
	}
	in.drop()
	s.fail(in.err)
	if s.err != nil {
		return nil
	}
	return result
}

// float32s is a new tensor of 32-bit floats on the device.
func (s *scope) float32s(values []float32, shape []int64, device gotch.Device) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	x := s.keep(ts.OfDataSize(bytesOf(values), shape, gotch.Float))
	if s.err == nil && device.IsCuda() {
		x = s.keep(x.To(device, false))
	}
	return x
}

// floats copies a float tensor of any device into Go memory, in row-major order.
func (s *scope) floats(x *ts.Tensor) []float32 {
	if s.err != nil {
		return nil
	}
	x = s.keep(x.To(gotch.CPU, false))
	if s.err == nil {
		x = s.keep(x.Contiguous(false))
	}
	if s.err != nil {
		return nil
	}
	if x.DType() != gotch.Float {
		s.fail(fmt.Errorf("reading a tensor: it is %v, not float32", x.DType()))
		return nil
	}
	pointer, err := x.DataPtr()
	if err != nil {
		s.fail(err)
		return nil
	}
	return append([]float32(nil), unsafe.Slice((*float32)(pointer), x.Numel())...)
}

func (s *scope) embedding(weight, ids *ts.Tensor, pad int64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(ts.Embedding(weight, ids, pad, false, false))
}

// pick is the rows of x (N, …) at places (M) int64: (M, …).
func (s *scope) pick(x, places *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(x.IndexSelect(0, places, false))
}

func (s *scope) linear(x, weight, bias *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	x, weight, bias = s.factor(x), s.factor(weight), s.factor(bias)
	if s.err != nil {
		return nil
	}
	if s.addsBiasItself(x) {
		return s.add(s.keep(ts.Linear(x, weight, ts.None)), bias)
	}
	return s.keep(ts.Linear(x, weight, bias))
}

// addsBiasItself: on a CPU with AVX512_BF16, libtorch hands products in bfloat16 to oneDNN, with the bias as a sum that follows the
// product. Until 3.4, oneDNN's descriptions of such products point to attributes that may be gone: libtorch keeps a description
// for each thread, oneDNN hands one thread's product to another with a copy of its description, and once both have forgotten the
// first, the copy is read again where memory was freed (mended in oneDNN's commit 7d9257ce50). Of a product alone these are not read.
func (s *scope) addsBiasItself(x *ts.Tensor) bool {
	if x.DType() != gotch.BFloat16 {
		return false
	}
	device, err := x.Device()
	if err != nil {
		s.fail(err)
	}
	return err == nil && !device.IsCuda()
}

func (s *scope) layerNorm(x, weight, bias *ts.Tensor, width int64, eps float64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	if x = s.full(x); s.err != nil {
		return nil
	}
	return s.keep(ts.LayerNorm(x, []int64{width}, weight, bias, eps, true))
}

func (s *scope) add(a, b *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(a.Add(b, false))
}

func (s *scope) matmul(a, b *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	a, b = s.factor(a), s.factor(b)
	if s.err != nil {
		return nil
	}
	return s.keep(a.Matmul(b, false))
}

func (s *scope) scale(x *ts.Tensor, factor float64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	by := ts.FloatScalar(factor)
	y := s.keep(x.MulScalar(by, false))
	s.fail(by.Drop())
	return y
}

// times is x times the first element of factors, on x's device.
func (s *scope) times(x, factors *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	first := s.keep(factors.Select(0, 0, false))
	if s.err != nil {
		return nil
	}
	return s.keep(x.Mul(first, false))
}

func (s *scope) softmax(x *ts.Tensor) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(x.Softmax(-1, gotch.Float, false))
}

// dropout zeroes elements with probability p and scales the rest by 1/(1-p), in training only.
func (s *scope) dropout(x *ts.Tensor, p float64, train bool) *ts.Tensor {
	if s.err != nil || !train || p == 0 {
		return x
	}
	if s.masks != nil {
		return s.keep(keyedDropout(x, p, s.masks.key()))
	}
	return s.keep(ts.Dropout(x, p, true))
}

func (s *scope) activation(x *ts.Tensor, name string) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	if name == "relu" {
		return s.keep(x.Relu(false))
	}
	return s.keep(x.Gelu("none", false))
}

func (s *scope) view(x *ts.Tensor, shape ...int64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(x.Reshape(shape, false))
}

func (s *scope) transpose(x *ts.Tensor, a, b int64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	return s.keep(x.Transpose(a, b, false))
}

// crossEntropySum is the sum of the negative log-likelihoods of the targets that are not ignore, each times the weight of
// its class; weights is (K), or ts.None for 1.
func (s *scope) crossEntropySum(logits, targets, weights *ts.Tensor, ignore int64, smoothing float64) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	if logits = s.full(logits); s.err != nil {
		return nil
	}
	const reductionSum = 2
	return s.keep(logits.CrossEntropyLoss(targets, weights, reductionSum, ignore, smoothing, false))
}
