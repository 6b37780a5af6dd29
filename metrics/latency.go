package metrics

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Latency sums up how long the runs of something took. All figures are in milliseconds.
type Latency struct {
	N     int       `json:"n"`       // runs
	Mean  *float64  `json:"mean_ms"` // nil where there was no run, as the quantiles
	P50   *Quantile `json:"p50"`
	P90   *Quantile `json:"p90"`
	P95   *Quantile `json:"p95"`
	P99   *Quantile `json:"p99"`
	Notes []string  `json:"notes,omitempty"` // which upper bounds are missing, and how many runs they need
}

// Quantile is a quantile of a sample by nearest rank, so one of the values that occurred, with a 95% confidence interval
// of the quantile behind the sample. The bounds are values that occurred too; nil where the sample is too small for one.
type Quantile struct {
	Value float64  `json:"ms"`
	Low   *float64 `json:"low_ms"`
	High  *float64 `json:"high_ms"`
}

// NewLatency sums up the durations of single runs, in any order.
func NewLatency(runs []time.Duration) Latency {
	l := Latency{N: len(runs)}
	if len(runs) == 0 {
		l.Notes = []string{"there was no run"}
		return l
	}
	sorted := make([]float64, len(runs))
	sum := 0.0
	for i, run := range runs {
		sorted[i] = float64(run) / float64(time.Millisecond)
		sum += sorted[i]
	}
	slices.Sort(sorted)
	mean := sum / float64(len(runs))
	l.Mean = &mean
	for _, q := range []struct {
		percent int
		into    **Quantile
	}{{50, &l.P50}, {90, &l.P90}, {95, &l.P95}, {99, &l.P99}} {
		*q.into = quantile(sorted, q.percent)
		if (*q.into).High == nil {
			l.Notes = append(l.Notes, fmt.Sprintf("an upper 95%% bound of p%d needs %d runs, there were %d",
				q.percent, runsForUpperBound(q.percent), l.N))
		}
	}
	return l
}

func quantile(sorted []float64, percent int) *Quantile {
	n := len(sorted)
	q := &Quantile{Value: sorted[(percent*n+99)/100-1]} // in whole numbers: 0.95·n may round to above a whole one
	low, high := confidenceRanks(n, float64(percent)/100)
	if low > 0 {
		q.Low = &sorted[low-1]
	}
	if high > 0 {
		q.High = &sorted[high-1]
	}
	return q
}

// confidence is that of the intervals, miss the chance that is left to miss the quantile.
const (
	confidence = 0.95
	miss       = 1 - confidence
)

// confidenceRanks returns the ranks, from 1, of the order statistics that bound the p-quantile of a continuous
// distribution from which n values were drawn: between them it lies with at least 95% confidence, whatever the
// distribution. A rank is 0 where no value can be that bound.
//
// The number K of values below the quantile is binomial (n, p). The value of rank r is above the quantile if K < r, and
// not above it if K >= r; so the low rank is the greatest with P(K < low) small enough, the high one the least with
// P(K >= high) small enough. Each side may miss with 2.5%; a sample too small for that above gives the high side up to
// the whole 5%, and the low side what is left. See David and Nagaraja, Order Statistics, section 7.1.
func confidenceRanks(n int, p float64) (low, high int) {
	below := 0.0 // P(K < rank)
	rest := miss / 2
	maximum := math.Pow(p, float64(n)) // P(K >= n), the least that the high side can miss
	if maximum > miss/2 && maximum <= miss {
		high, rest = n, miss-maximum
	}
	for rank := 1; rank <= n; rank++ {
		below += binomial(n, rank-1, p)
		if below <= rest {
			low = rank
		}
		if high == 0 && 1-below <= miss/2+rounding {
			return low, rank
		}
	}
	return low, high
}

// rounding is far above the error of a sum of probabilities, and far below what anyone would ask of a confidence.
const rounding = 1e-9

// runsForUpperBound is the least n with P(K >= n) = pⁿ small enough for a high rank: 59 for p95, 299 for p99.
func runsForUpperBound(percent int) int {
	return int(math.Ceil(math.Log(miss) / math.Log(float64(percent)/100)))
}

// binomial is the probability of k successes among n, each with probability p between 0 and 1.
func binomial(n, k int, p float64) float64 {
	return math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) +
		float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func logFactorial(n int) float64 {
	value, _ := math.Lgamma(float64(n) + 1)
	return value
}
