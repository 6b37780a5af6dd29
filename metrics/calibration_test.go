package metrics

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// TestTemperatureAsInNumPy compares temperature, NLL and ECE with what testdata/calibration.py found.
func TestTemperatureAsInNumPy(t *testing.T) {
	content, err := os.ReadFile("testdata/calibration.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Classes     int
		Scores      []float32
		Targets     []int
		Temperature float64
		NLL, ECE    [2]float64
	}
	if err := json.Unmarshal(content, &cases); err != nil || len(cases) < 5 {
		t.Fatal(err, len(cases))
	}
	for i, c := range cases {
		l := Logits{c.Classes, c.Scores, c.Targets}
		if err := l.Check(); err != nil {
			t.Fatal(err)
		}
		near := func(what string, got, want, tolerance float64) {
			t.Helper()
			if !(math.Abs(got-want) <= tolerance) {
				t.Errorf("case %d: %s %v, want %v", i, what, got, want)
			}
		}
		temperature := l.Temperature()
		near("temperature", temperature, c.Temperature, 1e-6*c.Temperature)
		near("NLL before", l.NLL(1), c.NLL[0], 1e-9)
		near("NLL after", l.NLL(temperature), c.NLL[1], 1e-9)
		near("ECE before", *NewReliability(l.At(1)).ECE, c.ECE[0], 1e-9)
		near("ECE after", *NewReliability(l.At(c.Temperature)).ECE, c.ECE[1], 1e-9)
	}
}

func TestReliabilityByHand(t *testing.T) {
	r := NewReliability([]Judged{{0, false}, {1. / 15, true}, {0.1, false}, {0.95, true}, {1, true}, {1, false}})
	// bins (0, 1/15], (1/15, 2/15] and (14/15, 1]: distances |1/15-1|, |0.1-0| and |2.95-2|
	want := (14./15 + 0.1 + 0.95) / 6
	if r.Count != 6 || len(r.Bins) != 3 || math.Abs(*r.ECE-want) > 1e-12 {
		t.Errorf("%+v, ECE %v, want %v", r, *r.ECE, want)
	}
	if last := r.Bins[2]; last.Count != 3 || last.To != 1 || math.Abs(last.Confidence-2.95/3) > 1e-12 || math.Abs(last.Accuracy-2./3) > 1e-12 {
		t.Errorf("the last bin is %+v", last)
	}
	if r := NewReliability(nil); r.ECE != nil || r.Count != 0 {
		t.Errorf("of nothing: %+v", r)
	}
}

func TestTemperatureAtTheEdges(t *testing.T) {
	for name, c := range map[string]struct {
		logits Logits
		want   float64
	}{
		"nothing wrong":     {Logits{2, []float32{3, 0, 0, 1}, []int{0, 1}}, 1},
		"nothing":           {Logits{2, nil, nil}, 1},
		"worse than chance": {Logits{2, []float32{5, 0, 5, 0, 0, 5}, []int{1, 1, 1}}, 10},
		"all alike":         {Logits{3, make([]float32, 6), []int{0, 2}}, 1},
		"too timid":         {Logits{2, []float32{.01, 0, .01, 0, .01, 0, .01, 0, 0, .01}, []int{0, 0, 0, 0, 0}}, .1},
	} {
		if got := c.logits.Temperature(); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	for name, l := range map[string]Logits{"too few": {2, make([]float32, 3), []int{0, 0}}, "no such class": {2, make([]float32, 2), []int{2}},
		"no classes": {0, nil, nil}, "below 0": {2, make([]float32, 2), []int{-100}}} {
		if l.Check() == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

// No other temperature has a lower NLL, and none changes which class is the best.
func TestTemperatureIsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes, count := rapid.IntRange(2, 5).Draw(t, "classes"), rapid.IntRange(1, 30).Draw(t, "tokens")
		l := Logits{classes, rapid.SliceOfN(rapid.Float32Range(-20, 20), classes*count, classes*count).Draw(t, "scores"),
			rapid.SliceOfN(rapid.IntRange(0, classes-1), count, count).Draw(t, "targets")}
		best := l.Temperature()
		if !(best >= lowestTemperature && best <= highestTemperature) {
			t.Fatalf("temperature %v", best)
		}
		other := rapid.Float64Range(lowestTemperature, highestTemperature).Draw(t, "other")
		wrong := false
		before, after := l.At(1), l.At(other)
		for i := range before {
			wrong = wrong || !before[i].Right
			if before[i].Right != after[i].Right || !(after[i].Score > 0 && after[i].Score <= 1) {
				t.Fatalf("token %d: %v at 1, %v at %v", i, before[i], after[i], other)
			}
		}
		if wrong && l.NLL(best) > l.NLL(other)+1e-9 {
			t.Fatalf("NLL %v at %v, but %v at %v", l.NLL(best), best, l.NLL(other), other)
		}
	})
}
