package torchmodel

import "github.com/sugarme/gotch/ts"

// layer is one transformer layer, normalised after each sum.
type layer struct {
	attention         attention
	sa_layer_norm     layerNorm
	ffn               ffn
	output_layer_norm layerNorm
}

func newLayer(p path, c Config) layer {
	return layer{
		attention:         newAttention(p.at("attention"), c),
		sa_layer_norm:     newLayerNorm(p.at("sa_layer_norm"), c.Dim),
		ffn:               newFFN(p.at("ffn"), c),
		output_layer_norm: newLayerNorm(p.at("output_layer_norm"), c.Dim),
	}
}

// forward maps x (B, S, D) to (B, S, D).
func (l layer) forward(s *scope, c Config, x, mask *ts.Tensor, b, length int, train bool) *ts.Tensor {
	x = l.sa_layer_norm.forward(s, s.add(l.attention.forward(s, c, x, mask, b, length, train), x), c.Dim)
	return l.output_layer_norm.forward(s, s.add(l.ffn.forward(s, c, x, train), x), c.Dim)
}
