package metrics

import (
	"cmp"
	"iter"
	"slices"
)

// Choice is a threshold for the scores of found spans, and what it leaves of those that it was chosen on.
type Choice struct {
	Threshold float64 `json:"threshold"` // spans with this score or a higher one stay
	Score             // of what stays
	Reached   bool    `json:"reached"` // whether the threshold does what was asked for
}

// AtPrecision chooses the lowest threshold at which the precision of what stays is target or more, and with that the highest
// recall. A few spans that are all right by luck must not pass for a precision of 1, so it is taken as (right+1)/(count+2), the
// mean of what the count leaves possible where nothing else is known (Laplace's rule of succession). Where no threshold
// reaches the target, it is the one whose precision comes nearest.
func AtPrecision(found []Judged, gold int, target float64) Choice {
	best, nearest := Choice{}, Choice{}
	highest := -1.0
	for c := range choices(found, gold) {
		smoothed := float64(c.TruePositives+1) / float64(c.Predicted+2)
		if smoothed >= target {
			best, best.Reached = c, true
		}
		if smoothed > highest {
			highest, nearest = smoothed, c
		}
	}
	if best.Reached {
		return best
	}
	return nearest
}

// AtBestF chooses the threshold with the highest F of the given beta, of two as good the higher.
func AtBestF(found []Judged, gold int, beta float64) Choice {
	best := Choice{}
	highest := -1.0
	for c := range choices(found, gold) {
		b := beta * beta
		if f := (1 + b) * float64(c.TruePositives) / (b*float64(gold) + float64(c.Predicted)); f > highest {
			highest, best, best.Reached = f, c, true
		}
	}
	return best
}

// choices are the thresholds between which there is a difference, from the highest down: each found score.
func choices(found []Judged, gold int) iter.Seq[Choice] {
	sorted := slices.Clone(found)
	slices.SortFunc(sorted, func(a, b Judged) int { return cmp.Compare(b.Score, a.Score) })
	return func(yield func(Choice) bool) {
		right := 0
		for i, s := range sorted {
			if s.Right {
				right++
			}
			if i+1 < len(sorted) && sorted[i+1].Score == s.Score {
				continue
			}
			score := Score{TruePositives: right, FalsePositives: i + 1 - right, FalseNegatives: gold - right}
			if !yield(Choice{Threshold: s.Score, Score: score.figures()}) {
				return
			}
		}
	}
}

// At is what a threshold leaves.
func At(found []Judged, gold int, threshold float64) Choice {
	c := Choice{Threshold: threshold}
	for _, s := range found {
		if s.Score >= threshold && s.Right {
			c.TruePositives++
		} else if s.Score >= threshold {
			c.FalsePositives++
		}
	}
	c.FalseNegatives = gold - c.TruePositives
	c.Score = c.figures()
	return c
}
