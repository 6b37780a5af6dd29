package metrics

import "pii/labels"

// SemEval holds the scores of SemEval-2013, task 9.1 (Segura-Bedmar, Martínez and Herrero-Zazo, 2013), which go back to the
// Message Understanding Conferences: a predicted span that is nearly right is told from one that is made up. All four
// schemes score the same Assignment.
type SemEval struct {
	Overall Schemes       `json:"overall"`
	Types   []TypeSchemes `json:"types"` // every type of the label set, in its order; their counts add up to Overall's
}

// TypeSchemes are the scores of one entity type: of its gold spans, whatever type the prediction that answers one has, and
// of the predicted spans of the type that answer no gold span. So a wrong type is Incorrect of the gold span's type, and
// nothing of the predicted one.
type TypeSchemes struct {
	Type string `json:"type"`
	Schemes
}

// Schemes are the four ways to look at a pair of a gold span and the predicted span that answers it.
type Schemes struct {
	Strict  SchemeScore `json:"strict"`  // correct with the same borders and the same type, else incorrect
	Exact   SchemeScore `json:"exact"`   // correct with the same borders, else incorrect
	Partial SchemeScore `json:"partial"` // correct with the same borders, else partial
	Type    SchemeScore `json:"type"`    // correct with the same type, else incorrect
}

// SchemeScore is what became of the spans in one scheme.
type SchemeScore struct {
	Correct   int `json:"correct"`
	Incorrect int `json:"incorrect"`
	Partial   int `json:"partial"`
	Missed    int `json:"missed"`   // gold spans that no predicted span answers
	Spurious  int `json:"spurious"` // predicted spans that answer no gold span
	Possible  int `json:"possible"` // gold spans: correct, incorrect, partial and missed
	Actual    int `json:"actual"`   // correct, incorrect, partial and spurious; overall the number of predicted spans

	Precision *float64 `json:"precision"` // (Correct + Partial/2) / Actual; nil where Actual is 0
	Recall    *float64 `json:"recall"`    // (Correct + Partial/2) / Possible; nil where Possible is 0
	F1        *float64 `json:"f1"`        // 2·(Correct + Partial/2) / (Actual + Possible), the harmonic mean of both; nil where both are 0
}

// semEvalOf sums up counts by type.
func semEvalOf(types []labels.Type, counts map[string]*Schemes) SemEval {
	var s SemEval
	for _, t := range types {
		s.Overall.add(counts[t.Name])
		s.Types = append(s.Types, TypeSchemes{t.Name, counts[t.Name].figures()})
	}
	s.Overall = s.Overall.figures()
	return s
}

// countSchemes adds an assignment to the counts of the types.
func countSchemes(a Assignment, counts map[string]*Schemes) {
	for _, pair := range a.Pairs {
		counts[pair.Gold.Label].pair(sameBorders(pair.Gold, pair.Predicted), pair.Gold.Label == pair.Predicted.Label)
	}
	for _, span := range a.Missed {
		counts[span.Label].each(func(s *SchemeScore) { s.Missed++ })
	}
	for _, span := range a.Spurious {
		counts[span.Label].each(func(s *SchemeScore) { s.Spurious++ })
	}
}

func (s *Schemes) pair(borders, typ bool) {
	s.Strict.answer(borders && typ)
	s.Exact.answer(borders)
	s.Type.answer(typ)
	if borders {
		s.Partial.Correct++
	} else {
		s.Partial.Partial++
	}
}

func (s *SchemeScore) answer(correct bool) {
	if correct {
		s.Correct++
	} else {
		s.Incorrect++
	}
}

func (s *Schemes) each(do func(*SchemeScore)) {
	for _, scheme := range []*SchemeScore{&s.Strict, &s.Exact, &s.Partial, &s.Type} {
		do(scheme)
	}
}

func (s *Schemes) add(other *Schemes) {
	s.Strict.add(other.Strict)
	s.Exact.add(other.Exact)
	s.Partial.add(other.Partial)
	s.Type.add(other.Type)
}

func (s *SchemeScore) add(other SchemeScore) {
	s.Correct += other.Correct
	s.Incorrect += other.Incorrect
	s.Partial += other.Partial
	s.Missed += other.Missed
	s.Spurious += other.Spurious
}

// figures are the schemes with what follows from their counts.
func (s Schemes) figures() Schemes {
	s.each(func(scheme *SchemeScore) {
		answered := scheme.Correct + scheme.Incorrect + scheme.Partial
		scheme.Possible, scheme.Actual = answered+scheme.Missed, answered+scheme.Spurious
		twice := 2*scheme.Correct + scheme.Partial // in halves, so that all is counted in whole numbers
		scheme.Precision = ratio(twice, 2*scheme.Actual)
		scheme.Recall = ratio(twice, 2*scheme.Possible)
		scheme.F1 = ratio(twice, scheme.Actual+scheme.Possible)
	})
	return s
}
