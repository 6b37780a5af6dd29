package wordpiece

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParseVocabularyNamesTheLine(t *testing.T) {
	specials := strings.Join(SpecialTokens(), "\n") + "\n"
	for _, c := range []struct{ name, text, want string }{
		{"doubled", specials + "a\nb\na\n", `v.txt:8: "a" is already piece 6`},
		{"empty line", specials + "a\n\nb\n", "v.txt:7: it is empty"},
		{"no [UNK]", strings.Replace(specials, "[UNK]\n", "", 1), "v.txt: the special token [UNK] is missing"},
		{"two empty lines", specials + "\n \n\na\n", "v.txt:6: it is empty"},
		{"empty line first", "\n" + specials, "v.txt:1: it is empty"},
		{"doubled but for white space", specials + "a\na \n", `v.txt:7: "a" is already piece 6`},
		{"nothing", "", "v.txt: the special token [PAD] is missing"},
	} {
		_, err := ParseVocabulary(strings.NewReader(c.text), "v.txt")
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := NewVocabulary(append(SpecialTokens(), "a\nb")); err == nil {
		t.Error("a piece with a line break: no error")
	}
}

// TestParseVocabularyTrimsLines has the ids that transformers 5.12.1 gives to the pieces of such a file.
func TestParseVocabularyTrimsLines(t *testing.T) {
	specials := strings.Join(SpecialTokens(), " \r\n") + "\u00a0\u3000\n"
	v, err := ParseVocabulary(strings.NewReader(specials+"a\t\n\u2028\n b \n\n\r\n\n"), "v.txt")
	if err != nil {
		t.Fatal(err)
	}
	if want := append(SpecialTokens(), "a", "\u2028", " b"); !slices.Equal(v.Pieces(), want) {
		t.Errorf("got %q, want %q", v.Pieces(), want)
	}
}

func TestVocabularyKeepsItsOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vocab.txt")
	v, err := ParseVocabulary(strings.NewReader("a\r\n##b\r\n[MASK]\r\n[SEP]\n[CLS]\n[UNK]\n[PAD]"), "v.txt")
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if want := "a\n##b\n[MASK]\n[SEP]\n[CLS]\n[UNK]\n[PAD]\n"; err != nil || string(data) != want {
		t.Errorf("wrote %q, %v, want %q", data, err, want)
	}
	if v.Len() != 7 || v.Mask() != 2 || v.Sep() != 3 || v.Cls() != 4 || v.Unk() != 5 || v.Pad() != 6 {
		t.Errorf("ids of the special tokens: %d %d %d %d %d", v.Mask(), v.Sep(), v.Cls(), v.Unk(), v.Pad())
	}
	if id, ok := v.ID("##b"); id != 1 || !ok || v.Piece(1) != "##b" || v.Piece(7) != "" || v.Piece(-1) != "" {
		t.Errorf("the piece ##b has the id %d, %v", id, ok)
	}
	if _, err := ReadVocabulary(path + ".none"); err == nil {
		t.Error("a missing file: no error")
	}
}
