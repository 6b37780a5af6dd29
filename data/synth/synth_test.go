package synth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
	for made, err := range Generate(t.Context(), cfg, set, n, seed) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made)
	}
	return all
}

// shipped gives a set that ships with the program, which is what the generator makes.
func shipped(t testing.TB, set Set) []data.Transcript {
	t.Helper()
	all, err := data.ReadAll(data.BuiltinPrefix+string(set), data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The files beside package data are what the default seed and configuration give, byte for byte. Where a change to the
// generator is meant to change them, `go generate ./data` makes them anew.
func TestShippedSetsAreReproduced(t *testing.T) {
	dir := t.TempDir()
	if err := WriteSets(t.Context(), dir, DefaultSeed, DefaultConfig(), false); err != nil {
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
	for _, set := range append(Sets(), "natural") {
		for _, made := range shipped(t, set) {
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
	words, whole, addresses := map[string]bool{}, map[string]bool{}, []string{}
	for _, set := range []Set{Train, Dev, Test} {
		for _, made := range shipped(t, set) {
			text := []rune(strings.ToLower(made.Text))
			for _, e := range made.Entities {
				said := string(text[e.Start:e.End])
				whole[said] = true
				for _, w := range strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
					words[w] = true
					for _, part := range strings.Split(w, "-") {
						words[part] = true
					}
				}
				if e.Label == "EMAIL" {
					addresses = append(addresses, plain(said))
				}
			}
		}
	}
	lists := [][]string{stress.cities, stress.heads}
	for _, c := range stress.cultures {
		lists = append(lists, c.given, c.family)
	}
	for _, list := range lists {
		for _, entry := range list {
			for _, w := range strings.Fields(entry) {
				if words[w] {
					t.Errorf("%q of the stress set stands in an entity of another set", w)
				}
			}
		}
	}
	for _, entry := range slices.Concat(stress.landmarks, stress.regions, stress.areas) {
		if whole[strings.TrimPrefix(entry, "the ")] {
			t.Errorf("%q of the stress set is an entity of another set", entry)
		}
	}
	common, err := loadLexicon("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range stress.domains {
		provider := plain(strings.Split(a, ".")[0])
		if len(provider) > 5 && slices.ContainsFunc(addresses, func(letters string) bool { return strings.Contains(letters, provider) }) {
			t.Errorf("%s of the stress set stands in an address of another set", provider)
		}
		for _, b := range common.domains {
			if a == b || strings.Split(a, ".")[0] == strings.Split(b, ".")[0] {
				t.Errorf("mail domain %s is like %s", a, b)
			}
		}
	}
}

// Telephone numbers of the sets of their own come in other groups, and card numbers begin otherwise or come in other groups.
func TestOwnPatternsOfNumbers(t *testing.T) {
	groups := map[string]bool{}
	shape := func(pattern string) string {
		return strings.Map(func(r rune) rune {
			if r == ' ' {
				return r
			}
			return 'X'
		}, pattern)
	}
	for _, p := range plans {
		groups[p.code+shape(p.local)], groups[p.code+shape(p.abroad)] = true, true
	}
	for _, p := range stressPlans {
		if groups[p.code+shape(p.local)] || p.abroad != "" && groups[p.code+shape(p.abroad)] {
			t.Errorf("telephone numbers of +%s come as %q elsewhere too", p.code, p.local)
		}
	}
	for _, own := range stressIssuers {
		for _, other := range issuers {
			for _, a := range own.prefixes {
				for _, b := range other.prefixes {
					if (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) && slices.Equal(own.groups, other.groups) {
						t.Errorf("cards begin with %s and with %s, in groups %v", a, b, own.groups)
					}
				}
			}
		}
	}
}

// Nothing but a date of the stress set stands in another set as well, neither a text nor an entity nor what is around them.
func TestStressSharesNothing(t *testing.T) {
	var all []*data.Stats
	for _, set := range Sets() {
		s, err := data.ReadStats(data.BuiltinPrefix+string(set), data.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for _, o := range data.Overlaps(all) {
		if o.Texts > 0 {
			t.Errorf("%s and %s share %d texts", o.File, o.Of, o.Texts)
		}
		if !strings.HasSuffix(o.Of, string(Stress)) {
			continue
		}
		delete(o.Entities, "DATE")
		for label, n := range o.Entities {
			if n > 0 || o.Frames > 0 {
				t.Errorf("%s and %s share %d of %s and %d frames", o.File, o.Of, n, label, o.Frames)
			}
		}
	}
}

// pieces gives every four words in a row of a frame's wordings with a slot among them, every six, and whole wordings of two
// to four words between "^" and "$".
func pieces(f frame) map[string]bool {
	found := map[string]bool{}
	ends := walk(f, []string{"^"}, found)
	walk(frame{{word: "$"}}, ends, found)
	return found
}

// walk follows a frame from some endings of what went before, and gives the endings after it.
func walk(f frame, before []string, found map[string]bool) []string {
	for _, n := range f {
		var after []string
		for _, branch := range n.choice {
			after = append(after, walk(branch, before, found)...)
		}
		word := n.word
		switch {
		case strings.Contains(",.?!:/a/c", word) && n.choice == nil && n.slot == "" && n.rule == "":
			continue // marks are no words
		case n.slot != "":
			word = "{" + n.slot + "}"
		case n.rule != "":
			word = "<" + n.rule + ">"
		}
		if n.choice == nil {
			for _, ending := range before {
				words := append(strings.Fields(ending), word)
				for _, size := range []int{4, 6} {
					piece := strings.Join(words[max(0, len(words)-size):], " ")
					whole := len(words) <= size && words[0] == "^" && word == "$" && len(words) > 3
					inner := len(words) >= size && !strings.ContainsAny(piece, "^$") && (size == 6 || strings.Contains(piece, "{"))
					if whole || inner {
						found[piece] = true
					}
				}
				after = append(after, strings.Join(words[max(0, len(words)-5):], " "))
			}
		}
		slices.Sort(after)
		before = slices.Compact(after)
	}
	return before
}

// The sets of their own share no four words in a row around a slot, and no six words, with the frames of the other sets, and no six
// words with what was written by hand.
func TestOwnFrames(t *testing.T) {
	taken := writtenPieces(t)
	for name, frames := range loaded(t, "common").sections {
		if name == "and" {
			continue
		}
		for _, f := range frames {
			for piece := range pieces(f) {
				taken[piece] = true
			}
		}
	}
	if len(taken) < 30_000 {
		t.Errorf("only %d pieces of frames", len(taken))
	}
	for _, set := range []Set{Stress, Numbers} {
		for name, frames := range loaded(t, string(set)).sections {
			for _, f := range frames {
				for piece := range pieces(f) {
					if taken[piece] {
						t.Errorf("%s: [%s] %q stands in a frame of the other sets", set, name, piece)
					}
				}
			}
		}
	}
}

// writtenPieces gives every six words in a row of the hand-written transcripts; an entity counts as a word.
func writtenPieces(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, set := range []Set{Train, Dev} {
		written, err := Written(set)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range written {
			words := framed(made)
			for end := 6; end <= len(words); end++ {
				found[strings.Join(words[end-6:end], " ")] = true
			}
		}
	}
	if len(found) < 200_000 {
		t.Errorf("only %d pieces of hand-written transcripts", len(found))
	}
	return found
}

// framed are the words of a transcript in lower case, without marks, with entities as slots.
func framed(made data.Transcript) []string {
	text, at, framed := []rune(strings.ToLower(made.Text)), 0, ""
	for _, e := range made.Entities {
		framed += string(text[at:e.Start]) + "{" + e.Label + "}"
		at = e.End
	}
	return strings.FieldsFunc(framed+string(text[at:]), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("{}_'", r)
	})
}

func loaded(t *testing.T, name string) *grammar {
	t.Helper()
	g, err := loadGrammar(name)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGrammarsHaveWhatIsAskedOfThem(t *testing.T) {
	for _, name := range []string{"common", "stress", "numbers"} {
		g := loaded(t, name)
		for section, frames := range g.sections {
			_, kind, _ := strings.Cut(section, "/")
			for _, f := range frames {
				if found := g.labels(f, nil); found != nil && (name == "numbers" || slices.Contains([]string{"look", "chat", "refuse"}, kind)) {
					t.Errorf("%s: a frame of %s has an entity %v", name, section, found)
				}
			}
		}
		for _, typ := range labels.DefaultTypes() {
			if name != "numbers" && (len(g.section(general, "ask "+typ.Name)) == 0 || len(g.section(general, "answer "+typ.Name)) == 0 ||
				len(g.carriers(general, typ.Name)) == 0) {
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
		noise := reflect.ValueOf(&cfg.Noise).Elem()
		for i := range noise.NumField() {
			noise.Field(i).SetFloat(rate(noise.Type().Field(i).Name))
		}
		cfg.Values.Corrected, cfg.Values.Interrupted, cfg.Values.FalseStart = rate("corrected"), rate("interrupted"), rate("false start")
		cfg.Values.HalfSaid, cfg.Values.TakenBack, cfg.Values.Hash = rate("half said"), rate("taken back"), rate("hash")
		cfg.Style.NoApostrophes, cfg.Style.Split, cfg.Style.HalfEmail, cfg.Style.MixedNumbers = rate("apostrophes"), rate("split"), rate("half"), rate("mixed")
		cfg.Style.Written, cfg.Style.Upper, cfg.Compose.Turns = rate("written"), rate("upper"), rate("turns")
		cfg.Style.SpokenNumbers = rate("spoken")
		chosen := rapid.SampledFrom(AllSets()).Draw(rt, "set")
		var file bytes.Buffer
		if err := Write(t.Context(), &file, chosen, 4, rapid.Int64().Draw(rt, "seed"), cfg); err != nil {
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
		if edge(text[e.Start]) || edge(text[e.End-1]) || e.Start > 0 && text[e.Start-1] != ' ' ||
			e.End < len(text) && unicode.IsLetter(text[e.End]) && text[e.End] < 0x3000 {
			t.Fatalf("%q: span %q", made.Text, string(text[e.Start:e.End]))
		}
	}
}

func TestWithoutNoise(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Noise, cfg.Style, cfg.Values.Corrected, cfg.Values.Interrupted = Noise{}, Style{}, 0, 0
	cards := 0
	for _, made := range generated(t, Train, 2000, 5, cfg) {
		text := []rune(made.Text)
		for _, e := range made.Entities {
			said := string(text[e.Start:e.End])
			if e.Label != "CREDIT_CARD" || strings.Contains(said, "ouble") || strings.Contains(said, "riple") {
				continue
			}
			number := strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, said)
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
	all := shipped(t, Train)
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
	if s := share(none); s < 0.3 || s > 0.45 {
		t.Errorf("%.2f without entities", s)
	}
	if s := share(written); s < 0.18 || s > 0.34 {
		t.Errorf("%.2f with casing or punctuation", s)
	}
	if s := share(words); s < 14 || s > 28 {
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
	if err := WriteSets(t.Context(), t.TempDir(), 1, bad, false); err == nil || !strings.Contains(err.Error(), "noise.drop: 1.5 is not between 0 and 1") {
		t.Errorf("a rate above 1: %v", err)
	}
	bad = DefaultConfig()
	bad.Compose.Entities = nil
	if err := bad.Check(); err == nil {
		t.Error("no weights: no error")
	}
	if err := Write(t.Context(), io.Discard, "none", 1, 1, DefaultConfig()); err == nil || !strings.Contains(err.Error(), `there is no set "none"`) {
		t.Errorf("no set: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteSets(t.Context(), file, 1, DefaultConfig(), false); err == nil {
		t.Error("a file for a folder: no error")
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	varied := DefaultConfig()
	varied.Sizes.Train, varied.Sizes.Variations = 0, 1
	for _, cfg := range []Config{DefaultConfig(), varied} {
		dir := t.TempDir()
		if err := WriteSets(ctx, dir, 1, cfg, false, Train); !errors.Is(err, context.Canceled) {
			t.Errorf("an interruption ends with %v", err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("an interruption leaves %v, %v", left, err)
		}
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

// TestRarePlaces has the places that the shipped sets do without: none is a place of another list or has a name of the stress set's.
func TestRarePlaces(t *testing.T) {
	lib, err := libraryOf(Train)
	if err != nil {
		t.Fatal(err)
	}
	lex, seen := lib.lex, map[string]bool{}
	for _, list := range [][]string{lex.cities, lex.areas, lex.landmarks, lex.regions} {
		for _, entry := range list {
			seen[entry] = true
		}
	}
	for label, lists := range map[string][][]string{"CITY": {lex.rare.cities}, "LOCATION": {lex.rare.areas, lex.rare.landmarks, lex.rare.regions}} {
		for _, list := range lists {
			for _, entry := range list {
				if seen[entry] {
					t.Errorf("%s %q is there twice", label, entry)
				}
				seen[entry] = true
				said := strings.TrimPrefix(entry, "the ")
				if made, err := parseMarks("[[" + label + "|" + said + "]]"); err != nil || lex.reserves(made) {
					t.Errorf("%s %q has a name that is the stress set's (%v)", label, entry, err)
				}
			}
		}
	}
	cfg := DefaultConfig()
	cfg.Values.RarePlaces, cfg.Values.InventedCities = 1, 0
	rare, usual := 0, 0
	for _, made := range generated(t, Train, 400, 1, cfg) {
		text := []rune(strings.ToLower(made.Text))
		for _, e := range made.Entities {
			if said := string(text[e.Start:e.End]); e.Label == "CITY" && slices.Contains(lex.rare.cities, said) {
				rare++
			} else if e.Label == "CITY" && slices.Contains(lex.cities, said) {
				usual++
			}
		}
	}
	if rare < 50 || usual > rare/10 { // those of frames, as in "paris france"
		t.Errorf("%d rare cities and %d usual ones", rare, usual)
	}
}

// TestNoiseKinds has one kind of noise at a time: the transcripts name it and no other, and those that name none have none.
func TestNoiseKinds(t *testing.T) {
	quiet := DefaultConfig()
	quiet.Noise, quiet.Style.CleanLines = Noise{}, 0
	quiet.Values.Corrected, quiet.Values.Interrupted, quiet.Values.FalseStart = 0, 0, 0
	for _, made := range generated(t, Train, 200, 1, quiet) {
		if kinds := made.Fields[data.NoiseKinds]; kinds == nil || len(kinds) > 0 {
			t.Errorf("%s, without noise, has %q", made.ID, kinds)
		}
	}
	only := map[string]Config{}
	noise := reflect.TypeOf(quiet.Noise)
	for i := range noise.NumField() {
		cfg := quiet
		reflect.ValueOf(&cfg.Noise).Elem().Field(i).SetFloat(0.5)
		only[noise.Field(i).Tag.Get("yaml")] = cfg
	}
	for name, set := range map[string]func(*Values){"corrected": func(v *Values) { v.Corrected = 0.5 },
		"interrupted": func(v *Values) { v.Interrupted = 0.5 }, "false_start": func(v *Values) { v.FalseStart = 0.5 },
		"half_said": func(v *Values) { v.HalfSaid = 0.5 }, "taken_back": func(v *Values) { v.TakenBack = 0.5 }} {
		cfg := quiet
		set(&cfg.Values)
		only[name] = cfg
	}
	for name, cfg := range only {
		having := 0
		for _, made := range generated(t, Train, 200, 1, cfg) {
			kinds := made.Fields[data.NoiseKinds]
			if len(kinds) > 0 {
				having++
			}
			if len(kinds) > 1 || len(kinds) == 1 && kinds[0] != name {
				t.Errorf("%s alone: %s has %q", name, made.ID, kinds)
			}
		}
		if having < 5 || having == 200 {
			t.Errorf("%s: %d of 200 have it", name, having)
		}
	}
}

// TestRestarts: what is broken off stands outside, what is taken back is an entity of its own.
func TestRestarts(t *testing.T) {
	for rate, want := range map[string]func(words []string, entities int) bool{
		"half_said":  func(words []string, entities int) bool { return entities == 1 && len(words) >= 2 },
		"taken_back": func(words []string, entities int) bool { return entities == 2 && len(words) >= 1 },
	} {
		cfg := DefaultConfig()
		if cfg.Values.HalfSaid, cfg.Values.TakenBack = 0, 1; rate == "half_said" {
			cfg.Values.HalfSaid, cfg.Values.TakenBack = 1, 0
		}
		m, err := newMaker(cfg, Train, 1)
		if err != nil {
			t.Fatal(err)
		}
		m.style.spoken = 1
		for range 200 {
			m.b, m.kinds = &builder{}, map[string]bool{}
			m.fill(slots["PHONE"])
			var outside []string
			for _, w := range m.b.words {
				if w.span == 0 {
					outside = append(outside, w.text)
				}
			}
			if !m.kinds[rate] || !want(outside, len(m.b.labels)) {
				t.Fatalf("%s: %v outside, %d entities", rate, outside, len(m.b.labels))
			}
		}
	}
}
