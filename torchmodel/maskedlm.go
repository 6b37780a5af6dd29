package torchmodel

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/sugarme/gotch/ts"
)

// maskedLM is the head of DistilBertForMaskedLM, which scores every piece of the vocabulary (Devlin et al. 2019,
// arXiv:1810.04805, as modeling_distilbert.py has it).
type maskedLM struct {
	vocab_transform  linear
	vocab_layer_norm layerNorm
	vocab_projector  linear // its weight (V, D) is that of the word embeddings, which belong to the body
}

func newMaskedLM(root path, c Config, words *ts.Tensor) maskedLM {
	return maskedLM{
		vocab_transform:  newLinear(root.at("vocab_transform"), c.Dim, c.Dim),
		vocab_layer_norm: newLayerNorm(root.at("vocab_layer_norm"), c.Dim),
		vocab_projector:  linear{words, root.at("vocab_projector").constant("bias", 0, int64(c.VocabSize))},
	}
}

// forward computes logits (…, V) of hidden states x (…, D).
func (h maskedLM) forward(s *scope, c Config, x *ts.Tensor) *ts.Tensor {
	x = s.activation(h.vocab_transform.forward(s, x), c.Activation)              // (…, D)
	return h.vocab_projector.forward(s, h.vocab_layer_norm.forward(s, x, c.Dim)) // (…, V)
}

// tiedProjector is the name under which some checkpoints have the word embeddings once more.
const tiedProjector = "vocab_projector.weight"

// LoadMaskedLM reads a model folder to train it further as a masked language model. Where the checkpoint has no head for that,
// it gets a new random one; the heads of other tasks are passed over.
func (s *Session) LoadMaskedLM(dir string, seed uint64) (*Model, Loaded, error) {
	c, err := ReadConfig(dir)
	if err == nil && c.untied {
		err = fmt.Errorf("loading model %s: tie_word_embeddings is false in %s; a masked language model whose output has weights of its "+
			"own is not supported", dir, configName)
	}
	if err != nil {
		return nil, Loaded{}, err
	}
	c.Labels, c.MaskedLM = nil, true
	loaded := Loaded{head: "head of masked language modelling"}
	m, err := s.load(dir, c, rand.New(rand.NewPCG(seed, 1)), func(found *checkpoint) error {
		delete(found.theirs, tiedProjector)
		delete(found.weights, tiedProjector)
		return loaded.take(found, c, !found.hasHead(c))
	})
	return m, loaded, err
}

// Loss is the cross-entropy of rows with tags, summed over the labelled tokens, without dropout, and how many these are.
func (m *Model) Loss(rows []Row) (sum float64, labelled int, err error) {
	err = m.session.noGrad(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		s := new(scope)
		defer s.drop()
		in := newBatch(s, m.Config, rows, m.session.device)
		values := s.floats(m.lossOf(s, in, ts.None, 0, false))
		if s.err == nil {
			sum = float64(values[0])
		}
		return s.err
	})
	if err == nil && !finite([]float32{float32(sum)}) {
		err = errors.New("it is not a number; the weights are broken")
	}
	if err != nil {
		return 0, 0, fmt.Errorf("computing loss: %w", err)
	}
	return sum, countLabelled(rows), nil
}
