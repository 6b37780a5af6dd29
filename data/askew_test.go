package data

import (
	"slices"
	"testing"

	"pii/labels"
)

func TestAskew(t *testing.T) {
	for _, c := range []struct {
		text       string
		start, end int
		want       bool
	}{
		{"i'm priya's friend", 4, 9, false},
		{"i'm priya", 4, 9, false},
		{"priya", 0, 5, false},
		{"i'm priya", 3, 9, true},
		{"priya it is", 0, 6, true},
		{"i'm priya", 5, 9, true},
		{"priyas", 0, 5, true},
		{"zoë é priya here", 7, 12, true}, // as bytes count
		{"at 5pm", 3, 4, true},
		{"card-1234", 5, 9, false},
		{"我叫李雷今年", 2, 4, false},
		{"김철수는", 0, 3, false},
		{"😀rome😀", 1, 5, false},
	} {
		tr := Transcript{Text: c.text, Entities: []labels.Span{{Start: c.start, End: c.end, Label: "CITY"}}}
		if got := tr.Askew(); slices.Contains(got, 0) != c.want {
			t.Errorf("%q [%d, %d): %v", c.text, c.start, c.end, got)
		}
	}
}

// TestShippedSetsAreNotAskew keeps what is said of askew spans for files that have a fault: at most one span in a thousand is.
func TestShippedSetsAreNotAskew(t *testing.T) {
	for _, name := range []string{"train", "dev", "test", "stress", "natural"} {
		all, err := ReadAll(BuiltinPrefix+name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		n, spans := 0, 0
		for _, transcript := range all {
			n, spans = n+len(transcript.Askew()), spans+len(transcript.Entities)
		}
		if 1000*n > spans {
			t.Errorf("%s: %d of %d spans", name, n, spans)
		}
	}
}
