package metrics

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func TestFaults(t *testing.T) {
	phone, city := span(10, 20, "PHONE"), span(10, 20, "CITY")
	for _, c := range []struct {
		name            string
		gold, predicted []labels.Span
		want            string
	}{
		{"nothing", nil, nil, ""},
		{"right", []labels.Span{phone}, []labels.Span{phone}, ""},
		{"missed", []labels.Span{phone}, nil, "missed 10"},
		{"a place missed", []labels.Span{city}, nil, "missed 0"},
		{"made up", nil, []labels.Span{phone}, "false 0"},
		{"another type of personal data", []labels.Span{phone}, []labels.Span{span(10, 20, "DATE")}, "type 0"},
		{"a place for personal data", []labels.Span{phone}, []labels.Span{city}, "type 10"},
		{"too short", []labels.Span{phone}, []labels.Span{span(12, 20, "PHONE")}, "border 2"},
		{"too long", []labels.Span{phone}, []labels.Span{span(8, 22, "PHONE")}, "border 0"},
		{"neither", []labels.Span{phone}, []labels.Span{span(15, 22, "DATE")}, "both 5"},
		{"in two", []labels.Span{phone}, []labels.Span{span(10, 14, "PHONE"), span(15, 20, "DATE")}, "both 1, false 0"},
	} {
		var got []string
		for _, f := range Faults(defaultSet(t), c.gold, c.predicted) {
			got = append(got, fmt.Sprintf("%s %d", f.Kind, f.Leaked))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

// TestFaultsAddUp: the faults are what SemEval counts as wrong, and leak the characters that are not covered.
func TestFaultsAddUp(t *testing.T) {
	set := defaultSet(t)
	rapid.Check(t, func(t *rapid.T) {
		var gold []labels.Span
		end := 0
		for _, span := range someSpans("gold").Draw(t, "gold") {
			gold, end = append(gold, labels.Span{Start: end + span.Start, End: end + span.End, Label: span.Label}), end+span.End
		}
		predicted := someSpans("predicted").Draw(t, "predicted")
		c := NewCounter(set)
		if err := c.Add(gold, predicted); err != nil {
			t.Fatal(err)
		}
		kinds, leaked := map[string]int{}, 0
		for _, f := range Faults(set, gold, predicted) {
			kinds[f.Kind]++
			leaked += f.Leaked
			if (f.Gold == nil) != (f.Kind == FaultFalse) || (f.Predicted == nil) != (f.Kind == FaultMissed) {
				t.Fatalf("a fault %+v", f)
			}
		}
		strict, r := c.Scores().SemEval.Overall.Strict, c.Scores().Redaction
		if kinds[FaultMissed] != strict.Missed || kinds[FaultFalse] != strict.Spurious ||
			kinds[FaultType]+kinds[FaultBorder]+kinds[FaultBoth] != strict.Incorrect {
			t.Fatalf("%v; the strict scheme has %+v", kinds, strict)
		}
		if leaked != r.GoldCharacters-r.CoveredCharacters {
			t.Fatalf("%d characters leak, of %d gold ones %d are covered", leaked, r.GoldCharacters, r.CoveredCharacters)
		}
	})
}
