package wordpiece

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

func TestEncodeBesideTheGoldens(t *testing.T) {
	const pad, unk, cls, sep, mask, a, insideB, e, bracket = 0, 1, 2, 3, 4, 5, 6, 7, 8
	vocab, err := NewVocabulary(append(SpecialTokens(), "a", "##b", "e", "["))
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(vocab, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		ids        []int32
		offsets    []Offset
	}{
		{"not UTF-8", "a\xff\xfeb", []int32{a, insideB}, []Offset{{0, 1}, {3, 4}}},
		{"adjoining special tokens", "é[MASK][SEP]a[PAD]", []int32{e, mask, sep, a, pad}, []Offset{{0, 1}, {1, 7}, {7, 12}, {12, 13}, {13, 18}}},
		{"half a special token", "[MASK", []int32{bracket, unk}, []Offset{{0, 1}, {1, 5}}},
		{"brackets around one", "[[UNK]", []int32{bracket, unk}, []Offset{{0, 1}, {1, 6}}},
	} {
		got, err := b.Encode(c.text)
		if err != nil {
			t.Fatal(err)
		}
		want := Encoding{slices.Concat([]int32{cls}, c.ids, []int32{sep}), slices.Concat([]Offset{{}}, c.offsets, []Offset{{}})}
		if !equal(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", c.name, got, want)
		}
	}
}

func TestNewRefusesNegativeLengths(t *testing.T) {
	if _, err := New(tiny(t).Vocabulary(), Options{MaxWordLength: -1}); err == nil {
		t.Error("no error")
	}
}

func TestEncodeFromManyGoroutines(t *testing.T) {
	b := tiny(t)
	lines := readLines[golden](t, goldens+"tokenization.jsonl")
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range lines {
				g := lines[(i+worker*61)%len(lines)]
				if got, err := b.Encode(g.Text); err != nil || !equal(got, g.encoding()) {
					t.Errorf("worker %d, line %d: differs, %v", worker, i, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func FuzzEncode(f *testing.F) {
	for _, g := range readLines[golden](f, goldens+"tokenization.jsonl") {
		f.Add(g.Text, true, true)
	}
	f.Add("\xff[MASK]\xf0\x9f", false, false)
	vocab := tiny(f).Vocabulary()
	f.Fuzz(func(t *testing.T, text string, lowercase, cleanText bool) {
		opts := DefaultOptions()
		opts.Lowercase, opts.CleanText = lowercase, cleanText
		b, err := New(vocab, opts)
		if err != nil {
			t.Fatal(err)
		}
		enc, err := b.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		checkEncoding(t, vocab, enc, text)
	})
}

// FuzzFastEqualsPlain encodes texts also without any of the short cuts: what is ASCII goes through all of normalisation, and
// every word is split by looking for its longest known beginning.
func FuzzFastEqualsPlain(f *testing.F) {
	for _, g := range readLines[golden](f, goldens+"tokenization.jsonl") {
		f.Add(g.Text, true)
	}
	f.Add("MiXeD [MASK] "+strings.Repeat("a", 100)+" "+strings.Repeat("a", 101), false)
	vocab := tiny(f).Vocabulary()
	f.Fuzz(func(t *testing.T, text string, lowercase bool) {
		opts := DefaultOptions()
		opts.Lowercase = lowercase
		b, err := New(vocab, opts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		if want := plainEncode(b, text); !equal(got, want) {
			t.Errorf("fast %v\nplain %v", got, want)
		}
	})
}

// plainEncode is Encode in the plainest way.
func plainEncode(b *BERT, text string) Encoding {
	var enc Encoding
	enc.add(b.vocab.Cls(), Offset{})
	s := new(scratch)
	flush := func() {
		chars := b.opts.normalizeUnicode(s, clean(s.chars))
		for word, rest := nextWord(chars); len(word) > 0; word, rest = nextWord(rest) {
			plainWord(b, word, &enc)
		}
		s.chars = nil
	}
	runes := []rune(text)
	for at := 0; at < len(runes); at++ {
		ahead := string(runes[at:min(at+len("[MASK]"), len(runes))])
		special := slices.IndexFunc(SpecialTokens(), func(token string) bool { return strings.HasPrefix(ahead, token) })
		if special < 0 {
			s.chars = append(s.chars, char{runes[at], int32(at)})
			continue
		}
		flush()
		token := SpecialTokens()[special]
		id, _ := b.vocab.ID(token)
		enc.add(id, Offset{at, at + len(token)})
		at += len(token) - 1
	}
	flush()
	enc.add(b.vocab.Sep(), Offset{})
	return enc
}

// plainWord is greedy longest-match-first: [UNK] for the whole word unless pieces cover it.
func plainWord(b *BERT, word []char, enc *Encoding) {
	begin := enc.Len()
	unknown := len(word) > b.opts.MaxWordLength
	for start := 0; start < len(word) && !unknown; {
		end := len(word)
		for ; end > start; end-- {
			piece := Prefix
			if start == 0 {
				piece = ""
			}
			for _, c := range word[start:end] {
				piece += string(c.r)
			}
			if id, ok := b.vocab.ID(piece); ok {
				enc.add(id, offsetOf(word[start:end]))
				break
			}
		}
		unknown = end == start
		start = end
	}
	if unknown {
		enc.IDs, enc.Offsets = enc.IDs[:begin], enc.Offsets[:begin]
		enc.add(b.vocab.Unk(), offsetOf(word))
	}
}

// checkEncoding checks what holds for every text: offsets lie within it, are not empty and never go back, and
// visible ASCII is never lost altogether.
func checkEncoding(t *testing.T, vocab *Vocabulary, enc Encoding, text string) {
	t.Helper()
	last := enc.Len() - 1
	if last < 1 || enc.IDs[0] != vocab.Cls() || enc.IDs[last] != vocab.Sep() || len(enc.Offsets) != enc.Len() {
		t.Fatalf("not between [CLS] and [SEP]: %v", enc)
	}
	count := utf8.RuneCountInString(text)
	before := Offset{}
	for i, offset := range enc.Offsets[1:last] {
		if offset.Start < before.Start || offset.End < before.End || offset.Start >= offset.End || offset.End > count {
			t.Fatalf("token %d at %v after %v in a text of %d code points", i+1, offset, before, count)
		}
		if id := enc.IDs[i+1]; id < 0 || int(id) >= vocab.Len() {
			t.Fatalf("token %d has the id %d", i+1, id)
		}
		before = offset
	}
	visible := func(r rune) bool { return ' ' < r && r < 0x7F }
	if strings.ContainsFunc(text, visible) && last == 1 {
		t.Fatal("a text with letters gave no token")
	}
}
