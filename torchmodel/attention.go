package torchmodel

import (
	"math"

	"github.com/sugarme/gotch/ts"
)

// attention is multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762).
type attention struct{ q_lin, k_lin, v_lin, out_lin linear }

func newAttention(p path, c Config) attention {
	return attention{
		q_lin:   newLinear(p.at("q_lin"), c.Dim, c.Dim),
		k_lin:   newLinear(p.at("k_lin"), c.Dim, c.Dim),
		v_lin:   newLinear(p.at("v_lin"), c.Dim, c.Dim),
		out_lin: newLinear(p.at("out_lin"), c.Dim, c.Dim),
	}
}

// forward maps x (B, S, D) to (B, S, D). mask (B, 1, 1, S) is 0 where a token may be attended to and very negative where
// it is padding.
func (a attention) forward(s *scope, c Config, x, mask *ts.Tensor, b, l int, train bool) *ts.Tensor {
	width := c.Dim / c.Heads
	heads := func(y *ts.Tensor) *ts.Tensor { // (B, S, D) to (B, H, S, D/H)
		return s.transpose(s.view(y, int64(b), int64(l), int64(c.Heads), int64(width)), 1, 2)
	}
	q := heads(s.scale(a.q_lin.forward(s, x), 1/math.Sqrt(float64(width))))
	k := heads(a.k_lin.forward(s, x))
	v := heads(a.v_lin.forward(s, x))
	scores := s.add(s.matmul(q, s.transpose(k, 2, 3)), mask)             // (B, H, S, S)
	weights := s.dropout(s.softmax(scores), c.AttentionDropout, train)   // (B, H, S, S)
	context := s.transpose(s.matmul(weights, v), 1, 2)                   // (B, S, H, D/H)
	return a.out_lin.forward(s, s.view(context, int64(b), int64(l), -1)) // (B, S, D)
}
