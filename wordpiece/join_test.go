package wordpiece

import "testing"

func TestJoinEqualsHuggingFace(t *testing.T) {
	type line struct {
		Pieces []string `json:"pieces"`
		Text   string   `json:"text"`
	}
	for i, g := range readLines[line](t, "testdata/join.jsonl") {
		if got := Join(g.Pieces); got != g.Text {
			t.Errorf("line %d: %q becomes %q, want %q", i+1, g.Pieces, got, g.Text)
		}
	}
}
