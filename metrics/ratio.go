package metrics

import (
	"math/rand/v2"
	"slices"
)

// Ratio is how large one thing is for each unit of another, with a 95% confidence interval by percentile bootstrap. The interval is
// nil where there are fewer than fewestDrawn values of either: not even their whole range covers a median with 95%.
type Ratio struct {
	Value    float64   `json:"ratio"`
	Interval *Interval `json:"interval"`
}

const fewestDrawn = 6

// Without1 reports whether the interval is there and does not hold 1.
func (r Ratio) Without1() bool {
	return r.Interval != nil && (r.Interval.Low > 1 || r.Interval.High < 1)
}

// PairedRatio is the median of a over that of b, positive values that were measured side by side. The bootstrap draws pairs, so that
// what disturbed both at the same time does not widen the interval. a and b are of the same length, 1 or more.
func PairedRatio(a, b []float64) Ratio {
	r := Ratio{Value: Median(a) / Median(b)}
	if len(a) < fewestDrawn {
		return r
	}
	random := rand.New(rand.NewPCG(drawSeed, 0))
	found, someA, someB := make([]float64, draws), make([]float64, len(a)), make([]float64, len(b))
	for i := range found {
		for k := range someA {
			pair := random.IntN(len(a))
			someA[k], someB[k] = a[pair], b[pair]
		}
		found[i] = Median(someA) / Median(someB)
	}
	r.Interval = middle(found)
	return r
}

// RatioOfMedians is the median of a over that of b, positive values that were measured apart. The bootstrap draws from each.
// Neither is empty.
func RatioOfMedians(a, b []float64) Ratio {
	r := Ratio{Value: Median(a) / Median(b)}
	if min(len(a), len(b)) < fewestDrawn {
		return r
	}
	random := rand.New(rand.NewPCG(drawSeed, 0))
	found := make([]float64, draws)
	for i := range found {
		found[i] = Median(drawn(a, random)) / Median(drawn(b, random))
	}
	r.Interval = middle(found)
	return r
}

// drawn are as many of the values, drawn with replacement.
func drawn(values []float64, random *rand.Rand) []float64 {
	list := make([]float64, len(values))
	for i := range list {
		list[i] = values[random.IntN(len(values))]
	}
	return list
}

// Median is the middle value, or the mean of the two in the middle. There must be one at least.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
