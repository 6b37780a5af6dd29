package stages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pii/data"
	"pii/labels"
)

func TestWorstFaults(t *testing.T) {
	set, err := Default().LabelSet()
	if err != nil {
		t.Fatal(err)
	}
	gold := func(spans ...labels.Span) []labels.Span { return spans }
	span := func(start, end int, label string) labels.Span {
		return labels.Span{Start: start, End: end, Label: label}
	}
	found := func(start, end int, label string, score float64) PredictedEntity {
		return PredictedEntity{Start: start, End: end, Label: label, Score: score, Word: "secret"}
	}
	text := strings.Repeat("secret ", 10)
	for _, most := range []int{0, 4} {
		worst := &worstFaults{most: most}
		for i, doc := range []struct {
			gold      []labels.Span
			predicted []PredictedEntity
		}{
			{gold(span(0, 6, "CITY")), nil},
			{gold(span(0, 6, "CITY")), []PredictedEntity{found(0, 6, "LOCATION", 0.9)}},
			{nil, []PredictedEntity{found(0, 6, "PHONE", 0.5), found(7, 13, "CITY", 0.7)}},
			{gold(span(0, 13, "PHONE")), []PredictedEntity{found(7, 13, "PHONE", 0.8)}},
			{gold(span(0, 13, "PHONE")), nil},
			{gold(span(0, 13, "PHONE")), []PredictedEntity{found(0, 13, "PHONE", 0.6)}},
		} {
			worst.add(set, data.Transcript{ID: fmt.Sprint(i), Text: text, Entities: doc.gold}, doc.predicted)
		}
		var got []string
		for _, f := range worst.list() {
			got = append(got, fmt.Sprintf("%s %s %d", f.ID, f.Kind, f.Leaked))
		}
		want := []string{"4 missed 13", "3 border 7", "2 false 0", "2 false 0", "1 type 0", "0 missed 0"}
		if most > 0 {
			want = want[:most]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the worst %d are %q, want %q", most, got, want)
		}
		if worst.list()[2].score() != 0.7 {
			t.Error("of what was made up the surest is not the first")
		}
		var lines bytes.Buffer
		if err := writeLines(&lines, worst.list()); err != nil || strings.Contains(lines.String(), "secret") || !strings.Contains(lines.String(), "xxxx") {
			t.Errorf("%v: %s", err, &lines)
		}
	}
}

func TestExcerpts(t *testing.T) {
	text := []rune("one two  three four five SPAN1 SPAN2 six,  seven eight nine ten")
	at := func(word string) int { return utf8.RuneCountInString(string(text)[:strings.Index(string(text), word)]) }
	for _, c := range []struct {
		first, last int
		want        string
	}{
		{at("SPAN1"), at(" six"), "two  three four five [SPAN1 SPAN2] six,  seven eight nine"},
		{0, 3, "[one] two  three four five"},
		{at("ten"), len(text), "six,  seven eight nine [ten]"},
		{at("ten"), len(text) + 9, "six,  seven eight nine [ten]"},
		{len(text) + 5, len(text) + 9, "seven eight nine ten[]"},
	} {
		if e := excerptOf(text, c.first, c.last); e.Before+"["+e.Span+"]"+e.After != c.want {
			t.Errorf("from %d to %d: %q, want %q", c.first, c.last, e, c.want)
		}
	}
	if e := excerptOf([]rune(strings.Repeat("長", 200)), 100, 102); utf8.RuneCountInString(e.Before+e.After) != 2*contextRunes {
		t.Errorf("without spaces the excerpt is %+v", e)
	}
}

// TestNoTextInErrors: whatever transcripts and predictions are like, masked errors show no letter of them, and lines stay lines.
func TestNoTextInErrors(t *testing.T) {
	set, err := Default().LabelSet()
	if err != nil {
		t.Fatal(err)
	}
	label := rapid.SampledFrom([]string{"PHONE", "CITY", "PERSON_NAME"})
	rapid.Check(t, func(t *rapid.T) {
		transcript := data.Transcript{ID: "1", Text: rapid.String().Draw(t, "text")}
		length := utf8.RuneCountInString(transcript.Text)
		for end := 0; end < length; {
			start := end + rapid.IntRange(0, 3).Draw(t, "gap")
			end = start + rapid.IntRange(1, 5).Draw(t, "length")
			if end <= length {
				transcript.Entities = append(transcript.Entities, labels.Span{Start: start, End: end, Label: label.Draw(t, "label")})
			}
		}
		predicted := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) PredictedEntity {
			start := rapid.IntRange(0, length+3).Draw(t, "start")
			return PredictedEntity{Start: start, End: start + rapid.IntRange(1, 9).Draw(t, "length"), Label: label.Draw(t, "label")}
		}), 0, 4).Draw(t, "predicted")
		for _, plain := range []bool{false, true} {
			worst := &worstFaults{plain: plain}
			worst.add(set, transcript, predicted)
			faults := worst.list()
			var table, lines bytes.Buffer
			if err := (Evaluation{Errors: faults}).printErrors(&table); err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(table.String(), "\n"); len(faults) > 0 && got != len(faults)+2 {
				t.Fatalf("%d errors on %d lines:\n%s", len(faults), got, &table)
			}
			if strings.ContainsFunc(table.String(), func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
				t.Fatalf("a control character in %q", &table)
			}
			if err := writeLines(&lines, faults); err != nil {
				t.Fatal(err)
			}
			for decoder := json.NewDecoder(&lines); decoder.More(); {
				var f Fault
				if err := decoder.Decode(&f); err != nil {
					t.Fatal(err)
				}
				e := f.Excerpt
				masked := excerpt{data.Mask(e.Before), data.Mask(e.Span), data.Mask(e.After)}
				if plain && !strings.Contains(transcript.Text, e.Before+e.Span+e.After) || !plain && e != masked {
					t.Fatalf("plain %v: the excerpt of %q is %q", plain, transcript.Text, e)
				}
			}
		}
	})
}
