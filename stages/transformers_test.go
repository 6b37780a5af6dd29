package stages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pii/torchmodel"
	"pii/wordpiece"
)

var keep = flag.String("keep", "", "the `folder` into which TestTransformersReadsOurModels writes its models, to make golden.json anew")

// goldenModel is what transformers made of a model folder.
type goldenModel struct {
	Files     map[string]string `json:"files"` // SHA-256 by name
	Labels    []string          `json:"labels"`
	MaxLength float64           `json:"max_length"` // of the tokenizer; 1e30 where that is not known
	Texts     []struct {
		Text    string      `json:"text"`
		IDs     []int32     `json:"ids"`
		Offsets [][2]int    `json:"offsets"`
		Logits  [][]float64 `json:"logits"` // of each token and class
	} `json:"texts"`
}

// ourModels are folders as training writes them, by the options of their tokenizers.
var ourModels = map[string]wordpiece.Options{
	"uncased": {Lowercase: true, HandleChineseChars: true, CleanText: true, ModelMaxLength: 120},
	"cased":   {Lowercase: false, StripAccents: new(bool), HandleChineseChars: false, CleanText: true, ModelMaxLength: 120},
	"own":     {Lowercase: true, HandleChineseChars: true, CleanText: true, MaxWordLength: 20}, // no BERT class has such words
}

// writeOurModel writes a model with random weights, and its tokenizer, into a folder.
func writeOurModel(t *testing.T, session *torchmodel.Session, dir string, opts wordpiece.Options) {
	t.Helper()
	pieces := wordpiece.SpecialTokens()
	for c := 'a'; c <= 'z'; c++ {
		pieces = append(pieces, string(c), wordpiece.Prefix+string(c))
	}
	pieces = append(pieces, strings.Fields("A Z ##E ##ë ##é é 我 在 東 😀 0 1 ##0 , . ! ? ( ) ' @ [ ] name anna smith boston call ##ing un ##un caf")...)
	vocabulary, err := wordpiece.NewVocabulary(pieces)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := wordpiece.New(vocabulary, opts)
	if err != nil {
		t.Fatal(err)
	}
	model, err := session.New(torchmodel.Config{VocabSize: vocabulary.Len(), MaxPositions: 120, Dim: 16, HiddenDim: 24, Layers: 2, Heads: 2,
		Activation: "gelu", Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.3,
		Labels: []string{"O", "B-PER", "I-PER", "B-LOC", "I-LOC"}}, 11)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o777), model.Save(dir), tokenizer.Save(dir), model.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTransformersReadsOurModels(t *testing.T) {
	content, err := os.ReadFile("testdata/transformers/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Models map[string]goldenModel `json:"models"`
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	env := &Env{Out: io.Discard, Log: log.New(io.Discard, "", 0)}
	t.Cleanup(env.Close)
	session, err := env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	folder := *keep
	if folder == "" {
		folder = t.TempDir()
	}
	for _, name := range slices.Sorted(maps.Keys(ourModels)) {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(folder, name)
			writeOurModel(t, session, dir, ourModels[name])
			want := golden.Models[name]
			if got := digests(t, dir); !maps.Equal(got, want.Files) {
				t.Errorf("golden.json was made of other files: %v, now %v", want.Files, got)
			}
			if most := ourModels[name].ModelMaxLength; most > 0 && want.MaxLength != float64(most) {
				t.Errorf("transformers reads %v tokens, not %d", want.MaxLength, most)
			}
			want.compare(t, session, dir)
		})
	}
}

func digests(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		all[entry.Name()] = hex.EncodeToString(sum[:])
	}
	return all
}

// compare tags the golden texts with the model in a folder, which has no card: its labels are its own.
func (g goldenModel) compare(t *testing.T, session *torchmodel.Session, dir string) {
	t.Helper()
	cfg := Default()
	tagger, err := openTagger(session, dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tagger.Close()
	if !slices.Equal(tagger.set.TagNames(), g.Labels) {
		t.Errorf("labels %v, transformers has %v", tagger.set.TagNames(), g.Labels)
	}
	for _, want := range g.Texts {
		encoding, err := tagger.tokenizer.Encode(want.Text)
		if err != nil {
			t.Fatal(err)
		}
		var offsets [][2]int
		for _, o := range encoding.Offsets {
			offsets = append(offsets, [2]int{o.Start, o.End})
		}
		if !slices.Equal(encoding.IDs, want.IDs) || !slices.Equal(offsets, want.Offsets) {
			t.Errorf("%q: %v %v, transformers has %v %v", want.Text, encoding.IDs, offsets, want.IDs, want.Offsets)
			continue
		}
		logits, err := tagger.model.Logits([]torchmodel.Row{{IDs: want.IDs}})
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range slices.Concat(want.Logits...) {
			if d := math.Abs(x - float64(logits[0][i])); !(d <= 1e-4) {
				t.Errorf("%q: logit %d differs by %g", want.Text, i, d)
				break
			}
		}
	}
}
