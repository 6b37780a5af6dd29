package stages

import (
	"math"
	"slices"
	"testing"

	"pii/labels"
)

func weightsFixture(t *testing.T) *labels.Set {
	t.Helper()
	set, err := labels.NewSet([]labels.Type{{Name: "X"}, {Name: "Y"}})
	if err != nil {
		t.Fatal(err)
	}
	return set // O, B-X, I-X, B-Y, I-Y
}

func TestClassWeightsAreRead(t *testing.T) {
	set := weightsFixture(t)
	for text, want := range map[string][]float64{"none": nil, "O=0.5": {0.5, 1, 1, 1, 1}, "X=2": {1, 2, 2, 1, 1},
		" I-X = 3 , X=2,O=1e-1": {0.1, 2, 3, 1, 1}, "X=2,I-X=3": {1, 2, 3, 1, 1}} {
		got, err := (&Config{ClassWeights: text}).classWeights(set, nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

// TestBalancedWeights has 8 labelled tokens and 3 tags that occur: 5, 2 and 1 times.
func TestBalancedWeights(t *testing.T) {
	train := []Example{{Labels: []int64{-100, 0, 1, 2, 2, 0, -100}}, {Labels: []int64{-100, 0, 0, 0, -100}}}
	got, err := (&Config{ClassWeights: balanced}).classWeights(weightsFixture(t), train)
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range []float64{8. / (3 * 5), 8. / (3 * 1), 8. / (3 * 2), 1, 1} {
		if math.Abs(got[tag]-want) > 1e-15 {
			t.Errorf("tag %d weighs %v, want %v", tag, got[tag], want)
		}
	}
}
