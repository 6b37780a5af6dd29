package metrics

import "pii/labels"

// The counts of a transcript from which come all figures that have an interval.
const (
	piiTP = iota // spans of personal data, their types left out
	piiFP
	piiFN
	leaked // gold spans of personal data
	goldCharacters
	predictedCharacters
	coveredCharacters
	allTP // spans of every type
	allFP
	allFN
	tallySize
)

// tally holds the counts of one transcript; it is small, since one is kept for each.
type tally [tallySize]int32

// tallyOf counts a transcript: its scores over all types and over personal data, and the spans of personal data.
func tallyOf(all, pii Score, gold, predicted []labels.Span) tally {
	goldText, predictedText := stretchesOf(gold), stretchesOf(predicted)
	left := 0
	for _, span := range gold {
		if !predictedText.cover(span) {
			left++
		}
	}
	return tally{
		piiTP: int32(pii.TruePositives), piiFP: int32(pii.FalsePositives), piiFN: int32(pii.FalseNegatives), leaked: int32(left),
		goldCharacters:      int32(goldText.characters()),
		predictedCharacters: int32(predictedText.characters()),
		coveredCharacters:   int32(goldText.sharedWith(predictedText)),
		allTP:               int32(all.TruePositives), allFP: int32(all.FalsePositives), allFN: int32(all.FalseNegatives),
	}
}

// total holds the counts of many transcripts.
type total [tallySize]int

func (t *total) add(other *tally) {
	for i, n := range other {
		t[i] += int(n)
	}
}

func (t *total) pii() Score {
	return Score{TruePositives: t[piiTP], FalsePositives: t[piiFP], FalseNegatives: t[piiFN]}.figures()
}

func (t *total) all() Score {
	return Score{TruePositives: t[allTP], FalsePositives: t[allFP], FalseNegatives: t[allFN]}.figures()
}

func (t *total) redaction() Redaction {
	return Redaction{
		F2:                  ratio(5*t[piiTP], 5*t[piiTP]+4*t[piiFN]+t[piiFP]),
		Leaked:              t[leaked],
		LeakRate:            ratio(t[leaked], t[piiTP]+t[piiFN]),
		GoldCharacters:      t[goldCharacters],
		PredictedCharacters: t[predictedCharacters],
		CoveredCharacters:   t[coveredCharacters],
		CharacterRecall:     ratio(t[coveredCharacters], t[goldCharacters]),
		CharacterPrecision:  ratio(t[coveredCharacters], t[predictedCharacters]),
	}
}
