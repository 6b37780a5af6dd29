package stages

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pii/data"
	"pii/labels"
	"pii/rules"
)

// scoredAs is a text with logits that make a name of each stretch of tokens in names, half-open in code points.
func scoredAs(t *testing.T, tagger *Tagger, text string, names ...labels.Offset) prepared {
	t.Helper()
	prep, err := tagger.prepare(text)
	if err != nil {
		t.Fatal(err)
	}
	begin, _ := tagger.set.TagID("B-PERSON_NAME")
	inside, _ := tagger.set.TagID("I-PERSON_NAME")
	for w, window := range prep.windows {
		prep.logits[w] = make([]float32, window.Len()*tagger.set.Len())
		for i, o := range window.Offsets {
			tag := 0
			for _, name := range names {
				switch {
				case o.End <= o.Start || o.Start < name.Start || o.End > name.End:
				case o.Start == name.Start:
					tag = begin
				default:
					tag = inside
				}
			}
			prep.logits[w][i*tagger.set.Len()+tag] = 20
		}
	}
	return prep
}

func decoded(t *testing.T, tagger *Tagger, p prepared) []string {
	t.Helper()
	found, err := tagger.decode(p)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range found {
		list = append(list, fmt.Sprint(e.Label, " ", e.Start, "-", e.End))
	}
	return list
}

// TestSpansEndWithTheirMarks has names with marks behind the last letter, which are no part of a token.
func TestSpansEndWithTheirMarks(t *testing.T) {
	_, tagger := newTagger(t, 32)
	for text, want := range map[string]string{
		"my name is anna\u0301":                          "PERSON_NAME 11-16",
		"my name is anna\u0337 and":                      "PERSON_NAME 11-16",
		"my name is anna\ufe0f":                          "PERSON_NAME 11-16",
		"my name is anna\u200d, and":                     "PERSON_NAME 11-16",
		"my name is anna\u0301\u0337\ufe0f\u200d i live": "PERSON_NAME 11-19",
		"my name is anna \u0301":                         "PERSON_NAME 11-15",
		"my name is anna\u00ad":                          "PERSON_NAME 11-15",
	} {
		tagger.aggregate = ""
		p := scoredAs(t, tagger, text, labels.Offset{Start: 11, End: 15})
		if got := decoded(t, tagger, p); len(got) != 1 || got[0] != want {
			t.Errorf("%+q: %v, want %v", text, got, want)
		}
		tagger.aggregate = labels.AggregateSimple // as transformers has it
		if got := decoded(t, tagger, p); len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "-15") {
			t.Errorf("%+q in groups: %v", text, got)
		}
	}
	found := []PredictedEntity{entity(0, 1, "NAME", 1), entity(2, 3, "NAME", 1)}
	overMarks([]rune("a\u0301\u0301b"), found)
	if want := []PredictedEntity{entity(0, 2, "NAME", 1), entity(2, 3, "NAME", 1)}; !reflect.DeepEqual(found, want) {
		t.Errorf("two spans become %v", found)
	}
}

// TestSpansEndBeforeSigns has emoji at the edges of spans, and marks that stay.
func TestSpansEndBeforeSigns(t *testing.T) {
	for said, want := range map[string]string{
		"anna":                  "anna",
		"anna🙂":                 "anna",
		"anna❤️":                "anna",
		"anna👍🏽👩\u200d👩\u200d👧": "anna",
		"🙂🙂anna🙂":               "anna",
		"❤️anna":                "anna",
		"anna\u0301":            "anna\u0301",
		"anna\u0301🙂":           "anna\u0301",
		"an🙂na":                 "an🙂na",
		"+49 89 12":             "+49 89 12",
		"🙂👍🏽":                   "🙂👍🏽",
		"\u0301":                "\u0301",
		"anna\u200d":            "anna\u200d",
		"anna 🙂":                "anna",
		"anna  ❤️ 👍🏽":           "anna",
		"🙂 anna ☎":              "anna",
		"anna b 🙂":              "anna b",
		" 🙂 ":                   " 🙂 ",
	} {
		runes := []rune("x" + said + "x")
		found := []PredictedEntity{entity(1, len(runes)-1, "NAME", 1)}
		withinSigns(runes, found)
		if got := string(runes[found[0].Start:found[0].End]); got != want {
			t.Errorf("%+q becomes %+q, want %+q", said, got, want)
		}
	}
}

// TestMarksInWindows has a text of several windows: each name is there once, with its mark.
func TestMarksInWindows(t *testing.T) {
	_, tagger := newTagger(t, 32)
	const unit = "call anna\u0301 "
	var names []labels.Offset
	var want []string
	for i := range 60 {
		at := 11*i + 5
		names, want = append(names, labels.Offset{Start: at, End: at + 4}), append(want, fmt.Sprint("PERSON_NAME ", at, "-", at+5))
	}
	p := scoredAs(t, tagger, strings.Repeat(unit, len(names)), names...)
	if got := decoded(t, tagger, p); len(p.windows) < 5 || !reflect.DeepEqual(got, want) {
		t.Errorf("in %d windows %v", len(p.windows), got)
	}
}

// TestMarksAndLists: lists see spans with their marks.
func TestMarksAndLists(t *testing.T) {
	_, tagger := newTagger(t, 32)
	list := func(line string) *rules.List {
		l, err := rules.ReadList(strings.NewReader(line), "list", tagger.set.Has, false)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	p := scoredAs(t, tagger, "my name is anna\u0301", labels.Offset{Start: 11, End: 15})
	for name, c := range map[string]struct {
		lists phraseLists
		want  []string
	}{
		"allowed":            {phraseLists{allow: list("ann\u00e1")}, nil},
		"another is allowed": {phraseLists{allow: list("anna")}, []string{"PERSON_NAME 11-16"}},
		"denied":             {phraseLists{deny: list("CITY\tann\u00e1")}, []string{"CITY 11-16"}},
		"joined":             {phraseLists{deny: list("PERSON_NAME\tis ann\u00e1")}, []string{"PERSON_NAME 8-16"}},
	} {
		tagger.lists = c.lists
		if got := decoded(t, tagger, p); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestMarksAreNoTokens: training, its judge and calibration go by tokens, to which a labelled span with its mark and one without are the
// same; so what they take for right is right for evaluate too.
func TestMarksAreNoTokens(t *testing.T) {
	_, tagger := newTagger(t, 32)
	cfg := Default()
	const text = "my name is anna\u0301 and i"
	for _, all := range []bool{true, false} {
		cfg.LabelAllTokens = all
		tags := func(end int) []int64 {
			examples, lost, err := encoder{cfg, tagger.set, tagger.tokenizer}.examples(data.Transcript{ID: "1", Text: text,
				Entities: []labels.Span{{Start: 11, End: end, Label: "PERSON_NAME"}}})
			if err != nil || lost > 0 {
				t.Fatal(lost, err)
			}
			return examples[0].Labels
		}
		if with, without := tags(16), tags(15); !reflect.DeepEqual(with, without) {
			t.Errorf("tags with the mark %v, without it %v", with, without)
		}
	}
}
