package torchmodel

import "github.com/sugarme/gotch/ts"

// ffn is the feed-forward part of a layer.
type ffn struct{ lin1, lin2 linear }

func newFFN(p path, c Config) ffn {
	return ffn{newLinear(p.at("lin1"), c.Dim, c.HiddenDim), newLinear(p.at("lin2"), c.HiddenDim, c.Dim)}
}

// forward maps x (B, S, D) to (B, S, D).
func (f ffn) forward(s *scope, c Config, x *ts.Tensor, train bool) *ts.Tensor {
	hidden := s.activation(f.lin1.forward(s, x), c.Activation) // (B, S, HiddenDim)
	return s.dropout(f.lin2.forward(s, hidden), c.Dropout, train)
}
