package torchmodel

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sugarme/gotch/ts"
)

// Optimizer holds the constants of AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and of clipping.
type Optimizer struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64 // λ, on all parameters but biases and layer norms
	MaxGradNorm       float64 // gradients are scaled down to this L2 norm; 0 is no clipping
	Precision         string  // of products, one of TrainPrecisions; "" is fp32
}

// Trainer changes a model's weights step by step. Its state can be saved and restored bit for bit.
type Trainer struct {
	model     *Model
	optimizer Optimizer
	objective Objective
	weights   *ts.Tensor // class weights (K) float32, or ts.None
	held      scope      // owns the class weights and the scale
	crew      crew
	step      int
	scale     *ts.Tensor   // of the loss, as of lossScale.onDevice; nil but in fp16. held owns it
	trained   []Parameter  // those of the model's parameters that are not frozen
	adamW     adamWState   // of their tensors
	words     *lazyRows    // AdamW of the word embeddings; nil where each step updates them whole
	results   []StepResult // of the steps since Results was called, as far as they are known
	unread    []*ts.Tensor // of the steps after these, as of stepOnDevice: their results are on the GPU
}

// NewTrainer makes a trainer at step 0 of the parameters that are not frozen.
func (m *Model) NewTrainer(o Optimizer, objective Objective) (*Trainer, error) {
	if err := objective.check(m.Config.classes()); err != nil {
		return nil, err
	}
	if o.Precision == "" {
		o.Precision = FP32
	}
	if err := ResolveTrainPrecision(o.Precision, m.session.Device()); err != nil {
		return nil, err
	}
	t := &Trainer{model: m, optimizer: o, objective: objective, weights: ts.None}
	err := m.session.do(func() error {
		if err := m.needWeights(); err != nil {
			return err
		}
		t.crew = crew{model: m, threads: 1}
		if !m.session.onGPU() {
			t.crew.threads = Threads()
		}
		return t.prepare()
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making optimizer state: %w", err), t.Close())
	}
	return t, nil
}

func (t *Trainer) prepare() error {
	for _, p := range t.model.parameters {
		if p.frozen {
			continue
		}
		first, err := zeros(p, t.model.session)
		if err != nil {
			return err
		}
		t.adamW.expAvg = append(t.adamW.expAvg, first)
		second, err := zeros(p, t.model.session)
		if err != nil {
			return err
		}
		t.adamW.expAvgSq = append(t.adamW.expAvgSq, second)
		decay := 0.0
		if p.Decays() {
			decay = t.optimizer.WeightDecay
		}
		if p.tensor == t.model.embeddings.word_embeddings && t.lazy() {
			if t.words, err = newLazyRows(p, first, second, decay, t.model.Config.PadTokenID); err != nil {
				return err
			}
		}
		t.trained = append(t.trained, p)
		t.adamW.params, t.adamW.decay = append(t.adamW.params, p.tensor), append(t.adamW.decay, decay)
	}
	if t.optimizer.Precision == FP16 {
		t.scale = lossScale{factor: firstScale}.onDevice(&t.held, t.model.session.device)
	}
	if t.objective.ClassWeights == nil {
		return t.held.err
	}
	weights := make([]float32, len(t.objective.ClassWeights))
	for i, w := range t.objective.ClassWeights {
		weights[i] = float32(w)
	}
	t.weights = t.held.float32s(weights, []int64{int64(len(weights))}, t.model.session.device)
	return t.held.err
}

// lazy reports whether a step gives gradients to few rows of the word embeddings: in masked language modelling all have some, as
// weights of the output. On a GPU memory is fast, and rows that wait would need kernels of their own.
func (t *Trainer) lazy() bool { return !t.model.session.onGPU() && !t.model.Config.MaskedLM }

func zeros(p Parameter, s *Session) (*ts.Tensor, error) {
	x, err := ts.Zeros(p.Shape, p.tensor.DType(), s.device)
	return x, err
}

// Close frees the optimizer's state; the model stays.
func (t *Trainer) Close() error {
	return t.model.session.do(func() error {
		errs := []error{t.takeTurn(nil)}
		t.words.free()
		errs = append(errs, dropAll(t.adamW.expAvg), dropAll(t.adamW.expAvgSq))
		t.held.drop()
		errs = append(errs, t.forget(), t.crew.close())
		t.adamW, t.words, t.scale = adamWState{}, nil, nil
		return errors.Join(append(errs, t.held.err)...)
	})
}

// Steps is how many steps have been taken.
func (t *Trainer) Steps() int { return t.step }

// StepResult says how a step went.
type StepResult struct {
	Loss     float64 // the objective over the step's labelled tokens, before the update
	GradNorm float64 // L2 norm of all gradients, before clipping
	LeftOut  bool    // the gradients overflowed with the scale of the loss in fp16: no weight changed, and the next step has a smaller scale
}

// Step takes one optimizer step at learning rate lr over micro-batches whose gradients are accumulated; Results says how it went.
// The loss is the weighted sum over all labelled tokens of the step divided by the sum of their weights, so that the result does not
// depend on how the rows are divided into micro-batches. Dropout depends on the rows and seed alone; on a GPU, micro-batch i draws
// with seed + i. Where gradients are not finite, no weight changes.
func (t *Trainer) Step(micro [][]Row, lr float64, seed int64) error {
	weight := 0.0
	for _, rows := range micro {
		weight += t.objective.weightOf(rows)
	}
	if weight == 0 {
		return errors.New("training step: no token has a label")
	}
	err := t.model.session.do(func() (err error) {
		t.model.dropEngine() // its copies of the weights are of before the step
		if err := t.takeTurn(t.words); err != nil {
			return err
		}
		if t.optimizer.Precision == TF32 {
			if err := allowTF32(true); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, allowTF32(false)) }()
		}
		if t.model.session.onGPU() {
			return t.stepOnGPU(micro, weight, lr, seed)
		}
		return t.stepOnCPU(slices.Concat(micro...), weight, lr, seed)
	})
	if err != nil {
		return fmt.Errorf("training step %d: %w", t.step+1, err)
	}
	t.step++
	return nil
}

