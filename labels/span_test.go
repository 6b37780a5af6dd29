package labels

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// offsets of the tokens of "[CLS] call ram ##esh at four two [SEP]"
var exampleOffsets = []Offset{{0, 0}, {0, 4}, {5, 8}, {8, 11}, {12, 14}, {15, 19}, {20, 23}, {0, 0}}

func TestEncode(t *testing.T) {
	set := defaultSet(t)
	cases := []struct {
		name  string
		spans []Span
		want  []string
		lost  int
	}{
		{"no span", nil, []string{"-", "O", "O", "O", "O", "O", "O", "-"}, 0},
		{"pieces of a word", []Span{{5, 11, "PERSON_NAME"}}, []string{"-", "O", "B-PERSON_NAME", "I-PERSON_NAME", "O", "O", "O", "-"}, 0},
		{"unordered neighbours", []Span{{15, 23, "PHONE"}, {12, 14, "CITY"}}, []string{"-", "O", "O", "O", "B-CITY", "B-PHONE", "I-PHONE", "-"}, 0},
		{"a span inside a token", []Span{{6, 7, "DATE"}}, []string{"-", "O", "B-DATE", "O", "O", "O", "O", "-"}, 0},
		{"a span of white space", []Span{{4, 5, "DATE"}}, []string{"-", "O", "O", "O", "O", "O", "O", "-"}, 1},
		{"a span after the text", []Span{{30, 31, "DATE"}}, []string{"-", "O", "O", "O", "O", "O", "O", "-"}, 1},
	}
	for _, c := range cases {
		tags, lost, err := set.Encode(exampleOffsets, c.spans)
		if err != nil || lost != c.lost || !reflect.DeepEqual(names(set, tags), c.want) {
			t.Errorf("%s: %v, %d lost, %v", c.name, names(set, tags), lost, err)
		}
	}
	if _, _, err := set.Encode(exampleOffsets, []Span{{0, 4, "NONE"}}); err == nil {
		t.Error("an unknown label was encoded")
	}
}

func names(set *Set, tags []int) []string {
	list := make([]string, len(tags))
	for i, tag := range tags {
		list[i] = "-"
		if tag != Ignored {
			list[i] = set.TagName(tag)
		}
	}
	return list
}

func TestSpansOfTags(t *testing.T) {
	set := defaultSet(t)
	for _, c := range []struct {
		name         string
		tags         []string // of exampleOffsets, "-" for ignored
		want, strict []Span
	}{
		{"legal", []string{"-", "O", "B-PHONE", "I-PHONE", "B-PHONE", "B-CITY", "O", "-"},
			[]Span{{5, 11, "PHONE"}, {12, 14, "PHONE"}, {15, 19, "CITY"}}, []Span{{5, 11, "PHONE"}, {12, 14, "PHONE"}, {15, 19, "CITY"}}},
		{"I- after O", []string{"-", "O", "I-PHONE", "I-PHONE", "O", "O", "O", "-"}, []Span{{5, 11, "PHONE"}}, nil},
		{"I- of another type", []string{"-", "O", "B-PHONE", "I-PHONE", "I-CITY", "I-PHONE", "O", "-"},
			[]Span{{5, 11, "PHONE"}, {12, 14, "CITY"}, {15, 19, "PHONE"}}, []Span{{5, 11, "PHONE"}}},
		{"ignored within", []string{"-", "O", "B-PHONE", "-", "I-PHONE", "O", "O", "-"}, []Span{{5, 14, "PHONE"}}, []Span{{5, 14, "PHONE"}}},
	} {
		tags := make([]int, len(c.tags))
		for i, name := range c.tags {
			tags[i] = Ignored
			if id, ok := set.TagID(name); ok {
				tags[i] = id
			}
		}
		if got := set.Spans(exampleOffsets, tags); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if got := set.StrictSpans(exampleOffsets, tags); !reflect.DeepEqual(got, c.strict) {
			t.Errorf("%s, strict: %v, want %v", c.name, got, c.strict)
		}
	}
}

// TestSpansSurviveTheWayThroughTags: spans that begin and end with tokens come back as they were.
func TestSpansSurviveTheWayThroughTags(t *testing.T) {
	set := defaultSet(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		offsets, spans := randomCase(random, set)
		tags, lost, err := set.Encode(offsets, spans)
		if err != nil || lost != 0 {
			t.Fatalf("%d lost, %v", lost, err)
		}
		back := set.Spans(offsets, tags)
		if !reflect.DeepEqual(back, spans) {
			t.Fatalf("%v came back as %v over %v", spans, back, offsets)
		}
	}
}

func randomCase(random *rand.Rand, set *Set) (offsets []Offset, spans []Span) {
	at := 0
	for range random.IntN(20) {
		at += random.IntN(2)
		length := 1 + random.IntN(5)
		offsets = append(offsets, Offset{at, at + length})
		at += length
	}
	for token := 0; token < len(offsets); {
		last := min(token+random.IntN(4), len(offsets)-1)
		if random.IntN(2) == 0 {
			label := set.Types()[random.IntN(len(set.Types()))].Name
			spans = append(spans, Span{offsets[token].Start, offsets[last].End, label})
		}
		token = last + 1
	}
	return offsets, spans
}
