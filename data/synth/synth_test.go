package synth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pii/data"
	"pii/labels"
)

func generated(t testing.TB, set Set, n int, seed int64, cfg Config) []data.Transcript {
	t.Helper()
	var all []data.Transcript
	for made, err := range Generate(cfg, set, n, seed) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made)
	}
	return all
}

// The files beside package data are what the default seed and configuration give, byte for byte. Where a change to the
// generator is meant to change them, `go generate ./data` makes them anew.
func TestShippedSetsAreReproduced(t *testing.T) {
	dir := t.TempDir()
	if err := WriteSets(dir, DefaultSeed, DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	for _, set := range Sets() {
		made, err := os.ReadFile(filepath.Join(dir, string(set)+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		shipped, err := data.Builtin(string(set))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(made, shipped) {
			t.Errorf("%s.jsonl is not what the generator makes; run `go generate ./data`", set)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(Sets()) {
		t.Errorf("something else was left in the folder: %v %v", entries, err)
	}
}

func TestSetsShareNoText(t *testing.T) {
	owner := map[uint64]Set{}
	for _, set := range Sets() {
		all := generated(t, set, set.size(DefaultConfig().Sizes), DefaultSeed, DefaultConfig())
		for _, made := range all {
			key := textKey(made.Text)
			if other, ok := owner[key]; ok {
				t.Errorf("%s: its text stands in %s too", made.ID, other)
			}
			owner[key] = set
		}
	}
}

// Names, cities, places and mail domains of the stress set stand in no entity of the others.
func TestStressNamesAreItsOwn(t *testing.T) {
	stress, err := loadLexicon("stress_", "")
	if err != nil {
		t.Fatal(err)
	}
	// Words of entities in the other sets, and whole mail addresses and places.
	words, whole := map[string]bool{}, map[string]bool{}
	for _, set := range []Set{Train, Dev, Test} {
		for _, made := range generated(t, set, set.size(DefaultConfig().Sizes), DefaultSeed, DefaultConfig()) {
			text := []rune(strings.ToLower(made.Text))
			for _, e := range made.Entities {
				said := string(text[e.Start:e.End])
				whole[said] = true
				for _, w := range strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
					words[w] = true
				}
			}
		}
	}
	for _, list := range [][]string{stress.first, stress.last, stress.cities, stress.heads} {
		for _, entry := range list {
			for _, w := range strings.Fields(entry) {
				if words[w] {
					t.Errorf("%q of the stress set stands in an entity of another set", w)
				}
			}
		}
	}
	for _, entry := range append(append([]string{}, stress.landmarks...), stress.regions...) {
		if whole[strings.TrimPrefix(entry, "the ")] {
			t.Errorf("%q of the stress set is an entity of another set", entry)
		}
	}
	common, err := loadLexicon("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range stress.domains {
		for _, b := range common.domains {
			if a == b || strings.Split(a, ".")[0] == strings.Split(b, ".")[0] {
				t.Errorf("mail domain %s is like %s", a, b)
			}
		}
	}
}

// expansions gives every wording of a frame, slots by name.
func expansions(f frame) []string {
	all := []string{""}
	for _, n := range f {
		var branches []string
		switch {
		case n.choice != nil:
			for _, branch := range n.choice {
				branches = append(branches, expansions(branch)...)
			}
		case n.slot != "":
			branches = []string{"{" + n.slot + "}"}
		case n.rule != "":
			branches = []string{"<" + n.rule + ">"}
		default:
			branches = []string{n.word}
		}
		var longer []string
		for _, before := range all {
			for _, b := range branches {
				longer = append(longer, strings.TrimSpace(before+" "+b))
			}
		}
		all = longer
	}
	return all
}

// The stress set shares no wording of a frame, and no four words in a row around a slot, with the other sets.
func TestStressFramesAreItsOwn(t *testing.T) {
	common, err := loadGrammar("common")
	if err != nil {
		t.Fatal(err)
	}
	stress, err := loadGrammar("stress")
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]bool{}
	for _, frames := range common.sections {
		for _, f := range frames {
			for _, piece := range pieces(f) {
				taken[piece] = true
			}
		}
	}
	for section, frames := range stress.sections {
		for _, f := range frames {
			for _, piece := range pieces(f) {
				if taken[piece] {
					t.Errorf("[%s] %q stands in a frame of the other sets", section, piece)
				}
			}
		}
	}
	if n := len(common.sections["carry"]); n < 150 {
		t.Errorf("only %d carriers", n)
	}
}

// pieces gives every wording of a frame, and of it every four words in a row with a slot among them.
func pieces(f frame) []string {
	var all []string
	for _, wording := range expansions(f) {
		if strings.Contains(wording, " ") {
			all = append(all, wording)
		}
		words := strings.FieldsFunc(wording, func(r rune) bool { return strings.ContainsRune(" ,?", r) })
		for i := range max(0, len(words)-3) {
			if piece := strings.Join(words[i:i+4], " "); strings.Contains(piece, "{") {
				all = append(all, piece)
			}
		}
	}
	return all
}

func TestGrammarsHaveWhatIsAskedOfThem(t *testing.T) {
	for _, name := range []string{"common", "stress"} {
		g, err := loadGrammar(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, section := range []string{"open", "chat", "look", "close", "refuse"} {
			if len(g.sections[section]) == 0 {
				t.Errorf("%s: no section %s", name, section)
			}
			for _, f := range g.sections[section] {
				if found := f.labels(nil); found != nil {
					t.Errorf("%s: a frame of %s has an entity %v", name, section, found)
				}
			}
		}
		for _, typ := range labels.DefaultTypes() {
			if len(g.sections["ask "+typ.Name]) == 0 || len(g.sections["answer "+typ.Name]) == 0 || len(g.carry[typ.Name]) == 0 {
				t.Errorf("%s: nothing to ask, answer or say of %s", name, typ.Name)
			}
		}
	}
	for line, want := range map[string]string{"a (b": "not closed", "a b)": "closes or divides", "a | b": "closes or divides", "{NONE}": "no slot", "{PHONE": "no slot"} {
		if _, err := parseFrame(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

// Whatever the rates, spans are exact: valid for data.Reader, no blank at their edges, and cards keep their check digit.
func TestSpansAreExactUnderAnyNoise(t *testing.T) {
	set, err := labels.NewSet(labels.DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		cfg := DefaultConfig()
		rate := func(name string) float64 { return rapid.Float64Range(0, 1).Draw(rt, name) }
		cfg.Noise = Noise{rate("filler"), rate("inner"), rate("repeat"), rate("stutter"), rate("drop"), rate("substitute"), rate("misspell"), rate("names")}
		cfg.Style.Written, cfg.Style.Upper, cfg.Compose.Turns = rate("written"), rate("upper"), rate("turns")
		cfg.Style.SpokenNumbers = rate("spoken")
		chosen := rapid.SampledFrom(Sets()).Draw(rt, "set")
		var file bytes.Buffer
		if err := Write(&file, chosen, 8, rapid.Int64().Draw(rt, "seed"), cfg); err != nil {
			rt.Fatal(err)
		}
		r, err := data.NewReader(&file, "f", data.Options{Labels: set, RequireEntities: true})
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		for {
			made, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			checkEdges(rt, made)
		}
	})
}

func checkEdges(t *rapid.T, made data.Transcript) {
	text := []rune(made.Text)
	if strings.Contains(made.Text, "  ") || strings.TrimSpace(made.Text) != made.Text || !utf8.ValidString(made.Text) {
		t.Fatalf("%q has odd spaces", made.Text)
	}
	for _, e := range made.Entities {
		edge := func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '?' }
		if edge(text[e.Start]) || edge(text[e.End-1]) || e.Start > 0 && text[e.Start-1] != ' ' || e.End < len(text) && unicode.IsLetter(text[e.End]) {
			t.Fatalf("%q: span %q", made.Text, string(text[e.Start:e.End]))
		}
	}
}

func TestWithoutNoise(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Noise, cfg.Style = Noise{}, Style{}
	cards := 0
	for _, made := range generated(t, Train, 2000, 5, cfg) {
		text := []rune(made.Text)
		for _, e := range made.Entities {
			said := string(text[e.Start:e.End])
			if e.Label != "CREDIT_CARD" || strings.Contains(said, "ouble") || strings.Contains(said, "riple") {
				continue
			}
			number := strings.ReplaceAll(said, " ", "")
			cards++
			if n := len(number); n < 13 || n > 19 || luhnDigit(number[:n-1]) != number[n-1] {
				t.Errorf("%s: %q is no card number", made.ID, said)
			}
		}
	}
	if cards < 100 {
		t.Errorf("only %d cards", cards)
	}
}

func TestMixOfTheTrainingSet(t *testing.T) {
	none, written, words := 0, 0, 0
	all := generated(t, Train, 6000, DefaultSeed, DefaultConfig())
	for _, made := range all {
		if len(made.Entities) == 0 {
			none++
		}
		if strings.ToLower(made.Text) != made.Text || strings.ContainsAny(made.Text, ",?") {
			written++
		}
		words += len(strings.Fields(made.Text))
	}
	share := func(n int) float64 { return float64(n) / float64(len(all)) }
	if s := share(none); s < 0.24 || s > 0.31 {
		t.Errorf("%.2f without entities", s)
	}
	if s := share(written); s < 0.08 || s > 0.18 {
		t.Errorf("%.2f with casing or punctuation", s)
	}
	if s := share(words); s < 20 || s > 32 {
		t.Errorf("%.1f words a transcript", s)
	}
}

func TestSameSeedSameTranscripts(t *testing.T) {
	cfg := DefaultConfig()
	long, short, other := generated(t, Dev, 40, 7, cfg), generated(t, Dev, 20, 7, cfg), generated(t, Dev, 20, 8, cfg)
	if fmt.Sprint(long[:20]) != fmt.Sprint(short) {
		t.Error("a longer run begins otherwise")
	}
	if fmt.Sprint(short) == fmt.Sprint(other) {
		t.Error("another seed gives the same")
	}
}

func TestErrors(t *testing.T) {
	bad := DefaultConfig()
	bad.Noise.Drop = 1.5
	if err := WriteSets(t.TempDir(), 1, bad); err == nil || !strings.Contains(err.Error(), "noise.drop: 1.5 is not between 0 and 1") {
		t.Errorf("a rate above 1: %v", err)
	}
	bad = DefaultConfig()
	bad.Compose.Entities = nil
	if err := bad.Check(); err == nil {
		t.Error("no weights: no error")
	}
	if err := Write(io.Discard, "none", 1, 1, DefaultConfig()); err == nil || !strings.Contains(err.Error(), `there is no set "none"`) {
		t.Errorf("no set: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteSets(file, 1, DefaultConfig()); err == nil {
		t.Error("a file for a folder: no error")
	}
}

func TestLuhn(t *testing.T) {
	for _, number := range []string{"4242424242424242", "378282246310005", "4222222222222", "6304000000000000"} {
		if last := len(number) - 1; luhnDigit(number[:last]) != number[last] {
			t.Errorf("%s: check digit %c", number, luhnDigit(number[:last]))
		}
		if changed := notCard(number); changed == number || luhnDigit(changed[:len(changed)-1]) == changed[len(changed)-1] {
			t.Errorf("%s became %s", number, changed)
		}
	}
}

func TestNumbersInWords(t *testing.T) {
	for n, want := range map[int]string{0: "zero", 13: "thirteen", 40: "forty", 215: "two hundred fifteen", 4007: "four thousand seven"} {
		if got := strings.Join(cardinal(n), " "); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[int]string{1: "first", 12: "twelfth", 20: "twentieth", 23: "twenty third", 31: "thirty first"} {
		if got := strings.Join(ordinal(n), " "); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[int]string{1: "1st", 11: "11th", 22: "22nd", 113: "113th", 103: "103rd"} {
		if got := ordinalNumeral(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
