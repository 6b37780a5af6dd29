package metrics

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func TestRedaction(t *testing.T) {
	phone := span(10, 20, "PHONE")
	for _, c := range []struct {
		name            string
		gold, predicted []labels.Span
		want            string // F2; leaked, rate; characters covered/gold/predicted, recall, precision
	}{
		{"nothing", nil, nil, "-; 0 -; 0/0/0 - -"},
		{"places alone", []labels.Span{span(0, 4, "CITY")}, []labels.Span{span(0, 4, "LOCATION")}, "-; 0 -; 0/0/0 - -"},
		{"all", []labels.Span{phone}, []labels.Span{phone}, "1.0000; 0 0.0000; 10/10/10 1.0000 1.0000"},
		{"another type of personal data", []labels.Span{phone}, []labels.Span{span(10, 20, "DATE")}, "1.0000; 0 0.0000; 10/10/10 1.0000 1.0000"},
		{"a type that is none", []labels.Span{phone}, []labels.Span{span(10, 20, "CITY")}, "0.0000; 1 1.0000; 0/10/0 0.0000 -"},
		{"missed", []labels.Span{phone}, nil, "0.0000; 1 1.0000; 0/10/0 0.0000 -"},
		{"made up", nil, []labels.Span{phone}, "0.0000; 0 -; 0/0/10 - 0.0000"},
		{"too long", []labels.Span{phone}, []labels.Span{span(5, 25, "PHONE")}, "0.0000; 0 0.0000; 10/10/20 1.0000 0.5000"},
		{"too short", []labels.Span{phone}, []labels.Span{span(10, 19, "PHONE")}, "0.0000; 1 1.0000; 9/10/9 0.9000 1.0000"},
		{"two that touch", []labels.Span{phone}, []labels.Span{span(10, 14, "DATE"), span(14, 20, "PHONE")}, "0.0000; 0 0.0000; 10/10/10 1.0000 1.0000"},
		{"two with a gap", []labels.Span{phone}, []labels.Span{span(10, 14, "DATE"), span(15, 20, "PHONE")}, "0.0000; 1 1.0000; 9/10/9 0.9000 1.0000"},
		{"characters in two spans", []labels.Span{phone, span(15, 25, "DATE")}, []labels.Span{phone, phone, span(8, 12, "EMAIL")},
			"0.5000; 1 0.5000; 10/15/12 0.6667 0.8333"},
		{"recall weighs more", []labels.Span{phone}, []labels.Span{phone, span(30, 31, "DATE"), span(40, 41, "DATE"), span(50, 51, "DATE"),
			span(60, 61, "DATE"), span(70, 71, "DATE")}, "0.5000; 0 0.0000; 10/10/15 1.0000 0.6667"},
	} {
		r := scores(t, [2][]labels.Span{c.gold, c.predicted}).Redaction
		got := fmt.Sprintf("%s; %d %s; %d/%d/%d %s %s", decimals(r.F2), r.Leaked, decimals(r.LeakRate), r.CoveredCharacters,
			r.GoldCharacters, r.PredictedCharacters, decimals(r.CharacterRecall), decimals(r.CharacterPrecision))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestRedactionCountsCharacters compares with a text whose characters are marked one by one.
func TestRedactionCountsCharacters(t *testing.T) {
	set := defaultSet(t)
	rapid.Check(t, func(t *rapid.T) {
		gold, predicted := someSpans("gold").Draw(t, "gold"), someSpans("predicted").Draw(t, "predicted")
		c := NewCounter(set)
		if err := c.Add(gold, predicted); err != nil {
			t.Fatal(err)
		}
		inGold, inPredicted := marked(set, gold), marked(set, predicted)
		var want Redaction
		for i := range inGold {
			if inGold[i] {
				want.GoldCharacters++
			}
			if inPredicted[i] {
				want.PredictedCharacters++
			}
			if inGold[i] && inPredicted[i] {
				want.CoveredCharacters++
			}
		}
		leaks := map[[2]int]bool{}
		for _, span := range gold {
			for i := span.Start; set.PII(span.Label) && i < span.End; i++ {
				if !inPredicted[i] {
					leaks[[2]int{span.Start, span.End}] = true
				}
			}
		}
		want.Leaked = len(leaks)
		got := c.Scores().Redaction
		got.F2, got.LeakRate, got.CharacterRecall, got.CharacterPrecision = nil, nil, nil, nil
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func marked(set *labels.Set, spans []labels.Span) (text [32]bool) {
	for _, span := range spans {
		for i := span.Start; set.PII(span.Label) && i < span.End; i++ {
			text[i] = true
		}
	}
	return text
}
