// Package metrics turns numbers into figures: how well predicted spans agree with the gold ones, and how long something
// took. A figure that would be 0/0 is null, never 0 or 1.
package metrics

import (
	"fmt"

	"pii/labels"
)

// Score is how a set of predicted spans agrees with the gold set.
type Score struct {
	TruePositives  int `json:"tp"`        // spans in both sets
	FalsePositives int `json:"fp"`        // predicted only
	FalseNegatives int `json:"fn"`        // gold only
	Support        int `json:"support"`   // gold spans
	Predicted      int `json:"predicted"` // predicted spans

	Precision *float64 `json:"precision"` // TP/(TP+FP); nil where nothing was predicted
	Recall    *float64 `json:"recall"`    // TP/(TP+FN); nil where there is no gold span
	F1        *float64 `json:"f1"`        // 2TP/(2TP+FP+FN), the harmonic mean of both; nil where there is no span at all
}

// TypeScore is the score of one entity type.
type TypeScore struct {
	Type string `json:"type"`
	PII  bool   `json:"pii"`
	Score
}

// Scores are how the spans of a file agree. Unless it says otherwise, a figure is of exact matches: a span counts only if
// its start, its end and its type agree. Types, Micro, Macro and Weighted are then the rows of seqeval's report in strict
// mode.
type Scores struct {
	Documents int         `json:"documents"`
	Types     []TypeScore `json:"types"`     // every type of the label set, in its order
	Micro     Score       `json:"micro"`     // all types pooled
	Macro     Average     `json:"macro"`     // over the types with a gold or predicted span
	Weighted  Average     `json:"weighted"`  // the same, each type weighing as many as it has gold spans
	PIIStrict Score       `json:"pii_typed"` // the types of personal data pooled, their types compared too
	PII       Score       `json:"pii"`       // the same, but one type of personal data passes for another: the question is only what to hide
	NonPII    Score       `json:"non_pii"`   // the other types pooled, one passing for another
	Redaction Redaction   `json:"redaction"` // what striking out the predicted personal data would leave
	SemEval   SemEval     `json:"semeval"`   // spans that are nearly right told from those that are made up
	Confusion Confusion   `json:"confusion"` // which type was taken for which
	Mistakes  []Mistake   `json:"mistakes"`  // Confusion's types that were taken for others, the commonest first
	Intervals Intervals   `json:"intervals"`

	// Slices are parts of the transcripts, by By and then by Value; empty where none were named to Counter.Add.
	Slices []SliceScore `json:"slices"`
}

// Average is the mean over types. Precision and recall of a type with a span, where they are 0/0, count as 0, as in seqeval:
// else a type that is never predicted would raise the average. A mean over no type, or of no weight, is nil.
type Average struct {
	Precision *float64 `json:"precision"`
	Recall    *float64 `json:"recall"`
	F1        *float64 `json:"f1"`
}

// Counter counts spans of one transcript after the other. Of each it keeps a few numbers, for the intervals.
type Counter struct {
	set         *labels.Set
	types       map[string]*Score
	nonPII      Score
	schemes     map[string]*Schemes
	confusion   Confusion
	transcripts []tally
	parts       map[Slice]*part
}

// NewCounter makes a counter for the types of a label set.
func NewCounter(set *labels.Set) *Counter {
	c := &Counter{set: set, types: map[string]*Score{}, schemes: map[string]*Schemes{}, confusion: newConfusion(set.Types()),
		parts: map[Slice]*part{}}
	for _, t := range set.Types() {
		c.types[t.Name], c.schemes[t.Name] = &Score{}, &Schemes{}
	}
	return c
}

// Add counts the spans of one transcript, in the whole and in the slices that it is in; their order does not matter. Nor does repetition, but to SemEval and Confusion,
// where a span that is there again is one more. An error, for a span whose type is not in the label set, leaves the counts
// as they were.
func (c *Counter) Add(gold, predicted []labels.Span, in ...Slice) error {
	for _, spans := range [][]labels.Span{gold, predicted} {
		for _, span := range spans {
			if !c.set.Has(span.Label) {
				return fmt.Errorf("score spans: the type %q is not in the label set", span.Label)
			}
		}
	}
	assignment := Assign(gold, predicted)
	countSchemes(assignment, c.schemes)
	c.confusion.add(assignment)

	goldSet, predictedSet := setOf(gold), setOf(predicted)
	var all, pii Score
	count(goldSet, predictedSet, func(span labels.Span) *Score { return c.types[span.Label] })
	count(goldSet, predictedSet, func(labels.Span) *Score { return &all })
	// Without their types, spans of the same kind at the same place are one.
	goldSet, predictedSet = c.untyped(goldSet), c.untyped(predictedSet)
	count(goldSet, predictedSet, func(span labels.Span) *Score {
		if span.Label == anyPII {
			return &pii
		}
		return &c.nonPII
	})
	c.transcripts = append(c.transcripts, tallyOf(all, pii, ofPII(goldSet), ofPII(predictedSet)))
	c.addTo(in)
	return nil
}

