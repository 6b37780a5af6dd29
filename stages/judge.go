package stages

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pii/labels"
	"pii/metrics"
	"pii/torchmodel"
	"pii/wordpiece"
)

// What the best epoch can be chosen by.
const (
	bestByLoss  = "loss"   // mean cross-entropy per labelled token, the lower the better
	bestByPIIF1 = "pii_f1" // the types of personal data pooled, as evaluate does
	bestByF1    = "f1"     // all types, micro-averaged
)

var bestMetrics = []string{bestByLoss, bestByPIIF1, bestByF1}

// tagging is the task of finding spans.
type tagging struct {
	cfg *Config
	*augmenter
	*judge
}

func (t tagging) objective(train []Example) (torchmodel.Objective, error) {
	weights, err := t.cfg.classWeights(t.judge.set, train)
	return torchmodel.Objective{LabelSmoothing: t.cfg.LabelSmoothing, ClassWeights: weights}, err
}

// judge tells how good a model in training is on the dev set. Spans are found as a tagger finds them, in one window at a time
// and by tokens, since text is not kept. None is dropped for its score: pii_threshold is chosen for a model that is trained.
type judge struct {
	set    *labels.Set
	vocab  *wordpiece.Vocabulary
	apart  bool
	dev    []Example
	batch  batchLimit
	metric string // one of bestMetrics
}

// verdict is a model's result on the dev set.
type verdict struct {
	Loss  float64
	F1    *float64 // nil where there is no span, neither gold nor predicted
	PIIF1 *float64
}

// newJudge refuses a metric that the dev set cannot tell.
func newJudge(c *Config, set *labels.Set, vocab *wordpiece.Vocabulary, apart bool, dev []Example) (*judge, error) {
	j := &judge{set, vocab, apart, dev, judgeLimit, c.BestBy}
	if j.metric == bestByLoss {
		return j, nil
	}
	for _, e := range dev {
		words := j.words(e)
		for _, s := range set.Spans(words.offsets, words.tags) {
			if j.metric == bestByF1 || set.PII(s.Label) {
				return j, nil
			}
		}
	}
	return nil, c.fault("metric_for_best_model", fmt.Sprintf("is %s, but the dev set has no span for it", j.metric))
}

// of judges a model. Between batches it looks whether ctx is cancelled.
func (j *judge) of(ctx context.Context, model *torchmodel.Model) (verdict, error) {
	counter := metrics.NewCounter(j.set)
	loss, tokens, err := j.each(ctx, model, func(e Example, logits []float32) error {
		gold, predicted := j.spans(e, logits)
		return counter.Add(gold, predicted)
	})
	if err != nil {
		return verdict{}, err
	}
	if tokens == 0 {
		return verdict{}, errors.New("the dev set has no token to judge by")
	}
	micro, pii := counter.Totals()
	return verdict{loss / float64(tokens), micro.F1, pii.F1}, nil
}

// each runs a model over the dev set and hands over each window with its logits. It returns the summed loss, and the number of
// labelled tokens.
func (j *judge) each(ctx context.Context, model *torchmodel.Model, visit func(e Example, logits []float32) error) (loss float64, tokens int,
	err error) {
	for _, part := range j.batch.batches(lengthsOf(j.dev)) {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		judged, err := model.Judge(pick(j.dev, part))
		if err != nil {
			return 0, 0, err
		}
		loss, tokens = loss+judged.LossSum, tokens+judged.Tokens
		for i, index := range part {
			if err := visit(j.dev[index], judged.Logits[i]); err != nil {
				return 0, 0, err
			}
		}
	}
	return loss, tokens, nil
}

// spans are those of a window's labels and those of its scores.
func (j *judge) spans(e Example, logits []float32) (gold, predicted []labels.Span) {
	words := j.words(e)
	path := j.set.Viterbi(j.scores(words, logits), labels.Grammar{Continues: words.continues, Apart: j.apart})
	return j.set.Spans(words.offsets, words.tags), j.set.Spans(words.offsets, path)
}

// scores are the logits of a window's labelled tokens.
func (j *judge) scores(words labelled, logits []float32) []float32 {
	var scores []float32
	for _, at := range words.at {
		scores = append(scores, logits[at*j.set.Len():(at+1)*j.set.Len()]...)
	}
	return scores
}

// labelled are the tokens of a window that have a label.
type labelled struct {
	at        []int           // among all tokens
	offsets   []labels.Offset // counted in labelled tokens
	tags      []int
	continues []bool
}

func (j *judge) words(e Example) labelled {
	var l labelled
	for i, tag := range e.Labels {
		if tag == labels.Ignored {
			continue
		}
		n := len(l.at)
		l.at, l.offsets = append(l.at, i), append(l.offsets, labels.Offset{Start: n, End: n + 1})
		l.tags, l.continues = append(l.tags, int(tag)), append(l.continues, continues(j.vocab, e.InputIDs[i]))
	}
	return l
}

// continues reports whether a token goes on with the word of the token before it.
func continues(vocab *wordpiece.Vocabulary, id int32) bool {
	return strings.HasPrefix(vocab.Piece(id), wordpiece.Prefix)
}

// value is what the best epoch is chosen by; an F1 that is not defined is no better than 0.
func (j *judge) value(v verdict) float64 {
	switch {
	case j.metric == bestByLoss:
		return v.Loss
	case j.metric == bestByPIIF1 && v.PIIF1 != nil:
		return *v.PIIF1
	case j.metric == bestByF1 && v.F1 != nil:
		return *v.F1
	}
	return 0
}

func (j *judge) figure(v verdict) string { return "dev PII F1 " + metrics.Figure("%.4f", v.PIIF1) }

// better reports whether value a is better than value b.
func (j *judge) better(a, b float64) bool {
	if j.metric == bestByLoss {
		return a < b
	}
	return a > b
}
