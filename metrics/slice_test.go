package metrics

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func TestSlices(t *testing.T) {
	c := NewCounter(defaultSet(t))
	phone, city := []labels.Span{span(0, 9, "PHONE")}, []labels.Span{span(0, 9, "CITY")}
	short, long, noisy := Slice{"length", "0-10"}, Slice{"length", "61+"}, Slice{"noise", "um"}
	for _, doc := range []struct {
		gold, predicted []labels.Span
		in              []Slice
	}{
		{phone, phone, []Slice{short, noisy, noisy}},
		{phone, nil, []Slice{short}},
		{city, city, []Slice{long}},
		{nil, phone, []Slice{long, {"noise", ""}}},
	} {
		if err := c.Add(doc.gold, doc.predicted, doc.in...); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, s := range c.Scores().Slices {
		got = append(got, fmt.Sprintf("%s %q: %d, %s, %d %s, %d right", s.By, s.Value, s.Documents, show(s.PII), s.Leaked,
			decimals(s.LeakRate), s.Micro.TruePositives))
	}
	want := []string{
		`length "0-10": 2, 1/0/1 1.0000 0.5000 0.6667, 1 0.5000, 1 right`,
		`length "61+": 2, 0/1/0 0.0000 - 0.0000, 0 -, 1 right`,
		`noise "": 1, 0/1/0 0.0000 - 0.0000, 0 -, 0 right`,
		`noise "um": 1, 1/0/0 1.0000 1.0000 1.0000, 0 0.0000, 1 right`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSlicesAddUp: slices of one kind, of which each transcript is in one, have the transcripts and the spans of the whole.
func TestSlicesAddUp(t *testing.T) {
	set := defaultSet(t)
	rapid.Check(t, func(t *rapid.T) {
		c := NewCounter(set)
		values := rapid.SampledFrom([]string{"", "a", "b", "c"})
		for range rapid.IntRange(0, 8).Draw(t, "documents") {
			gold, predicted := someSpans("gold").Draw(t, "gold"), someSpans("predicted").Draw(t, "predicted")
			if err := c.Add(gold, predicted, Slice{"x", values.Draw(t, "x")}, Slice{"y", values.Draw(t, "y")}); err != nil {
				t.Fatal(err)
			}
		}
		whole := c.Scores()
		for _, by := range []string{"x", "y"} {
			var documents, leaked int
			var pii, micro Score
			for _, s := range whole.Slices {
				if s.By == by {
					documents, leaked = documents+s.Documents, leaked+s.Leaked
					pii.add(s.PII)
					micro.add(s.Micro)
				}
			}
			if documents != whole.Documents || leaked != whole.Redaction.Leaked || show(pii.figures()) != show(whole.PII) ||
				show(micro.figures()) != show(whole.Micro) {
				t.Fatalf("by %s: %d documents, %d leaked, %s, %s; the whole is %+v", by, documents, leaked, show(pii.figures()), show(micro.figures()), whole)
			}
		}
	})
}

func TestSliceTable(t *testing.T) {
	c := NewCounter(defaultSet(t))
	phone := span(0, 9, "PHONE")
	add := func(n int, value string) {
		for range n {
			if err := c.Add([]labels.Span{phone}, []labels.Span{phone}, Slice{"source", value}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 12 {
		add(i+2, fmt.Sprintf("source %02d", i))
	}
	add(30, "an odd\n\x1b[31m name that goes on and on")
	add(1, "")
	var b strings.Builder
	if err := c.Scores().SliceTable(&b); err != nil {
		t.Fatal(err)
	}
	table := b.String()
	for _, want := range []string{" an odd??[31m name that …           30        30 ", "source 11", "source has 14 values, of which these are the commonest",
		"* fewer than 30 spans of personal data"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table does not say %q:\n%s", want, table)
		}
	}
	if lines := strings.Split(table, "\n"); len(lines) != 1+12+3 || strings.HasSuffix(lines[1], "*") || !strings.HasSuffix(lines[2], "*") {
		t.Errorf("%d lines:\n%s", len(lines), table)
	}
	if strings.Contains(table, "(not known)") || strings.Contains(table, "source 00") {
		t.Errorf("the rarest values are shown:\n%s", table)
	}
}
