package synth

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed lists/*.txt frames/*.txt
var files embed.FS

// lexicon is what entities and look-alikes are made of. The stress set has one of its own, disjoint from the other.
type lexicon struct {
	first, last, cities, heads, kinds, landmarks, regions []string
	domains, nicks, products, brands                      []string
	nouns, adjectives, verbs, actions, adverbs            []string        // ordinary words, the same for every set
	firstSounds, lastSounds, citySounds                   *sounds         // of the names, for inventing others
	words                                                 []string        // all of these
	reserved                                              map[string]bool // words that must not be invented
}

// loadLexicon reads the lists whose names begin with prefix. Every word of the lists of the prefix reserve, if there is
// one, is kept from being invented.
func loadLexicon(prefix, reserve string) (*lexicon, error) {
	lex := &lexicon{reserved: map[string]bool{}}
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
		for _, entry := range kept {
			for _, word := range strings.FieldsFunc(entry, func(r rune) bool { return r == ' ' || r == '.' }) {
				lex.reserved[word] = true
			}
		}
	}
	lex.firstSounds, lex.lastSounds, lex.citySounds = soundsOf(lex.first), soundsOf(lex.last), soundsOf(lex.cities)
	return lex, nil
}

func (l *lexicon) named() map[string]*[]string {
	return map[string]*[]string{
		"first_names": &l.first, "last_names": &l.last, "cities": &l.cities, "location_heads": &l.heads,
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
