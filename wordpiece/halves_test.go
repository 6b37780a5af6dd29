package wordpiece

import (
	"slices"
	"testing"
)

func TestHalves(t *testing.T) {
	v, err := NewVocabulary(append(SpecialTokens(), "a", "##b", "##c", "ab", "##bc", "abc", "##bcb", "x", "xyz", "é", "##é", "éé"))
	if err != nil {
		t.Fatal(err)
	}
	for piece, want := range map[string][]string{"abc": {"ab", "##c"}, "ab": {"a", "##b"}, "##bcb": {"##bc", "##b"}, "##b": nil, "a": nil, "[MASK]": nil,
		"xyz": nil, "éé": {"é", "##é"}} {
		var got []string
		for _, id := range v.Halves(v.ids[piece]) {
			got = append(got, v.Piece(id))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s falls into %v, not %v", piece, got, want)
		}
	}
}
