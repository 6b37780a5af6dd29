package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"pii/labels"
)

// right and wrong are transcripts with one telephone number that is found, and one that is not.
var (
	right = [2][]labels.Span{{{Start: 0, End: 8, Label: "PHONE"}}, {{Start: 0, End: 8, Label: "PHONE"}}}
	wrong = [2][]labels.Span{{{Start: 0, End: 8, Label: "PHONE"}}, nil}
	none  = [2][]labels.Span{nil, nil}
)

// times is the transcript n times.
func times(n int, doc [2][]labels.Span) (docs [][2][]labels.Span) {
	for range n {
		docs = append(docs, doc)
	}
	return docs
}

// TestIntervalsAreThoseOfAShare: the recall is the mean of draws of 0 or 1, whose distribution is known. The larger number
// is drawn in groups.
func TestIntervalsAreThoseOfAShare(t *testing.T) {
	for _, n := range []int{400, 4 * mostDrawn} {
		i := scores(t, append(times(n*8/10, right), times(n*2/10, wrong)...)...).Intervals
		margin := 1.96 * math.Sqrt(0.8*0.2/float64(n))
		for _, c := range []struct {
			name string
			got  *Interval
			mean float64
		}{{"recall", i.PIIRecall, 0.8}, {"leak rate", i.LeakRate, 0.2}, {"character recall", i.CharacterRecall, 0.8}} {
			if c.got == nil || !within(c.got.Low, c.mean-margin, margin/8) || !within(c.got.High, c.mean+margin, margin/8) {
				t.Errorf("%s of %d: %v, want about %.4f to %.4f", c.name, n, c.got, c.mean-margin, c.mean+margin)
			}
		}
		if want := (Interval{1, 1}); i.PIIPrecision == nil || *i.PIIPrecision != want {
			t.Errorf("precision: %v, want %v", i.PIIPrecision, want)
		}
	}
}

func within(value, want, tolerance float64) bool {
	return value > want-tolerance && value < want+tolerance
}

func TestIntervalsThatAreNotDefined(t *testing.T) {
	for _, c := range []struct {
		name string
		docs [][2][]labels.Span
		want string // of the recall
	}{
		{"no transcript", nil, "null"},
		{"one transcript", times(1, right), "null"},
		{"no span", times(10, none), "null"},
		{"a span in one of two: in three of four draws", [][2][]labels.Span{right, none}, `{"low":1,"high":1}`},
		{"a span in one of 1000: in two of three draws", append(times(999, none), right), `{"low":1,"high":1}`},
		{"two that differ", [][2][]labels.Span{right, wrong}, `{"low":0,"high":1}`},
	} {
		if got, err := json.Marshal(scores(t, c.docs...).Intervals.PIIRecall); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64 // 0: none
	}{{0, 0, 0}, {499, 0, 0}, {500, 12, 489}, {999, 25, 975}} {
		values := make([]float64, c.n)
		for i := range values {
			values[i] = float64(c.n - i)
		}
		got := middle(values)
		if (got == nil) != (c.low == 0) || got != nil && *got != (Interval{c.low, c.high}) {
			t.Errorf("%d values: %v, want %v to %v", c.n, got, c.low, c.high)
		}
	}
}

func BenchmarkIntervals(b *testing.B) {
	for _, n := range []int{600, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			transcripts := make([]tally, n)
			for i := range transcripts {
				transcripts[i] = tally{piiTP: int32(i % 3), piiFN: int32(i % 2), goldCharacters: int32(i)}
			}
			for b.Loop() {
				intervals(transcripts)
			}
		})
	}
}
