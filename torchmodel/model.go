package torchmodel

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/sugarme/gotch/ts"
)

// Model is DistilBERT with a head: a classifier of tokens over K tags (DistilBertForTokenClassification), or for masked language
// modelling one over the V pieces of the vocabulary (DistilBertForMaskedLM). Close frees it.
type Model struct {
	Config     Config
	session    *Session
	parameters []Parameter
	embeddings embeddings
	layers     []layer
	classifier linear       // of a model with labels
	masked     maskedLM     // of a masked language model
	engine     *engine      // nil: predictions go through libtorch's operators
	words      *wordRows    // of a model that only predicts: its tensors are nil, and the engine has the weights; else nil
	pass       *forwardPass // libtorch's operators in one call; nil: one by one
	waiting    *lazyRows    // rows of the word embeddings that have steps to make up; nil: none
	flat       flatRows     // of the batch that is computed, and its memory for the next one; the owner's thread has it
}

// New makes a model with random weights, the same for the same seed: N(0, InitializerRange²), biases and the padding row
// 0, layer norms 1 and 0, as transformers initialises it.
func (s *Session) New(c Config, seed uint64) (*Model, error) {
	return s.build(c, rand.New(rand.NewPCG(seed, 0)), nil)
}

// build makes the model's tensors. The values of those that stored names are left for a checkpoint to fill; stored may be nil.
func (s *Session) build(c Config, random *rand.Rand, stored func(name string) bool) (*Model, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(c.Labels) == 0 && !c.MaskedLM {
		return nil, errors.New("the model has no labels")
	}
	if err := s.needLibtorch(); err != nil {
		return nil, err
	}
	m := &Model{Config: c, session: s}
	err := s.do(func() error {
		all := &parameters{device: s.device, random: random, std: c.InitializerRange, stored: stored}
		m.assemble(path{all, ""})
		m.parameters = all.list
		return all.err
	})
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// parameters lists the names and shapes of the tensors that a model of this configuration has.
func (c Config) parameters() []Parameter {
	all := &parameters{onlyShapes: true}
	(&Model{Config: c}).assemble(path{all, ""})
	return all.list
}

// body is the name of the model without its head.
const body = "distilbert"

func (m *Model) assemble(root path) {
	trunk := root.at(body)
	m.embeddings = newEmbeddings(trunk.at("embeddings"), m.Config)
	for i := range m.Config.Layers {
		m.layers = append(m.layers, newLayer(trunk.at("transformer").at("layer").at(fmt.Sprint(i)), m.Config))
	}
	if m.Config.MaskedLM {
		m.masked = newMaskedLM(root, m.Config, m.embeddings.word_embeddings)
		return
	}
	m.classifier = newLinear(root.at("classifier"), m.Config.Dim, len(m.Config.Labels))
}

// Close frees the model's tensors, and its files where it has kept them.
func (m *Model) Close() error {
	return m.session.do(func() error {
		m.dropEngine()
		return m.free()
	})
}

func (m *Model) free() error {
	var errs []error
	for _, p := range m.parameters {
		if p.tensor != nil {
			errs = append(errs, p.tensor.Drop())
		}
	}
	m.parameters = nil
	if m.words != nil {
		errs = append(errs, m.words.close())
		m.words = nil
	}
	return errors.Join(errs...)
}

// needWeights sees to it that all weights can be read: that they are those after the last step of training. It is an error for a model
// that no longer has them all as tensors. It runs on the owner's thread.
func (m *Model) needWeights() error {
	switch {
	case len(m.parameters) == 0:
		return errClosed
	case m.words != nil:
		return errors.New("the model was loaded to predict only")
	}
	return m.waiting.makeUpAll()
}

// tensors are those of all parameters.
func (m *Model) tensors() []*ts.Tensor {
	list := make([]*ts.Tensor, len(m.parameters))
	for i, p := range m.parameters {
		list[i] = p.tensor
	}
	return list
}

// Parameters lists the names and shapes of the model's tensors.
func (m *Model) Parameters() []Parameter { return m.parameters }

// forward computes logits (B, S, K) of a batch. It runs on the owner's thread.
func (m *Model) forward(s *scope, in batch, train bool) *ts.Tensor {
	return m.score(s, m.hidden(s, in, train), train)
}

// score computes logits (…, K) of hidden states (…, D).
func (m *Model) score(s *scope, hidden *ts.Tensor, train bool) *ts.Tensor {
	if m.Config.MaskedLM {
		return m.masked.forward(s, m.Config, hidden)
	}
	return m.classifier.forward(s, s.dropout(hidden, m.Config.Dropout, train))
}

// hidden computes the last hidden state (B, S, D) of a batch.
func (m *Model) hidden(s *scope, in batch, train bool) *ts.Tensor {
	x := s.inner(func(s *scope) *ts.Tensor { // (B, S, D)
		return m.embeddings.forward(s, m.Config, in.ids, in.positions, train)
	})
	for _, l := range m.layers {
		before := x
		x = s.inner(func(s *scope) *ts.Tensor {
			return l.forward(s, m.Config, before, in.mask, in.rows, in.length, train)
		})
	}
	return x
}

// Logits computes the scores of each row's tokens: for row i a slice of len(rows[i].IDs)*K float32 in row-major order
// (token, class). The result of a row does not depend on the other rows beyond rounding.
func (m *Model) Logits(rows []Row) ([][]float32, error) {
	p, err := m.Submit(rows)
	if err != nil {
		return nil, err
	}
	return p.Logits()
}

var errClosed = errors.New("the model is closed")

// libtorchLogits computes logits by libtorch's operators, with rows padded to the longest. It runs on the owner's thread.
func (m *Model) libtorchLogits(rows []Row) (logits [][]float32, err error) {
	err = withoutGrad(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		s := new(scope)
		defer s.drop()
		in := newBatch(s, m.Config, rows, m.session.device)
		flat := s.floats(m.forward(s, in, false))
		if s.err == nil {
			logits = m.split(flat, rows, in.length)
		}
		return s.err
	})
	return logits, err
}

