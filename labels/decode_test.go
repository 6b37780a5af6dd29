package labels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// transcript is like the logits of a text of so many tokens, with a few spans, some of them unsure.
func transcript(set *Set, tokens int) (scores []float32, g Grammar) {
	random := rand.New(rand.NewPCG(5, 6))
	g = Grammar{Continues: make([]bool, tokens), Apart: true}
	for t := range tokens {
		row := make([]float32, set.Len())
		for tag := range row {
			row[tag] = float32(random.NormFloat64() * 2)
		}
		row[0] += 6
		if t%12 < 3 {
			row[1+2*(t/12%len(set.Types()))+min(1, t%12)] += 9
		}
		g.Continues[t] = t%12 == 2
		scores = append(scores, row...)
	}
	return scores, g
}

// TestTypeSum holds sums against those of two at a time, where one weight is so far above the others that beside it they are nothing.
func TestTypeSum(t *testing.T) {
	none := math.Inf(-1)
	for _, weights := range [][]float64{{0, 0, 0, 0}, {-1, -2, -3, -4}, {-900, 0, -800, -1000}, {0, -900, none, -800}, {none, none, none, none},
		{none, -5, none, none}, {-1e300, 3, -700, 2}} {
		sum := newTypeSum(3)
		copy(sum.parts, weights[1:])
		check := func(got float64, without int) {
			want := weights[0]
			for i, w := range weights[1:] {
				if i != without {
					want = logAdd(want, w)
				}
			}
			if got != want && !(math.Abs(got-want) < 1e-12) {
				t.Errorf("%v without %d: %v, want %v", weights, without, got, want)
			}
		}
		check(sum.add(weights[0]), -1)
		for typ := range sum.parts {
			check(sum.but(typ), typ)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	set := defaultSet(b)
	scores, g := transcript(set, 36)
	offsets := Positions(36)
	for b.Loop() {
		if len(set.Decode(scores, offsets, g)) == 0 {
			b.Fatal("no span")
		}
	}
}

func BenchmarkViterbi(b *testing.B) {
	set := defaultSet(b)
	scores, g := transcript(set, 36)
	for b.Loop() {
		set.Viterbi(scores, g)
	}
}
