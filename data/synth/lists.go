package synth

import (
	"embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed lists/*.txt frames/*/*.txt
var files embed.FS

// library is what a set is made from. It is read once and never changed.
type library struct {
	lex     *lexicon
	ord     *ordinary
	grammar *grammar
}

var libraries = map[string]func() (library, error){
	"common":        sync.OnceValues(func() (library, error) { return loadLibrary("", "stress_", "common") }),
	string(Stress):  sync.OnceValues(func() (library, error) { return loadLibrary("stress_", "", string(Stress)) }),
	string(Numbers): sync.OnceValues(func() (library, error) { return loadLibrary("stress_", "", string(Numbers)) }),
}

func libraryOf(set Set) (library, error) {
	if set.own() {
		return libraries[string(set)]()
	}
	return libraries["common"]()
}

func loadLibrary(prefix, reserve, frames string) (lib library, err error) {
	if lib.lex, err = loadLexicon(prefix, reserve); err != nil {
		return lib, err
	}
	if lib.ord, err = loadOrdinary(); err != nil {
		return lib, err
	}
	lib.grammar, err = loadGrammar(frames)
	return lib, err
}

// lexicon is what entities and look-alikes are made of. The stress set has one of its own, disjoint from the other.
type lexicon struct {
	cultures                                        []culture
	cities, areas, heads, kinds, landmarks, regions []string
	rare                                            rarePlaces
	domains, nicks, products, brands                []string
	nouns, adjectives, verbs, actions, adverbs      []string // ordinary words, the same for every set
	words                                           []string // all of these
	variants                                        map[string][]string
	citySounds, nounSounds, brandSounds             *sounds         // of the lists, for inventing others
	reserved                                        map[string]bool // words that must not be invented
	apart                                           map[string]bool // words that no entity of another set may have
	apartWhole                                      map[string]bool // entities that no other set may have, their letters alone
	apartProviders                                  []string        // of the mail domains of the stress set, their letters alone
}

// rarePlaces are those that only values.rare_places asks for: the sets that ship were made without them. The sets with places of their
// own have none.
type rarePlaces struct{ cities, areas, landmarks, regions []string }

func (r *rarePlaces) read() error {
	for name, list := range map[string]*[]string{"cities": &r.cities, "areas": &r.areas, "landmarks": &r.landmarks, "regions": &r.regions} {
		entries, err := readList("rare_" + name)
		if err != nil {
			return err
		}
		*list = entries
	}
	return nil
}

// loadLexicon reads the lists whose names begin with prefix. Every word of the lists of the prefix reserve, if there is
// one, is kept from being invented.
func loadLexicon(prefix, reserve string) (*lexicon, error) {
	lex := &lexicon{reserved: map[string]bool{}, apart: map[string]bool{}, apartWhole: map[string]bool{}}
	for name, list := range lex.ordinary() {
		entries, err := readList(name)
		if err != nil {
			return nil, err
		}
		*list = entries
	}
	for _, list := range [][]string{lex.nouns, lex.adjectives, lex.verbs, lex.actions, lex.adverbs} {
		lex.words = append(lex.words, list...)
	}
	for name, list := range lex.named() {
		entries, err := readList(prefix + name)
		if err != nil {
			return nil, err
		}
		*list = entries
		if reserve == "" {
			continue
		}
		kept, err := readList(reserve + name)
		if err != nil {
			return nil, err
		}
		lex.reserve(kept)
		lex.keepApart(name, kept)
	}
	var err error
	if lex.cultures, err = readPeople(prefix + "people"); err != nil {
		return nil, err
	}
	if reserve != "" {
		if err := lex.rare.read(); err != nil {
			return nil, err
		}
		kept, err := readPeople(reserve + "people")
		if err != nil {
			return nil, err
		}
		for _, c := range kept {
			lex.reserve(c.given)
			lex.reserve(c.family)
			lex.keepApart("people", c.given)
			lex.keepApart("people", c.family)
		}
	}
	if lex.variants, err = readVariants(); err != nil {
		return nil, err
	}
	lex.citySounds, lex.nounSounds, lex.brandSounds = soundsOf(lex.cities), soundsOf(lex.nouns), soundsOf(lex.brands)
	return lex, nil
}

// reserve keeps the words of some entries from being invented.
func (l *lexicon) reserve(entries []string) {
	for _, entry := range entries {
		for _, word := range strings.FieldsFunc(entry, func(r rune) bool { return r == ' ' || r == '.' }) {
			l.reserved[word] = true
		}
	}
}

// keepApart keeps the entries of a list out of what other sets are made of: of names, towns and mail providers every word, of longer
// places, whose words are those of everybody, the whole.
func (l *lexicon) keepApart(list string, entries []string) {
	for _, entry := range entries {
		switch list {
		case "people", "cities", "location_heads":
			for _, word := range strings.Fields(entry) {
				l.apart[word] = true
			}
			l.apartWhole[plain(entry)] = true
		case "email_domains":
			provider, _, _ := strings.Cut(entry, ".")
			l.apart[provider] = true
			l.apartProviders = append(l.apartProviders, plain(provider))
		case "areas", "landmarks", "regions":
			l.apartWhole[plain(strings.TrimPrefix(entry, "the "))] = true
		}
	}
}

func (l *lexicon) named() map[string]*[]string {
	return map[string]*[]string{
		"cities": &l.cities, "areas": &l.areas, "location_heads": &l.heads,
		"location_kinds": &l.kinds, "landmarks": &l.landmarks, "regions": &l.regions, "email_domains": &l.domains,
		"nicks": &l.nicks, "products": &l.products, "brands": &l.brands,
	}
}

func (l *lexicon) ordinary() map[string]*[]string {
	return map[string]*[]string{"nouns": &l.nouns, "adjectives": &l.adjectives, "verbs": &l.verbs,
		"actions": &l.actions, "adverbs": &l.adverbs}
}

func readList(name string) ([]string, error) {
	raw, err := files.ReadFile("lists/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", name, err)
	}
	var entries []string
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			entries = append(entries, line)
		}
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("list %s is empty", name)
	}
	return entries, nil
}

// readVariants reads how recognisers write some words otherwise: "okay: ok, o k".
func readVariants() (map[string][]string, error) {
	lines, err := readList("variants")
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, line := range lines {
		word, others, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("list variants: %q has no colon", line)
		}
		all[word] = entries(others)
	}
	return all, nil
}
