package rules

import (
	"reflect"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// TestFindSpellings finds a phrase in other spellings than the list's, where they stand in the text as it is.
func TestFindSpellings(t *testing.T) {
	for _, c := range []struct {
		phrase, text string
		start, end   int
	}{
		{"jos\u00e9", "ask jose\u0301 now", 4, 9},
		{"jose\u0301", "ask jos\u00e9 now", 4, 8},
		{"JOS\u00c9", "ask jose\u0301 now", 4, 9},
		{"o'brien", "ask o\u2019brien", 4, 11},
		{"o'brien", "ask O\u02bcBrien", 4, 11},
		{"o\u02bcbrien", "ask o'brien", 4, 11},
		{"o\u2019brien", "ask o`brien", 4, 11},
		{"seven hills", "at se\u00adven hil\u00adls too", 3, 16},
		{"se\u00adven", "at seven", 3, 8},
		{"stra\u00dfe", "in STRASSE 4", 3, 10},
		{"strasse", "in Stra\u00dfe 4", 3, 9},
		{"STRA\u1e9eE", "in strasse", 3, 10},
		{"ren\u00e9", "is rene\u0301\u200d ok", 3, 9},
		{"anna", "is an\u200dna\ufe0f ok", 3, 9},
		{"q\u0323\u0307", "q\u0307\u0323", 0, 3}, // marks in another order
		{"a\u2260b", "so a=\u0338b", 3, 7},
		{"\uac01", "\u1100\u1161\u11a8", 0, 3},
		{"\u212b", "\u00e5 a", 0, 1},
		{"\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", 0, 7},
	} {
		list := readList(t, "NAME\t"+c.phrase+"\n", true)
		if got, want := list.Find(c.text), []Match{{c.start, c.end, "NAME"}}; !reflect.DeepEqual(got, want) {
			t.Errorf("%+q in %+q: %v, want %v", c.phrase, c.text, got, want)
		}
		if whole := string([]rune(c.text)[c.start:c.end]); !list.Holds("NAME", whole) {
			t.Errorf("%+q does not hold %+q", c.phrase, whole)
		}
	}
	list := readList(t, "NAME\tjos\u00e9\n", true)
	for _, text := range []string{"jose", "jos\u00e8", "jose\u0301\u0301", "jose\u0301e"} {
		if found := list.Find(text); found != nil {
			t.Errorf("%+q: %v", text, found)
		}
	}
}

// spellings are texts of what matters to words.
func spellings() *rapid.Generator[string] {
	part := rapid.SampledFrom([]string{"a", "B", "\u00e9", "\u0301", "\u0323", "\u0345", " ", "\u00a0", "-", "=", "\u0338", "\u2260", "'", "\u2019", "\u02bc", "\u00ad",
		"\u200d", "\ufe0f", "\U000e0101", "\u00df", "\u1e9e", "s", "\u1fb4", "\uac01", "\u1100", "\u1161", "1", "\U0001F44B", "\ufeff", "\xff", "\u0958"})
	return rapid.Map(rapid.SliceOfN(part, 0, 20), func(p []string) string { return strings.Join(p, "") })
}

// checkWords holds that words are in order and apart, that a word's place has that word alone, and that between words there is nothing
// but white space and what is invisible.
func checkWords(t interface{ Fatalf(string, ...any) }, text string) {
	runes := []rune(text)
	last := 0
	between := func(to int) {
		for _, r := range runes[last:to] {
			if !unicode.IsSpace(r) && !isInvisible(r) {
				t.Fatalf("%+q: %+q is in no word", text, r)
			}
		}
	}
	for _, w := range wordsOf(text) {
		if w.start < last || w.end <= w.start || w.end > len(runes) || w.folded == "" {
			t.Fatalf("%+q: %+v after %d", text, w, last)
		}
		between(w.start)
		if alone := wordsOf(string(runes[w.start:w.end])); len(alone) != 1 || alone[0] != (word{0, w.end - w.start, w.folded}) {
			t.Fatalf("%+q: %+v alone is %+v", text, w, alone)
		}
		last = w.end
	}
	between(len(runes))
}

func foldedWords(text string) (folded []string) {
	for _, w := range wordsOf(text) {
		folded = append(folded, w.folded)
	}
	return folded
}

// TestWords: canonically equal texts have equal words, each where it stands in its own text; so has a text in lower case.
func TestWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := spellings().Draw(t, "text")
		checkWords(t, text)
		want := foldedWords(text)
		for name, other := range map[string]string{"NFC": norm.NFC.String(text), "NFD": norm.NFD.String(text), "lower": strings.ToLower(text)} {
			checkWords(t, other)
			if got := foldedWords(other); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %+q has %+q, %+q %+q", name, text, want, other, got)
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "rene\u0301\u200d o\u2019brien", "\u0301a", "=\u0338b", "\u00ad\u00ad", "\xff\u0301"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkWords(t, text) })
}