func finite(values []float32) bool {
	for _, v := range values {
		if v-v != 0 { // of infinities and NaN, the difference is NaN
			return false
		}
	}
	return true
}

// split divides the logits of rows that were padded to length among them.
func (m *Model) split(flat []float32, rows []Row, length int) [][]float32 {
	width := m.Config.classes()
	logits := make([][]float32, len(rows))
	for i, row := range rows {
		start := i * length * width
		logits[i] = flat[start : start+len(row.IDs)*width : start+len(row.IDs)*width]
	}
	return logits
}

// Judged is what a model makes of rows with tags, without dropout.
type Judged struct {
	LossSum float64     // cross-entropy, summed over the labelled tokens; neither smoothed nor weighted
	Tokens  int         // number of labelled tokens
	Logits  [][]float32 // as of Model.Logits
}

// Judge compares the model's scores of rows with their tags, in the way that the model is prepared for.
func (m *Model) Judge(rows []Row) (Judged, error) {
	var j Judged
	err := m.session.do(func() (err error) {
		if m.engine != nil || m.pass != nil {
			j, err = m.preparedJudge(rows)
			return err
		}
		if err := m.needWeights(); err != nil {
			return err
		}
		return m.session.inParts(rows, func(part []Row) error {
			some, err := m.libtorchJudge(part)
			j = Judged{j.LossSum + some.LossSum, j.Tokens + some.Tokens, append(j.Logits, some.Logits...)}
			return err
		})
	})
	if err != nil {
		return Judged{}, fmt.Errorf("computing loss: %w", err)
	}
	return j, nil
}

// libtorchJudge is Judge by libtorch's operators, one by one. It runs on the owner's thread.
func (m *Model) libtorchJudge(rows []Row) (j Judged, err error) {
	err = withoutGrad(func() error {
		s := new(scope)
		defer s.drop()
		in := newBatch(s, m.Config, rows, m.session.device)
		if s.err == nil && in.tags == nil {
			s.fail(errNoTags)
		}
		logits := m.forward(s, in, false)
		loss := s.floats(m.lossSum(s, logits, in.tags, ts.None, 0))
		flat := s.floats(logits)
		if s.err == nil {
			j = Judged{float64(loss[0]), countLabelled(rows), m.split(flat, rows, in.length)}
		}
		return s.err
	})
	return j, err
}

var errNoTags = errors.New("the batch has no tags")

// lossOf is the summed cross-entropy of a batch, a scalar. A masked language model has many classes and few labelled tokens, so it
// computes the logits of these alone.
func (m *Model) lossOf(s *scope, in batch, weights *ts.Tensor, smoothing float64, train bool) *ts.Tensor {
	if s.err == nil && in.tags == nil {
		s.fail(errNoTags)
	}
	x, tags := m.hidden(s, in, train), in.tags // (B, S, D), (B*S)
	if m.Config.MaskedLM {
		places := s.ints(in.labelled, []int64{int64(len(in.labelled))}, m.session.device) // (M)
		x = s.pick(s.view(x, -1, int64(m.Config.Dim)), places)                            // (M, D)
		tags = s.pick(tags, places)                                                       // (M)
	}
	return m.lossSum(s, m.score(s, x, train), tags, weights, smoothing)
}

// lossSum is the summed cross-entropy of logits (…, K), a scalar.
func (m *Model) lossSum(s *scope, logits, tags, weights *ts.Tensor, smoothing float64) *ts.Tensor {
	flat := s.view(logits, -1, int64(m.Config.classes())) // (…, K)
	return s.crossEntropySum(flat, tags, weights, IgnoreIndex, smoothing)
}

func countLabelled(rows []Row) int {
	n := 0
	for _, row := range rows {
		for _, tag := range row.Tags {
			if tag != IgnoreIndex {
				n++
			}
		}
	}
	return n
}
