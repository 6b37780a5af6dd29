package torchmodel

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Parameter is a tensor of the model under its name in a checkpoint.
type Parameter struct {
	Name   string
	Shape  []int64
	tensor *ts.Tensor // float32; requires a gradient unless frozen
	frozen bool       // training leaves it as it is
}

// Decays reports whether weight decay applies: to all but biases and layer norms, as in transformers' Trainer.
func (p Parameter) Decays() bool {
	return !strings.HasSuffix(p.Name, ".bias") && !strings.Contains(strings.ToLower(p.Name), "layer_norm") &&
		!strings.Contains(p.Name, "LayerNorm")
}

// parameters makes the tensors of a new model, in the order in which its parts ask for them.
type parameters struct {
	list       []Parameter
	device     gotch.Device
	random     *rand.Rand
	std        float64
	stored     func(name string) bool // those whose values a checkpoint brings; nil: none
	onlyShapes bool                   // no tensors are made
	shared     []Parameter            // those of a model whose memory this one's share; nil: none
	err        error
}

// path is the place of a part in the tree of names.
type path struct {
	*parameters
	prefix string
}

func (p path) at(name string) path { return path{p.parameters, p.prefix + name + "."} }

// normal is a parameter drawn from N(0, std²); the row zeroRow of it, if not negative, is zero.
func (p path) normal(name string, zeroRow int, shape ...int64) *ts.Tensor {
	return p.add(name, shape, func(values []float32) {
		for i := range values {
			values[i] = float32(p.random.NormFloat64() * p.std)
		}
		if width := int(shape[len(shape)-1]); zeroRow >= 0 {
			clear(values[zeroRow*width : (zeroRow+1)*width])
		}
	})
}

// constant is a parameter with one value everywhere.
func (p path) constant(name string, value float32, shape ...int64) *ts.Tensor {
	return p.add(name, shape, func(values []float32) {
		for i := range values {
			values[i] = value
		}
	})
}

// add makes a parameter with the values that init fills in, unless they are stored.
func (p path) add(name string, shape []int64, init func([]float32)) *ts.Tensor {
	name = p.prefix + name
	if p.err != nil {
		return nil
	}
	if at := len(p.list); p.shared != nil {
		var x *ts.Tensor
		if x, p.err = sharing(p.shared[at]); p.err != nil {
			return nil
		}
		p.list = append(p.list, Parameter{Name: name, Shape: shape, tensor: x, frozen: p.shared[at].frozen})
		return x
	}
	var x *ts.Tensor
	if !p.onlyShapes {
		var values []float32
		if p.stored == nil || !p.stored(name) {
			values = make([]float32, elements(shape))
			init(values)
		}
		if x, p.err = newLeaf(values, shape, p.device); p.err != nil {
			p.err = fmt.Errorf("making parameter %s: %w", name, p.err)
			return nil
		}
	}
	p.list = append(p.list, Parameter{Name: name, Shape: shape, tensor: x})
	return x
}

// newLeaf is a tensor outside any scope that collects gradients. With nil for the values, they are arbitrary.
func newLeaf(values []float32, shape []int64, device gotch.Device) (*ts.Tensor, error) {
	s := new(scope)
	var x *ts.Tensor
	if values == nil {
		x = s.keep(ts.Empty(shape, gotch.Float, device))
	} else {
		x = s.float32s(values, shape, device)
	}
	if s.err == nil {
		s.fail(x.RequiresGrad_(true))
	}
	if s.err != nil {
		s.drop()
		return nil, s.err
	}
	for _, held := range s.held {
		if held != x {
			s.fail(held.Drop())
		}
	}
	return x, s.err
}

func elements(shape []int64) int {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return int(n)
}