// The labels of spans whose type no longer matters.
const (
	anyPII = "pii"
	noPII  = "other"
)

func (c *Counter) untyped(spans map[labels.Span]bool) map[labels.Span]bool {
	set := make(map[labels.Span]bool, len(spans))
	for span := range spans {
		label := noPII
		if c.set.PII(span.Label) {
			label = anyPII
		}
		set[labels.Span{Start: span.Start, End: span.End, Label: label}] = true
	}
	return set
}

// ofPII lists the spans of personal data of a set without types.
func ofPII(spans map[labels.Span]bool) []labels.Span {
	var list []labels.Span
	for span := range spans {
		if span.Label == anyPII {
			list = append(list, span)
		}
	}
	return list
}

func setOf(spans []labels.Span) map[labels.Span]bool {
	set := make(map[labels.Span]bool, len(spans))
	for _, span := range spans {
		set[span] = true
	}
	return set
}

// count adds each span of both sets to the score that of chooses for it.
func count(gold, predicted map[labels.Span]bool, of func(labels.Span) *Score) {
	for span := range predicted {
		if gold[span] {
			of(span).TruePositives++
		} else {
			of(span).FalsePositives++
		}
	}
	for span := range gold {
		if !predicted[span] {
			of(span).FalseNegatives++
		}
	}
}

// Scores returns the figures of all that was added so far.
func (c *Counter) Scores() Scores {
	sum := c.total()
	s := Scores{Documents: len(c.transcripts), Micro: sum.all(), PII: sum.pii(), NonPII: c.nonPII.figures(),
		Redaction: sum.redaction(), SemEval: semEvalOf(c.set.Types(), c.schemes), Confusion: c.confusion.clone(),
		Mistakes: c.confusion.mistakes(), Intervals: intervals(c.transcripts), Slices: c.sliceScores()}
	for _, t := range c.set.Types() {
		score := c.types[t.Name].figures()
		s.Types = append(s.Types, TypeScore{t.Name, t.PII, score})
		if t.PII {
			s.PIIStrict.add(score)
		}
	}
	s.PIIStrict = s.PIIStrict.figures()
	s.Macro = average(s.Types, func(TypeScore) int { return 1 })
	s.Weighted = average(s.Types, func(t TypeScore) int { return t.Support })
	return s
}

func (c *Counter) total() (sum total) {
	for i := range c.transcripts {
		sum.add(&c.transcripts[i])
	}
	return sum
}

// Totals are Micro and PII of Scores alone, at none of the cost of its intervals.
func (c *Counter) Totals() (micro, pii Score) {
	sum := c.total()
	return sum.all(), sum.pii()
}

// average weighs the types with a gold or predicted span.
func average(types []TypeScore, weigh func(TypeScore) int) Average {
	var precision, recall, f1, weights float64
	for _, t := range types {
		if t.F1 != nil {
			weight := float64(weigh(t))
			weights += weight
			precision += weight * orZero(t.Precision)
			recall += weight * orZero(t.Recall)
			f1 += weight * *t.F1
		}
	}
	if weights == 0 {
		return Average{}
	}
	precision, recall, f1 = precision/weights, recall/weights, f1/weights
	return Average{&precision, &recall, &f1}
}

func orZero(value *float64) float64 {
	if value == nil {
		return 0
	}
	return *value
}

func (s *Score) add(other Score) {
	s.TruePositives += other.TruePositives
	s.FalsePositives += other.FalsePositives
	s.FalseNegatives += other.FalseNegatives
}

// figures is the score with what follows from its three counts.
func (s Score) figures() Score {
	s.Support = s.TruePositives + s.FalseNegatives
	s.Predicted = s.TruePositives + s.FalsePositives
	s.Precision = ratio(s.TruePositives, s.Predicted)
	s.Recall = ratio(s.TruePositives, s.Support)
	s.F1 = ratio(2*s.TruePositives, s.Support+s.Predicted)
	return s
}

// ratio is nil for 0/0.
func ratio(part, whole int) *float64 {
	if whole == 0 {
		return nil
	}
	value := float64(part) / float64(whole)
	return &value
}
