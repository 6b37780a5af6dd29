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

// Scores are exact-match scores of spans: a span counts only if its start and end agree, and its type where not said
// otherwise.
type Scores struct {
	Documents int         `json:"documents"`
	Types     []TypeScore `json:"types"`     // every type of the label set, in its order
	Micro     Score       `json:"micro"`     // all types pooled
	MacroF1   *float64    `json:"macro_f1"`  // mean F1 of the types with a gold or predicted span; nil where there is none
	PIIStrict Score       `json:"pii_typed"` // the types of personal data pooled, their types compared too
	PII       Score       `json:"pii"`       // the same, but one type of personal data passes for another: the question is only what to hide
	NonPII    Score       `json:"non_pii"`   // the other types pooled, one passing for another
}

// Counter counts spans of one transcript after the other.
type Counter struct {
	set       *labels.Set
	documents int
	types     map[string]*Score
	pii       Score
	nonPII    Score
}

// NewCounter makes a counter for the types of a label set.
func NewCounter(set *labels.Set) *Counter {
	c := &Counter{set: set, types: map[string]*Score{}}
	for _, t := range set.Types() {
		c.types[t.Name] = &Score{}
	}
	return c
}

// Add counts the spans of one transcript. Both are sets: neither order nor repetition matters. An error, for a span whose
// type is not in the label set, leaves the counts as they were.
func (c *Counter) Add(gold, predicted []labels.Span) error {
	for _, spans := range [][]labels.Span{gold, predicted} {
		for _, span := range spans {
			if !c.set.Has(span.Label) {
				return fmt.Errorf("score spans: the type %q is not in the label set", span.Label)
			}
		}
	}
	c.documents++
	goldSet, predictedSet := setOf(gold), setOf(predicted)
	count(goldSet, predictedSet, func(span labels.Span) *Score { return c.types[span.Label] })
	// Without their types, spans of the same kind at the same place are one.
	count(c.untyped(goldSet), c.untyped(predictedSet), func(span labels.Span) *Score {
		if span.Label == anyPII {
			return &c.pii
		}
		return &c.nonPII
	})
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
	s := Scores{Documents: c.documents, PII: c.pii.figures(), NonPII: c.nonPII.figures()}
	sum, present := 0.0, 0
	for _, t := range c.set.Types() {
		score := c.types[t.Name].figures()
		s.Types = append(s.Types, TypeScore{t.Name, t.PII, score})
		s.Micro.add(score)
		if t.PII {
			s.PIIStrict.add(score)
		}
		if score.F1 != nil {
			sum += *score.F1
			present++
		}
	}
	s.Micro, s.PIIStrict = s.Micro.figures(), s.PIIStrict.figures()
	if present > 0 {
		mean := sum / float64(present)
		s.MacroF1 = &mean
	}
	return s
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
