package torchmodel

import "github.com/sugarme/gotch/ts"

// linear is y = x·Wᵀ + b, with weight (out, in) and bias (out).
type linear struct{ weight, bias *ts.Tensor }

func newLinear(p path, in, out int) linear {
	return linear{p.normal("weight", -1, int64(out), int64(in)), p.constant("bias", 0, int64(out))}
}

func (l linear) forward(s *scope, x *ts.Tensor) *ts.Tensor { return s.linear(x, l.weight, l.bias) }

// layerNormEps is DistilBERT's, fixed in transformers' modeling_distilbert.py.
const layerNormEps = 1e-12

// layerNorm normalises the last dimension, with weight and bias (D).
type layerNorm struct{ weight, bias *ts.Tensor }

func newLayerNorm(p path, width int) layerNorm {
	return layerNorm{p.constant("weight", 1, int64(width)), p.constant("bias", 0, int64(width))}
}

func (l layerNorm) forward(s *scope, x *ts.Tensor, width int) *ts.Tensor {
	return s.layerNorm(x, l.weight, l.bias, int64(width), layerNormEps)
}
