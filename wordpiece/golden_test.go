package wordpiece

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// goldens are the fixtures that `make parity` reads.
const goldens = "../scripts/parity/testdata/"

// golden is a line of tokenization.jsonl, made by Hugging Face's tokenizers 0.23.1.
type golden struct {
	Text    string   `json:"text"`
	IDs     []int32  `json:"ids"`
	Offsets [][2]int `json:"offsets"`
}

func (g golden) encoding() Encoding {
	e := Encoding{IDs: g.IDs}
	for _, o := range g.Offsets {
		e.Offsets = append(e.Offsets, Offset{o[0], o[1]})
	}
	return e
}

func readLines[T any](t testing.TB, path string) []T {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []T
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var one T
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatalf("%s:%d: %v", path, len(all)+1, err)
		}
		all = append(all, one)
	}
	if lines.Err() != nil || len(all) == 0 {
		t.Fatalf("%s: %d lines, %v", path, len(all), lines.Err())
	}
	return all
}

func tiny(t testing.TB) *BERT {
	t.Helper()
	vocab, err := ReadVocabulary(goldens + "tiny-distilbert/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(vocab, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equal(a, b Encoding) bool {
	return slices.Equal(a.IDs, b.IDs) && slices.Equal(a.Offsets, b.Offsets)
}

func TestEncodeEqualsHuggingFace(t *testing.T) {
	b := tiny(t)
	for i, g := range readLines[golden](t, goldens+"tokenization.jsonl") {
		got, err := b.Encode(g.Text)
		if err != nil {
			t.Fatal(err)
		}
		if !equal(got, g.encoding()) {
			t.Errorf("line %d, %q:\n got %v\nwant %v", i+1, g.Text, got, g.encoding())
		}
	}
}

// TestEncodeEqualsHuggingFaceWithAllOptions reads random mixtures of scripts, marks, controls and special tokens.
func TestEncodeEqualsHuggingFaceWithAllOptions(t *testing.T) {
	type line struct {
		golden
		Lowercase    bool  `json:"lowercase"`
		StripAccents *bool `json:"strip_accents"`
		ChineseChars bool  `json:"handle_chinese_chars"`
		CleanText    bool  `json:"clean_text"`
	}
	vocab := tiny(t).Vocabulary()
	for i, g := range readLines[line](t, "testdata/awkward.jsonl") {
		b, err := New(vocab, Options{
			Lowercase: g.Lowercase, StripAccents: g.StripAccents, HandleChineseChars: g.ChineseChars, CleanText: g.CleanText,
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Encode(g.Text)
		if err != nil {
			t.Fatal(err)
		}
		if !equal(got, g.encoding()) {
			t.Errorf("line %d, %+q:\n got %v\nwant %v", i+1, g.Text, got, g.encoding())
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	bert := tiny(b)
	lines := readLines[golden](b, goldens+"tokenization.jsonl")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := bert.Encode(lines[i%len(lines)].Text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodeOnAllCores shows by its time per text how tokenization scales with -cpu.
func BenchmarkEncodeOnAllCores(b *testing.B) {
	bert := tiny(b)
	lines := readLines[golden](b, goldens+"tokenization.jsonl")
	b.RunParallel(func(p *testing.PB) {
		for i := 0; p.Next(); i++ {
			if _, err := bert.Encode(lines[i%len(lines)].Text); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