// takeTurn makes words the rows of the model that may wait. Where they were another trainer's, these make up their steps.
func (t *Trainer) takeTurn(words *lazyRows) error {
	if t.model.waiting == words {
		return nil
	}
	err := t.model.waiting.makeUpAll()
	t.model.waiting = words
	return err
}

// adamWSettings are the numbers of the step that is being taken.
func (t *Trainer) adamWSettings(lr float64) adamWSettings {
	o := t.optimizer
	return adamWSettings{LR: lr, Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, Step: t.step + 1, MaxGradNorm: o.MaxGradNorm,
		words: t.words}
}

// stepOnCPU computes rows in shards, several at a time.
func (t *Trainer) stepOnCPU(rows []Row, weight, lr float64, seed int64) error {
	sum, err := t.accumulate(rows, weight, seed)
	if err != nil {
		return err
	}
	norm, err := t.adamW.step(t.adamWSettings(lr))
	if err == nil {
		t.results = append(t.results, StepResult{Loss: sum / weight, GradNorm: norm})
	}
	return err
}

// accumulate leaves the gradients of a step in the model and returns its summed loss.
func (t *Trainer) accumulate(rows []Row, weight float64, seed int64) (float64, error) {
	if err := t.words.begin(rows, t.model.Config); err != nil {
		return 0, err
	}
	shards := shardsOf(rows)
	return t.crew.accumulate(len(shards), func(m *Model, i int) (float64, error) {
		return t.backwardOfShard(m, i, shards[i], weight, newMasks(seed, i))
	})
}

// backwardOfShard adds the gradients of rows to those of m and returns their summed loss. It runs on the thread that computes with
// m. shard is the rows' place in the order in which gradients are summed.
func (t *Trainer) backwardOfShard(m *Model, shard int, rows []Row, weight float64, random *masks) (float64, error) {
	s := &scope{masks: random, precision: t.optimizer.Precision, words: t.words.picked()}
	defer s.drop()
	in := newBatch(s, m.Config, rows, m.session.device)
	sum := t.backward(s, m, in, weight)
	if s.err != nil || sum == nil {
		return 0, s.err
	}
	s.fail(t.words.add(shard, in.ids, s.words))
	value := s.floats(sum)
	if s.err != nil {
		return 0, s.err
	}
	return float64(value[0]), nil
}

// backward adds the gradients of a batch, divided by the weight of the step, to those of m, and returns its summed loss, a scalar
// float32. Where no token has a label, it is nil: other rows of the step have.
func (t *Trainer) backward(s *scope, m *Model, in batch, weight float64) *ts.Tensor {
	if s.err == nil && in.tags != nil && len(in.labelled) == 0 {
		return nil
	}
	sum := m.lossOf(s, in, t.weights, t.objective.LabelSmoothing, true)
	mean := s.scale(sum, 1/weight)
	if t.scale != nil {
		mean = s.times(mean, t.scale)
	}
	if s.err == nil {
		s.fail(mean.Backward())
	}
	return sum
}
