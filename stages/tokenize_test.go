package stages

import (
	"reflect"
	"testing"

	"pii/data"
	"pii/labels"
	"pii/wordpiece"
)

// TestLabelsOfPieces labels a text whose words have several pieces.
func TestLabelsOfPieces(t *testing.T) {
	set, err := labels.NewSet([]labels.Type{{Name: "X"}, {Name: "Y"}}) // O 0, B-X 1, I-X 2, B-Y 3, I-Y 4
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := wordpiece.NewVocabulary([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "am", "an", "##na", "smi", "##th"})
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(vocabulary, wordpiece.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	const text = "i am anna smith" // i am an ##na smi ##th
	for _, c := range []struct {
		spans      []labels.Span
		all, first []int64
		lost       int // where first pieces alone have labels
	}{
		{[]labels.Span{{Start: 5, End: 15, Label: "X"}}, []int64{0, 0, 1, 2, 2, 2}, []int64{0, 0, 1, -100, 2, -100}, 0},
		{[]labels.Span{{Start: 5, End: 9, Label: "X"}, {Start: 10, End: 15, Label: "Y"}}, []int64{0, 0, 1, 2, 3, 4}, []int64{0, 0, 1, -100, 3, -100}, 0},
		// A span of a part of a word is one of the word where words are labelled; of two in a word, one is lost.
		{[]labels.Span{{Start: 7, End: 9, Label: "X"}}, []int64{0, 0, 0, 1, 0, 0}, []int64{0, 0, 1, -100, 0, -100}, 0},
		{[]labels.Span{{Start: 5, End: 7, Label: "X"}, {Start: 7, End: 9, Label: "Y"}}, []int64{0, 0, 1, 3, 0, 0}, []int64{0, 0, 1, -100, 0, -100}, 1},
	} {
		for _, all := range []bool{true, false} {
			e := encoder{&Config{LabelAllTokens: all, MaxLength: 16}, set, tokenizer}
			examples, lost, err := e.examples(data.Transcript{ID: "t", Text: text, Entities: c.spans})
			if err != nil {
				t.Fatal(err)
			}
			want, wantLost := c.first, c.lost
			if all {
				want, wantLost = c.all, 0
			}
			got := examples[0].Labels
			if !reflect.DeepEqual(got[1:len(got)-1], want) || got[0] != -100 || got[len(got)-1] != -100 || lost != wantLost {
				t.Errorf("%v, all pieces %v: %v with %d lost, want %v with %d", c.spans, all, got, lost, want, wantLost)
			}
		}
	}
}
