package torchmodel

import "github.com/sugarme/gotch/ts"

// embeddings adds the embeddings of words and positions.
type embeddings struct {
	word_embeddings     *ts.Tensor // (V, D)
	position_embeddings *ts.Tensor // (P, D)
	LayerNorm           layerNorm
}

func newEmbeddings(p path, c Config) embeddings {
	return embeddings{
		word_embeddings:     p.at("word_embeddings").normal("weight", c.PadTokenID, int64(c.VocabSize), int64(c.Dim)),
		position_embeddings: p.at("position_embeddings").normal("weight", -1, int64(c.MaxPositions), int64(c.Dim)),
		LayerNorm:           newLayerNorm(p.at("LayerNorm"), c.Dim),
	}
}

// forward turns ids and positions, both (B, S) int64, into (B, S, D).
func (e embeddings) forward(s *scope, c Config, ids, positions *ts.Tensor, train bool) *ts.Tensor {
	words := s.wordEmbedding(e.word_embeddings, ids, int64(c.PadTokenID)) // (B, S, D)
	places := s.embedding(e.position_embeddings, positions, -1)           // (B, S, D)
	x := e.LayerNorm.forward(s, s.add(words, places), c.Dim)
	return s.dropout(x, c.Dropout, train)
}
