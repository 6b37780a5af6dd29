package metrics

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// upTo is n runs of 1, 2, … n milliseconds, so that a value is its rank.
func upTo(n int) []time.Duration {
	runs := make([]time.Duration, n)
	for i := range runs {
		runs[i] = time.Duration(i+1) * time.Millisecond
	}
	return runs
}

func TestQuantilesAreNearestRanks(t *testing.T) {
	for _, c := range []struct {
		n                  int
		p50, p90, p95, p99 float64
	}{
		{1, 1, 1, 1, 1}, {2, 1, 2, 2, 2}, {10, 5, 9, 10, 10}, {20, 10, 18, 19, 20}, {60, 30, 54, 57, 60},
		{100, 50, 90, 95, 99}, {101, 51, 91, 96, 100}, {1000, 500, 900, 950, 990},
	} {
		l := NewLatency(upTo(c.n))
		got := [4]float64{l.P50.Value, l.P90.Value, l.P95.Value, l.P99.Value}
		if want := [4]float64{c.p50, c.p90, c.p95, c.p99}; got != want {
			t.Errorf("n %d: quantiles %v, want %v", c.n, got, want)
		}
		if want := float64(c.n+1) / 2; l.N != c.n || *l.Mean != want {
			t.Errorf("n %d: mean %v of %d, want %v", c.n, *l.Mean, l.N, want)
		}
	}
}

func TestConfidenceRanks(t *testing.T) {
	for _, c := range []struct {
		n         int
		p         float64
		low, high int
	}{
		{100, 0.50, 40, 61}, // as in tables of the sign test
		{10, 0.50, 2, 9},
		{6, 0.50, 1, 6},
		{5, 0.50, 0, 5}, // 2⁻⁵ is above 2.5%, but below 5%
		{4, 0.50, 0, 0},
		{58, 0.95, 51, 0},
		{59, 0.95, 50, 59},
		{298, 0.99, 291, 0},
		{299, 0.99, 289, 299},
	} {
		low, high := confidenceRanks(c.n, c.p)
		if low != c.low || high != c.high {
			t.Errorf("n %d, p %v: ranks %d to %d, want %d to %d", c.n, c.p, low, high, c.low, c.high)
		}
	}
}

// TestConfidenceRanksCover checks the promise itself: the chance that the quantile is between the ranks is 95% or more.
func TestConfidenceRanksCover(t *testing.T) {
	for n := 1; n <= 700; n += 1 + n/40 {
		for _, p := range []float64{0.5, 0.9, 0.95, 0.99} {
			low, high := confidenceRanks(n, p)
			if low > n || high > n || high != 0 && low >= high {
				t.Fatalf("n %d, p %v: ranks %d to %d", n, p, low, high)
			}
			covered := 0.0
			for k := low; k <= n && (high == 0 || k < high); k++ {
				covered += binomial(n, k, p)
			}
			if covered < confidence-rounding {
				t.Errorf("n %d, p %v: ranks %d to %d cover %.6f", n, p, low, high, covered)
			}
		}
	}
}

func TestLatencyInJSON(t *testing.T) {
	for _, c := range []struct {
		runs []time.Duration
		want string
	}{
		{nil, `{"n":0,"mean_ms":null,"p50":null,"p90":null,"p95":null,"p99":null,"notes":["there was no run"]}`},
		{upTo(59), `{"n":59,"mean_ms":30,"p50":{"ms":30,"low_ms":22,"high_ms":38},"p90":{"ms":54,"low_ms":48,"high_ms":58},` +
			`"p95":{"ms":57,"low_ms":50,"high_ms":59},"p99":{"ms":59,"low_ms":57,"high_ms":null},` +
			`"notes":["an upper 95% bound of p99 needs 299 runs, there were 59"]}`},
	} {
		if got, err := json.Marshal(NewLatency(c.runs)); err != nil || string(got) != c.want {
			t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
		}
	}
}

func TestLatencyOrderDoesNotMatter(t *testing.T) {
	runs := upTo(333)
	want := NewLatency(runs)
	if len(want.Notes) != 0 {
		t.Errorf("notes %v", want.Notes)
	}
	rand.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
	first := runs[0]
	if got := NewLatency(runs); !reflect.DeepEqual(got, want) || runs[0] != first {
		t.Errorf("shuffled: %+v, want %+v", got, want)
	}
}
