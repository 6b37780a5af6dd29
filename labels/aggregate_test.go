package labels

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// logits gives each token the probabilities p of its tag, and shares the rest among the others.
func logits(t *testing.T, s *Set, tags []string, p []float64) []float32 {
	t.Helper()
	var scores []float32
	for i, tag := range tags {
		id, ok := s.TagID(tag)
		if !ok {
			t.Fatalf("no tag %q", tag)
		}
		for k := range s.Len() {
			share := (1 - p[i]) / float64(s.Len()-1)
			if k == id {
				share = p[i]
			}
			scores = append(scores, float32(math.Log(share)))
		}
	}
	return scores
}

func pieces(words ...string) []Token {
	var tokens []Token
	at := 0
	for i, word := range words {
		text, continues := strings.CutPrefix(word, "##")
		if i > 0 && !continues {
			at++
		}
		tokens = append(tokens, Token{Offset{at, at + len(text)}, word, continues, i + 1})
		at += len(text)
	}
	return tokens
}

func joinWords(words []string) string { return strings.ReplaceAll(strings.Join(words, " "), " ##", "") }

func TestAggregate(t *testing.T) {
	s, err := NewSet([]Type{{"NAME", true}, {"CITY", false}})
	if err != nil {
		t.Fatal(err)
	}
	tokens := pieces("ann", "##a", "smith", "rome", "to", "paris")
	tags := []string{"B-NAME", "O", "I-NAME", "B-CITY", "O", "I-CITY"}
	p := []float64{0.8, 0.9, 0.7, 0.6, 0.9, 0.5}
	for how, want := range map[Aggregation][]Group{
		AggregateNone: {
			{Span{0, 3, "B-NAME"}, 0.8, "ann", 1}, {Span{5, 10, "I-NAME"}, 0.7, "smith", 3}, {Span{11, 15, "B-CITY"}, 0.6, "rome", 4},
			{Span{19, 24, "I-CITY"}, 0.5, "paris", 6},
		},
		AggregateSimple: {
			{Span{0, 3, "NAME"}, 0.8, "ann", 1}, {Span{5, 10, "NAME"}, 0.7, "smith", 3}, {Span{11, 15, "CITY"}, 0.6, "rome", 4},
			{Span{19, 24, "CITY"}, 0.5, "paris", 6},
		},
		AggregateFirst: {
			{Span{0, 10, "NAME"}, 0.75, "anna smith", 1}, {Span{11, 15, "CITY"}, 0.6, "rome", 4}, {Span{19, 24, "CITY"}, 0.5, "paris", 6},
		},
		AggregateMax: {
			{Span{5, 10, "NAME"}, 0.7, "smith", 3}, {Span{11, 15, "CITY"}, 0.6, "rome", 4}, {Span{19, 24, "CITY"}, 0.5, "paris", 6},
		},
		AggregateAverage: { // of anna, O has (0.05 + 0.9) / 2
			{Span{5, 10, "NAME"}, 0.7, "smith", 3}, {Span{11, 15, "CITY"}, 0.6, "rome", 4}, {Span{19, 24, "CITY"}, 0.5, "paris", 6},
		},
	} {
		got, err := s.Aggregate(how, logits(t, s, tags, p), tokens, joinWords)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].Score = math.Round(got[i].Score*1e6) / 1e6
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", how, got, want)
		}
	}
	if _, err := s.Aggregate(AggregateSimple, make([]float32, 7), tokens, joinWords); err == nil {
		t.Error("7 scores pass for those of 6 tokens")
	}
}

func TestBeginningsOpenGroups(t *testing.T) {
	s, err := NewSet([]Type{{"NAME", true}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Aggregate(AggregateSimple, logits(t, s, []string{"I-NAME", "B-NAME", "I-NAME", "B-NAME"}, []float64{.9, .9, .9, .9}),
		pieces("a", "b", "c", "d"), joinWords)
	if err != nil || len(got) != 3 || got[1].Span != (Span{2, 5, "NAME"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMergeGroups(t *testing.T) {
	group := func(start, end int, score float64) Group { return Group{Span: Span{start, end, "NAME"}, Score: score} }
	for name, c := range map[string]struct{ groups, want []Group }{
		"none":               {nil, nil},
		"apart":              {[]Group{group(5, 9, 1), group(0, 5, 1)}, []Group{group(0, 5, 1), group(5, 9, 1)}},
		"longer":             {[]Group{group(0, 5, .1), group(2, 8, .1)}, []Group{group(2, 8, .1)}},
		"as long, surer":     {[]Group{group(0, 5, .1), group(2, 7, .2)}, []Group{group(2, 7, .2)}},
		"as long, as sure":   {[]Group{group(0, 5, .1), group(2, 7, .1)}, []Group{group(0, 5, .1)}},
		"overlap of overlap": {[]Group{group(0, 5, 1), group(4, 10, 1), group(9, 11, 1)}, []Group{group(4, 10, 1)}},
	} {
		if got := MergeGroups(c.groups); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Whatever the scores, groups are in order, apart, and made of whole tokens.
func TestGroupsAreInOrder(t *testing.T) {
	s, err := NewSet(DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bc", "##d", "##ef"}), 0, 12).Draw(t, "words")
		tokens := pieces(words...)
		scores := rapid.SliceOfN(rapid.Float32(), len(tokens)*s.Len(), len(tokens)*s.Len()).Draw(t, "scores")
		how := rapid.SampledFrom(Aggregations()).Draw(t, "how")
		got, err := s.Aggregate(how, scores, tokens, joinWords)
		if err != nil {
			t.Fatal(err)
		}
		starts, ends := map[int]bool{}, map[int]bool{}
		for _, token := range tokens {
			starts[token.Start], ends[token.End] = true, true
		}
		last := 0
		for _, g := range got {
			if g.Start < last || g.End <= g.Start || !starts[g.Start] || !ends[g.End] || !(g.Score > 0 && g.Score <= 1.000001) {
				t.Fatalf("%s: %v after %d", how, g, last)
			}
			last = g.End
		}
	})
}
