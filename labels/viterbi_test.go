package labels

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func legal(set *Set, tags []int, g Grammar) bool {
	for t, tag := range tags {
		if g.within(t) && set.tags[tag].Prefix != I && (set.tags[tag].Prefix == B || set.tags[tags[t-1]].Prefix != O) {
			return false
		}
		if g.Apart && t > 0 && set.tags[tag].Prefix == B && set.tags[tags[t-1]].Type == set.tags[tag].Type {
			return false
		}
		if set.tags[tag].Prefix != I {
			continue
		}
		if t == 0 || set.tags[tags[t-1]].Type != set.tags[tag].Type {
			return false
		}
	}
	return true
}

// eachLegal calls visit with every legal sequence.
func eachLegal(set *Set, length int, g Grammar, visit func(tags []int)) {
	tags := make([]int, length)
	for {
		if legal(set, tags, g) {
			visit(tags)
		}
		at := length - 1
		for ; at >= 0; at-- {
			if tags[at]++; tags[at] < set.Len() {
				break
			}
			tags[at] = 0
		}
		if at < 0 {
			return
		}
	}
}

func pathScore(scores []float32, k int, tags []int) float64 {
	sum := 0.0
	for t, tag := range tags {
		sum += float64(scores[t*k+tag])
	}
	return sum
}

func TestViterbiFindsTheBestLegalSequence(t *testing.T) {
	set, err := FromTags([]string{"I-X", "B-Y", "O", "I-Y", "B-X"}, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		scores := make([]float32, (1+random.IntN(5))*set.Len())
		for i := range scores {
			scores[i] = float32(random.NormFloat64() * 3)
		}
		g := Grammar{Apart: random.IntN(2) == 0}
		if random.IntN(2) == 0 {
			for range len(scores) / set.Len() {
				g.Continues = append(g.Continues, random.IntN(2) == 0)
			}
		}
		tags := set.Viterbi(scores, g)
		if !legal(set, tags, g) {
			t.Fatalf("%v is not legal under %+v", names(set, tags), g)
		}
		best := math.Inf(-1)
		eachLegal(set, len(tags), g, func(tags []int) { best = math.Max(best, pathScore(scores, set.Len(), tags)) })
		if got := pathScore(scores, set.Len(), tags); math.Abs(got-best) > 1e-4 {
			t.Fatalf("score %v, the best is %v", got, best)
		}
		checkProbabilities(t, set, scores, g)
	}
}

// checkProbabilities holds each decoded span's score against a count over all legal sequences.
func checkProbabilities(t *testing.T, set *Set, scores []float32, g Grammar) {
	t.Helper()
	offsets := make([]Offset, len(scores)/set.Len())
	for i := range offsets {
		offsets[i] = Offset{2 * i, 2*i + 1}
	}
	for _, found := range set.Decode(scores, offsets, g) {
		with, all := 0.0, 0.0
		eachLegal(set, len(offsets), g, func(tags []int) {
			weight := math.Exp(pathScore(scores, set.Len(), tags))
			all += weight
			if slices.Contains(set.Spans(offsets, tags), found.Span) {
				with += weight
			}
		})
		if math.Abs(found.Score-with/all) > 1e-4 {
			t.Fatalf("%v has score %v, its share is %v", found.Span, found.Score, with/all)
		}
	}
}

func TestViterbiOfNothing(t *testing.T) {
	if tags, spans := defaultSet(t).Viterbi(nil, Grammar{}), defaultSet(t).Decode(nil, nil, Grammar{}); tags != nil || spans != nil {
		t.Error(tags, spans)
	}
}

// FuzzViterbi: whatever the scores, NaN and infinities included, the tags are legal and the scores in [0, 1].
func FuzzViterbi(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0, 0, 192, 127, 0, 0, 128, 127, 0, 0, 128, 255}, 15)) // NaN, +Inf, -Inf
	f.Add(bytes.Repeat([]byte{0, 0, 128, 63, 0, 0, 0, 192}, 30))                    // 1, -2
	f.Fuzz(func(t *testing.T, raw []byte) {
		set := defaultSet(t)
		scores := make([]float32, len(raw)/4/set.Len()*set.Len())
		for i := range scores {
			b := raw[4*i:]
			scores[i] = math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
		}
		g := Grammar{Continues: make([]bool, len(scores)/set.Len()), Apart: len(raw)%2 == 1}
		for i := range g.Continues {
			g.Continues[i] = raw[i]%2 == 1
		}
		tags := set.Viterbi(scores, g)
		if len(tags) != len(g.Continues) || !legal(set, tags, g) {
			t.Fatalf("%v is not legal", tags)
		}
		for _, found := range set.Decode(scores, make([]Offset, len(g.Continues)), g) {
			if !(found.Score >= 0 && found.Score <= 1) {
				t.Fatalf("score %v", found.Score)
			}
		}
	})
}
