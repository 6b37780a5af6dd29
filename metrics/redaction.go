package metrics

import (
	"slices"

	"pii/labels"
)

// Redaction is how much personal data would be left if what was predicted as personal data were struck out, and how much
// else would go. One type of personal data passes for another.
type Redaction struct {
	F2       *float64 `json:"f2"`        // 5TP/(5TP+4FN+FP) of Scores.PII: recall weighs twice what precision does; nil where there is no span at all
	Leaked   int      `json:"leaked"`    // gold spans with a character, be it a space, that no predicted span covers
	LeakRate *float64 `json:"leak_rate"` // Leaked as a share of the gold spans; nil where there is none

	// Characters, each counted once, however many spans it is in.
	GoldCharacters      int      `json:"gold_characters"`      // in gold spans
	PredictedCharacters int      `json:"predicted_characters"` // in predicted spans
	CoveredCharacters   int      `json:"covered_characters"`   // in both
	CharacterRecall     *float64 `json:"character_recall"`     // covered / gold; nil for 0/0
	CharacterPrecision  *float64 `json:"character_precision"`  // covered / predicted; nil for 0/0
}

// stretches are disjoint parts of a text in ascending order, none touching the next. Their labels do not matter.
type stretches []labels.Span

// stretchesOf joins spans that overlap or touch.
func stretchesOf(spans []labels.Span) stretches {
	var joined stretches
	for _, span := range slices.SortedFunc(slices.Values(spans), labels.Span.Compare) {
		if last := len(joined) - 1; last >= 0 && span.Start <= joined[last].End {
			joined[last].End = max(joined[last].End, span.End)
		} else {
			joined = append(joined, span)
		}
	}
	return joined
}

func (s stretches) characters() int {
	n := 0
	for _, stretch := range s {
		n += stretch.End - stretch.Start
	}
	return n
}

// sharedWith is the number of characters that are in both.
func (s stretches) sharedWith(others stretches) int {
	n := 0
	for i, j := 0, 0; i < len(s) && j < len(others); {
		n += shared(s[i], others[j])
		if s[i].End < others[j].End {
			i++
		} else {
			j++
		}
	}
	return n
}

// cover reports whether every character of the span is in one of the stretches.
func (s stretches) cover(span labels.Span) bool {
	return slices.ContainsFunc(s, func(stretch labels.Span) bool {
		return stretch.Start <= span.Start && span.End <= stretch.End
	})
}
