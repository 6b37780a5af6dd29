package wordpiece

import (
	"math"
	"slices"
	"testing"
)

// windowed is a line of testdata/windows-whole.jsonl.
type windowed struct {
	Text      string   `json:"text"`
	MaxLength int      `json:"max_length"`
	Stride    int      `json:"stride"`
	Windows   []golden `json:"windows"`
}

func (g windowed) cut(t *testing.T, b *BERT) []Window {
	t.Helper()
	enc, err := b.Encode(g.Text)
	if err != nil {
		t.Fatal(err)
	}
	windows, err := Windows(enc, g.MaxLength, g.Stride)
	if err != nil {
		t.Fatal(err)
	}
	return windows
}

func TestWindowsEqualHuggingFace(t *testing.T) {
	b := tiny(t)
	for i, g := range readLines[windowed](t, "testdata/windows-whole.jsonl") {
		got := g.cut(t, b)
		if len(got) != len(g.Windows) {
			t.Fatalf("line %d: %d windows, want %d", i+1, len(got), len(g.Windows))
		}
		for w := range got {
			if want := g.Windows[w].encoding(); !equal(got[w].Encoding, want) {
				t.Errorf("line %d, window %d:\n got %v\nwant %v", i+1, w, got[w].Encoding, want)
			}
		}
	}
}

// numbered is an encoding of n tokens of text, whose ids and offsets count up.
func numbered(n int) Encoding {
	var e Encoding
	e.add(-1, Offset{})
	for i := range n {
		e.add(int32(i), Offset{i, i + 1})
	}
	e.add(-2, Offset{})
	return e
}

func TestOwnersHaveMostContext(t *testing.T) {
	for n := range 40 {
		for maxLength := 3; maxLength < 14; maxLength++ {
			for stride := range maxLength - 2 {
				enc := numbered(n)
				windows, err := Windows(enc, maxLength, stride)
				if err != nil {
					t.Fatal(err)
				}
				checkOwners(t, enc, windows)
			}
		}
	}
}

// checkOwners compares with the definition, window by window.
func checkOwners(t *testing.T, enc Encoding, windows []Window) {
	t.Helper()
	owners := Owners(windows)
	if len(owners) != enc.Len() {
		t.Fatalf("%d owners of %d tokens", len(owners), enc.Len())
	}
	if owners[0] != 0 || owners[enc.Len()-1] != len(windows)-1 {
		t.Fatalf("[CLS] belongs to window %d, [SEP] to %d of %d", owners[0], owners[enc.Len()-1], len(windows))
	}
	for token := 1; token < enc.Len()-1; token++ {
		best, bestContext := -1, -1
		for w, window := range windows {
			place := token - window.First + 1
			if place < 1 || place > window.Len()-2 {
				continue
			}
			if window.IDs[place] != enc.IDs[token] {
				t.Fatalf("window %d has not token %d at %d", w, token, place)
			}
			left, right := place-1, window.Len()-2-place
			if w == 0 {
				left = math.MaxInt
			}
			if w == len(windows)-1 {
				right = math.MaxInt
			}
			if context := min(left, right); context > bestContext {
				best, bestContext = w, context
			}
		}
		if owners[token] != best {
			t.Fatalf("token %d of %d in %d windows belongs to %d, want %d", token, enc.Len(), len(windows), owners[token], best)
		}
	}
}

func TestWindowsRefuseImpossibleLengths(t *testing.T) {
	for _, c := range []struct{ maxLength, stride int }{{2, 0}, {0, 0}, {10, 8}, {10, 9}, {10, -1}} {
		if _, err := Windows(numbered(20), c.maxLength, c.stride); err == nil {
			t.Errorf("maxLength %d, stride %d: no error", c.maxLength, c.stride)
		}
	}
	if _, err := Windows(Encoding{}, 10, 2); err == nil {
		t.Error("an encoding without [CLS] and [SEP]: no error")
	}
	if owners := Owners(nil); len(owners) != 0 {
		t.Errorf("owners of no windows: %v", owners)
	}
	windows, err := Windows(numbered(8), 10, 2)
	if err != nil || len(windows) != 1 || !slices.Equal(windows[0].IDs, numbered(8).IDs) {
		t.Errorf("an encoding that just fits: %v, %v", windows, err)
	}
}
