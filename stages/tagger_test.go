package stages

import (
	"context"
	"errors"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pii/torchmodel"
	"pii/wordpiece"
)

var words = strings.Fields("my name is anna smith and i live in boston call me at nine one seven five oh four or mail anna at example dot com")

// newTagger makes a model with random weights whose windows have the given length, on one thread.
func newTagger(t *testing.T, maxLength int) (*Env, *Tagger) {
	t.Helper()
	env := newTestEnv(t)
	session, err := env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	dir, cfg := newModelFolder(t, session, maxLength)
	return env, openTestTagger(t, session, dir, cfg)
}

func newTestEnv(t *testing.T) *Env {
	t.Helper()
	env := &Env{Out: io.Discard, Log: log.New(io.Discard, "", 0)}
	t.Cleanup(env.Close)
	return env
}

func openTestTagger(t *testing.T, session *torchmodel.Session, dir string, cfg *Config) *Tagger {
	t.Helper()
	tagger, err := openTagger(session, dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tagger.Close() })
	return tagger
}

// newModelFolder writes a model with random weights, and gives settings to read it with.
func newModelFolder(t *testing.T, session *torchmodel.Session, maxLength int) (string, *Config) {
	t.Helper()
	cfg := Default()
	cfg.MaxLength, cfg.Stride, cfg.PIIThreshold = maxLength, maxLength/4, "0"
	set, err := cfg.LabelSet()
	if err != nil {
		t.Fatal(err)
	}
	vocabulary, err := wordpiece.Train(func(yield func(string) bool) { yield(strings.Join(words, " ")) }, 200,
		wordpiece.TrainOptions{Options: wordpiece.DefaultOptions()})
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(vocabulary, wordpiece.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	model, err := session.New(torchmodel.Config{VocabSize: vocabulary.Len(), MaxPositions: maxLength, Dim: 32, HiddenDim: 64,
		Layers: 2, Heads: 2, Activation: "gelu", InitializerRange: 0.3, Labels: set.TagNames()}, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := errors.Join(model.Save(dir), tokenizer.Save(dir), writeCard(dir, configCard(cfg)), model.Close()); err != nil {
		t.Fatal(err)
	}
	return dir, cfg
}

func randomText(random *rand.Rand, n int) string {
	text := make([]string, n)
	for i := range text {
		text[i] = words[random.IntN(len(words))]
	}
	return strings.Join(text, " ")
}

// resident is the process's resident memory in bytes, less what Go has no use for.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("this system does not tell the resident memory: ", err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(content))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestTaggingKeepsMemoryFlat tags texts of varying length, empty and windowed ones too.
func TestTaggingKeepsMemoryFlat(t *testing.T) {
	_, tagger := newTagger(t, 32)
	random := rand.New(rand.NewPCG(1, 1))
	tag := func(calls int) {
		for range calls {
			texts := make([]string, 1+random.IntN(4))
			for i := range texts {
				texts[i] = randomText(random, random.IntN(60))
			}
			if _, err := tagger.Tag(context.Background(), texts); err != nil {
				t.Fatal(err)
			}
		}
	}
	tag(300) // allocators and pools settle
	least, before := math.MaxInt, resident(t)
	for range 3 { // a leak grows in every part, what settles does not
		tag(400)
		now := resident(t)
		least, before = min(least, now-before), now
	}
	const allowed = 2 << 20 // a leaked tensor of a call would be 20 kB or more
	if least > allowed {
		t.Errorf("400 calls grew resident memory by %d bytes or more", least)
	}
}

// TestCompanyDoesNotMatter tags texts alone and together.
func TestCompanyDoesNotMatter(t *testing.T) {
	_, tagger := newTagger(t, 32)
	random := rand.New(rand.NewPCG(2, 2))
	texts := []string{"", " ", "anna", "\u00a0\t", "a\u0301nna \U0001F44B smith"}
	for range 20 {
		texts = append(texts, randomText(random, random.IntN(90)))
	}
	together, err := tagger.Tag(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		alone, err := tagger.Tag(context.Background(), []string{text})
		if err != nil {
			t.Fatal(err)
		}
		for k := range min(len(alone[0]), len(together[i])) {
			alone[0][k].Score = together[i][k].Score // the same up to rounding
		}
		if len(alone[0])+len(together[i]) > 0 && !reflect.DeepEqual(alone[0], together[i]) {
			t.Errorf("text %d: alone %v, together %v", i, alone[0], together[i])
		}
		for _, s := range together[i] {
			if s.Start < 0 || s.End <= s.Start || s.End > utf8.RuneCountInString(text) || s.Score < 0 || s.Score > 1 {
				t.Errorf("text %d has the span %v", i, s)
			}
		}
	}
}

// TestWindowsCoverLongTexts gives each token the tag of its id alone, so that the spans of a long text are known.
func TestWindowsCoverLongTexts(t *testing.T) {
	_, tagger := newTagger(t, 32)
	const n = 400
	var parts []string
	for i := range n {
		parts = append(parts, "call")
		if i == 0 || i == n/2 || i == n-1 {
			parts[i] = "anna"
		}
	}
	prep, err := tagger.prepare(strings.Join(parts, " "))
	if err != nil {
		t.Fatal(err)
	}
	if len(prep.windows) < 10 {
		t.Fatalf("%d windows", len(prep.windows))
	}
	name, _ := tagger.set.TagID("B-PERSON_NAME")
	anna, err := tagger.tokenizer.Encode("anna")
	if err != nil {
		t.Fatal(err)
	}
	for w, window := range prep.windows {
		prep.logits[w] = make([]float32, window.Len()*tagger.set.Len())
		for i, id := range window.IDs {
			tag := 0
			if id == anna.IDs[1] {
				tag = name
			}
			prep.logits[w][i*tagger.set.Len()+tag] = 20
		}
	}
	spans, err := tagger.decode(prep)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []int{0, n / 2, n - 1} {
		if len(spans) != 3 || spans[i].Start != 5*at || spans[i].End < 5*at+1 || spans[i].Label != "PERSON_NAME" {
			t.Fatalf("spans %v", spans)
		}
	}
}

// TestWordsGoByTheirFirstPiece decodes random scores for a model that was taught first pieces alone: the scores of other pieces
// change nothing, and spans are of whole words.
func TestWordsGoByTheirFirstPiece(t *testing.T) {
	_, tagger := newTagger(t, 32)
	tagger.card.FirstPiece = true
	random := rand.New(rand.NewPCG(5, 5))
	pieces, found := 0, 0
	for range 50 {
		text := make([]string, 1+random.IntN(30))
		for i := range text {
			text[i] = words[random.IntN(len(words))] + words[random.IntN(len(words))]
		}
		prep, err := tagger.prepare(strings.Join(text, " "))
		if err != nil {
			t.Fatal(err)
		}
		var want []PredictedEntity
		for round := range 2 {
			for w, window := range prep.windows {
				if round == 0 {
					prep.logits[w] = make([]float32, window.Len()*tagger.set.Len())
				}
				for i := range prep.logits[w] {
					goesOn := continues(tagger.tokenizer.Vocabulary(), window.IDs[i/tagger.set.Len()])
					if round == 0 || goesOn {
						prep.logits[w][i] = float32(3 * random.NormFloat64())
					}
					if goesOn {
						pieces++
					}
				}
			}
			got, err := tagger.decode(prep)
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				want, found = got, found+len(got)
			} else if !reflect.DeepEqual(got, want) {
				t.Fatalf("with other scores of other pieces %v, not %v", got, want)
			}
			for _, s := range got {
				line := " " + strings.Join(text, " ") + " "
				if line[s.Start] != ' ' || line[s.End+1] != ' ' {
					t.Fatalf("%v is not of whole words", s)
				}
			}
		}
	}
	if pieces == 0 || found == 0 {
		t.Errorf("%d pieces that go on, %d spans: the test tests nothing", pieces, found)
	}
}

func TestVeryLongText(t *testing.T) {
	if testing.Short() {
		t.Skip("computes 500 windows")
	}
	_, tagger := newTagger(t, 256)
	random := rand.New(rand.NewPCG(3, 3))
	text := randomText(random, 100_000)
	spans, err := tagger.Tag(context.Background(), []string{text})
	if err != nil {
		t.Fatal(err)
	}
	runes := utf8.RuneCountInString(text)
	last := 0
	for _, s := range spans[0] {
		if s.Start < last || s.End <= s.Start || s.End > runes {
			t.Fatalf("span %v after %d of %d", s, last, runes)
		}
		last = s.End
	}
	if len(spans[0]) > 0 && last < runes/2 {
		t.Errorf("the last span ends at %d of %d", last, runes)
	}
}

// Tag finds the spans of each text, in the order of the texts. Between batches it looks whether ctx is cancelled.
func (t *Tagger) Tag(ctx context.Context, texts []string) ([][]PredictedEntity, error) {
	prep, err := t.prepareAll(texts)
	if err != nil {
		return nil, err
	}
	if err := t.compute(ctx, prep); err != nil {
		return nil, err
	}
	found := make([][]PredictedEntity, len(texts))
	err = forEach(len(prep), func(i int) (err error) {
		found[i], err = t.decode(prep[i])
		return err
	})
	return found, err
}
