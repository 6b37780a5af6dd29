package synth

import (
	"slices"
	"strings"
	"testing"
)

func TestInflection(t *testing.T) {
	for base, want := range map[string][3]string{
		"repair": {"repaired", "repairing", "repairs"}, "stop": {"stopped", "stopping", "stops"}, "carry": {"carried", "carrying", "carries"},
		"move": {"moved", "moving", "moves"}, "open": {"opened", "opening", "opens"}, "unplug": {"unplugged", "unplugging", "unplugs"},
		"wash": {"washed", "washing", "washes"}, "play": {"played", "playing", "plays"}, "tie": {"tied", "tying", "ties"},
		"agree": {"agreed", "agreeing", "agrees"}, "fix": {"fixed", "fixing", "fixes"}, "leak": {"leaked", "leaking", "leaks"},
	} {
		if got := [3]string{inflect(base, "ed"), inflect(base, "ing"), addS(base)}; got != want {
			t.Errorf("%s: %v, want %v", base, got, want)
		}
	}
	v := verbs("throw away/threw away, go off")[0]
	if v.past != "threw" || v.ing != "throwing" || v.after != "away" {
		t.Errorf("%+v", v)
	}
}

func TestOrdinaryThings(t *testing.T) {
	o, err := loadOrdinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(o.classes) < 8 || len(o.kinds) < 500 {
		t.Errorf("%d classes of %d things", len(o.classes), len(o.kinds))
	}
	for _, c := range o.classes {
		if len(c.things) == 0 || len(c.verbs) == 0 || len(c.is) == 0 || len(c.actions) == 0 {
			t.Errorf("the class of %v lacks something", c.things[:min(1, len(c.things))])
		}
	}
	for _, list := range []string{"adjectives", "people", "when past", "when coming", "where", "how"} {
		if len(o.lists[list]) == 0 || slices.Contains(o.lists[list], "") {
			t.Errorf("list %q is empty or has an empty entry", list)
		}
	}
}

// Ordinary clauses use thousands of words, so that a rare word alone is no sign of a name.
func TestTrainingSetHasManyOrdinaryWords(t *testing.T) {
	words := map[string]bool{}
	for _, made := range shipped(t, Train) {
		text, at := []rune(strings.ToLower(made.Text)), 0
		for _, e := range made.Entities {
			for _, w := range strings.Fields(string(text[at:e.Start])) {
				words[w] = true
			}
			at = e.End
		}
	}
	if len(words) < 3000 {
		t.Errorf("only %d", len(words))
	}
}

// What is invented for the other sets is no name, city or mail domain of the stress set.
func TestInventedIsNotReserved(t *testing.T) {
	m, err := newMaker(DefaultConfig(), Train, 3)
	if err != nil {
		t.Fatal(err)
	}
	m.style.inventDomain = 1
	for range 20_000 {
		if name := m.invent(m.lex.cultures[0].familySounds, familial); m.lex.reserved[name] || len(name) < 4 {
			t.Fatalf("invented %q", name)
		}
		domain := m.domain()
		if head, rest, found := strings.Cut(domain, "."); !found || head == "" || rest == "" || m.lex.reserved[head] {
			t.Fatalf("invented %q", domain)
		}
	}
	for _, reserved := range []string{"thaddeus", "blackwood", "runbox", "ipswich"} {
		if !m.lex.reserved[reserved] {
			t.Errorf("%q is not reserved", reserved)
		}
	}
}

func TestSectionsThatFramesReferTo(t *testing.T) {
	for _, g := range []*grammar{
		{sections: map[string][]frame{"and": {{}}, "chat": {{{rule: "none"}}}}},
		{sections: map[string][]frame{"and": {{}}, "x": {{{rule: "y"}}}, "y": {{{choice: []frame{{{rule: "x"}}}}}}}},
		{sections: map[string][]frame{}},
	} {
		if g.check() == nil {
			t.Errorf("%v: no error", g.sections)
		}
	}
}
