package synth

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"pii/data"
	"pii/labels"
)

// variation says a hand-written transcript anew: other people, places, numbers and days in the places of some, each in the
// manner of the one that stood there.
type variation struct {
	m    *maker
	said map[string]string // what stands for an entity or a word of one, so that what is said twice stays the same
}

// Rates of what changes in a variation of a hand-written transcript.
const (
	varyEntity = 0.75 // an entity is another one
	varyPause  = 0.3  // punctuation is not written
)

// vary gives a variation of a transcript, with noise, without an id.
func (m *maker) vary(t data.Transcript) data.Transcript {
	m.style, m.kinds = m.newStyle(), map[string]bool{}
	m.style.loudness = 0.5 + 1.5*m.rng.Float64() // without noise, those without entities would stay as they are
	v := variation{m: m, said: map[string]string{}}
	words, types := splitWords(t)
	b := &builder{labels: types}
	for i := 0; i < len(words); {
		end := i + 1
		for end < len(words) && words[end].span == words[i].span {
			end++
		}
		part := words[i:end]
		switch {
		case words[i].span == 0:
			v.numerals(part)
		case m.chance(varyEntity):
			part = v.entity(types[words[i].span-1], part)
		}
		b.words = append(b.words, part...)
		i = end
	}
	b.words = m.noise(b.words)
	if m.chance(varyPause) {
		b.words = withoutMarks(b.words)
	}
	text, spans := b.render()
	return data.Transcript{Text: text, Entities: spans, Labelled: true}
}

// variations yields as many of each hand-written transcript of train as the configuration says: no text twice, none of an original,
// and none that names what is the stress set's alone, as some of the originals do.
func variations(ctx context.Context, originals []data.Transcript, seed int64, cfg Config, yield func(data.Transcript, error) bool) {
	m, err := newMaker(cfg, Train, seed+1)
	if err != nil {
		yield(data.Transcript{}, err)
		return
	}
	seen := map[uint64]bool{}
	for _, t := range originals {
		seen[textKey(t.Text)] = true
	}
	for n := range cfg.Sizes.Variations {
		for _, t := range originals {
			if err := ctx.Err(); err != nil {
				yield(data.Transcript{}, err)
				return
			}
			varied := m.vary(t)
			varied.ID = fmt.Sprintf("%s-v%d", t.ID, n+1)
			key := textKey(varied.Text)
			if seen[key] || m.lex.reserves(varied) {
				continue
			}
			seen[key] = true
			if !yield(varied, nil) {
				return
			}
		}
	}
}

// splitWords cuts a transcript at its blanks, at the borders of its entities and before the marks that end a word outside them.
func splitWords(t data.Transcript) (words []word, types []string) {
	text := []rune(t.Text)
	at := 0
	add := func(to, span int) {
		for at < to {
			if unicode.IsSpace(text[at]) {
				at++
				continue
			}
			start := at
			for at < to && !unicode.IsSpace(text[at]) {
				at++
			}
			piece := string(text[start:at])
			body := piece
			if span == 0 {
				body = strings.TrimRight(piece, ",.?!:")
			}
			glued := start > 0 && !unicode.IsSpace(text[start-1])
			for _, w := range []string{body, piece[len(body):]} {
				if w != "" {
					words = append(words, word{text: w, span: span, glued: glued, solid: !letters(w) || span > 0 && !named[types[span-1]]})
					glued = true
				}
			}
		}
	}
	spans := slices.SortedFunc(slices.Values(t.Entities), func(a, b labels.Span) int { return a.Start - b.Start })
	for i, e := range spans {
		add(e.Start, 0)
		types = append(types, e.Label)
		add(e.End, i+1)
	}
	add(len(text), 0)
	return words, types
}

// named are the types whose words are names.
var named = map[string]bool{"PERSON_NAME": true, "CITY": true, "LOCATION": true}

// withoutMarks drops punctuation outside entities.
func withoutMarks(words []word) []word {
	var kept []word
	for i, w := range words {
		if w.span == 0 && isMark(w.text) && (i+1 == len(words) || !words[i+1].glued) {
			continue
		}
		kept = append(kept, w)
	}
	return kept
}

// numerals puts other digits in the place of those outside entities; years stay.
func (v *variation) numerals(words []word) {
	if !v.m.chance(varyEntity) {
		return
	}
	for i, w := range words {
		if digits := plainDigits(w.text); len(digits) == 4 && (digits[:2] == "19" || digits[:2] == "20") || digits == "" {
			continue
		}
		words[i].text = v.otherDigits(w.text)
	}
}

func plainDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// otherDigits draws every digit of a numeral anew; one that does not begin with zero still does not.
func (v *variation) otherDigits(text string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return r
		}
		low := rune(0)
		if first && r != '0' {
			low = 1
		}
		if first && r == '0' {
			first = false
			return r
		}
		first = false
		return '0' + low + rune(v.m.rng.IntN(10-int(low)))
	}, text)
}

// entity says another entity of the type in the manner of this one.
func (v *variation) entity(label string, words []word) []word {
	switch label {
	case "PERSON_NAME":
		return v.each(words, v.nameWord)
	case "CITY":
		return v.whole(words, v.m.city)
	case "LOCATION":
		return v.location(words)
	case "DATE":
		return v.each(words, v.dateWord)
	case "EMAIL":
		return v.each(words, v.mailWord)
	}
	return v.each(words, v.digitWord)
}

// each replaces the words of an entity one by one; with "" a word stays.
func (v *variation) each(words []word, other func(words []word, i int) string) []word {
	changed := append([]word(nil), words...)
	for i := range words {
		if text := other(words, i); text != "" {
			changed[i].text = likeCase(words[i].text, text)
		}
	}
	return changed
}

// whole replaces an entity by what say gives, the same for the same entity.
func (v *variation) whole(words []word, say func() []string) []word {
	other := v.once(phrase(words), func() string { return strings.Join(say(), " ") })
	var changed []word
	for i, text := range strings.Fields(strings.TrimPrefix(other, "the ")) {
		changed = append(changed, word{text: likeCase(words[0].text, text), span: words[0].span, glued: i == 0 && words[0].glued})
	}
	return changed
}

// phrase joins words in lower case.
func phrase(words []word) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, strings.ToLower(w.text))
	}
	return strings.Join(texts, " ")
}

func (v *variation) once(key string, make func() string) string {
	if v.said[key] == "" {
		v.said[key] = make()
	}
	return v.said[key]
}

// unnamed are words inside names that are not names.
var unnamed = map[string]bool{"um": true, "uh": true, "er": true, "hmm": true, "junior": true, "senior": true, "jr": true, "sr": true, "double": true,
	"de": true, "la": true, "del": true, "della": true, "di": true, "da": true, "dos": true, "van": true, "von": true, "der": true, "den": true,
	"al": true, "el": true, "bin": true, "ibn": true, "bint": true, "ben": true, "mc": true, "mac": true, "st": true, "the": true, "third": true, "second": true,
	"no": true, "sorry": true, "for": true, "as": true, "in": true, "like": true, "and": true, "of": true, "with": true}

// nameWord gives another name for a word of one: a family name for the last of several, else a given name. What is spelled stays.
func (v *variation) nameWord(words []word, i int) string {
	lower := strings.ToLower(words[i].text)
	for _, w := range words {
		if len(w.text) == 1 && len(words) > 3 {
			return ""
		}
	}
	if len(lower) < 3 || unnamed[lower] || strings.ContainsAny(lower, "-.'") {
		return ""
	}
	return v.once("name "+lower, func() string {
		c := v.m.culture()
		if last := i == len(words)-1; last && (i > 0 || v.m.chance(0.2)) {
			return strings.Join(v.m.familyName(c), " ")
		}
		return strings.Join(v.m.givenName(c), " ")
	})
}

// location says another place where it is known what kind of place it is.
func (v *variation) location(words []word) []word {
	lex := v.m.lex
	switch old := phrase(words); {
	case contains(lex.regions, old), contains(lex.rare.regions, old):
		return v.whole(words, v.m.region)
	case contains(lex.areas, old), contains(lex.rare.areas, old):
		return v.whole(words, v.m.area)
	case contains(lex.landmarks, old), contains(lex.rare.landmarks, old):
		return v.whole(words, v.m.landmark)
	case len(words) > 1 && contains(lex.kinds, phrase(words[len(words)-1:])):
		return v.whole(words, v.m.street)
	}
	return words
}

// contains reports whether a list has an entry, with or without an article.
func contains(list []string, entry string) bool {
	for _, e := range list {
		if e == entry || e == "the "+entry {
			return true
		}
	}
	return false
}

// dateWord gives another month, day or word of a number; years in numerals and dates in numbers stay.
func (v *variation) dateWord(words []word, i int) string {
	lower := strings.ToLower(words[i].text)
	for _, month := range months {
		if lower == month {
			return v.once("month "+month, func() string { return v.m.pick(months) })
		}
		if lower == month[:3] {
			return v.once("month "+month, func() string { return v.m.pick(months)[:3] })
		}
	}
	return v.numberWord(lower)
}

// mailNot are the words of more than three letters of a spoken mail address that are no names in it.
var mailNot = map[string]bool{"rate": true, "underscore": true, "under": true, "score": true, "dash": true, "hyphen": true, "plus": true,
	"mail": true, "gmail": true, "yahoo": true, "hotmail": true, "outlook": true, "sign": true, "period": true, "point": true, "double": true,
	"triple": true, "minus": true, "number": true, "zero": true, "info": true}

// mailWord gives another name for a word before the @ of a mail address; providers and signs stay.
func (v *variation) mailWord(words []word, i int) string {
	lower := strings.ToLower(words[i].text)
	if len(lower) > 3 && letters(lower) && !mailNot[lower] && v.beforeAt(words, i) && numberOf[lower] == nil {
		return v.once("name "+lower, func() string { return plain(strings.Join(v.m.firstName(), "")) })
	}
	if plainDigits(lower) == lower {
		return v.digitWord(words, i)
	}
	return ""
}

// beforeAt reports whether "at" or "@" comes after a word of a mail address.
func (v *variation) beforeAt(words []word, i int) bool {
	for _, w := range words[i+1:] {
		if lower := strings.ToLower(w.text); lower == "at" || strings.Contains(lower, "@") {
			return true
		}
	}
	return false
}

// digitWord gives another digit, or number of the same kind, for a word of a number.
func (v *variation) digitWord(words []word, i int) string {
	lower := strings.ToLower(words[i].text)
	if plainDigits(lower) != "" {
		return v.once("number "+lower, func() string { return v.otherDigits(lower) })
	}
	return v.numberWord(lower)
}

// numberOf gives for a number word those of its kind.
var numberOf = kinds(units[1:10], units[10:20], tens[2:], strings.Fields("first second third fourth fifth sixth seventh eighth ninth"),
	strings.Fields("tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"),
	strings.Fields("ek do teen char paanch chhe saat aath nau"))

func kinds(lists ...[]string) map[string][]string {
	all := map[string][]string{}
	for _, list := range lists {
		for _, w := range list {
			all[w] = list
		}
	}
	return all
}

func (v *variation) numberWord(lower string) string {
	if list := numberOf[lower]; list != nil {
		return v.once("word "+lower, func() string { return v.m.pick(list) })
	}
	if day, err := strconv.Atoi(lower); err == nil && day > 0 && day < 32 {
		return v.once("day "+lower, func() string { return strconv.Itoa(1 + v.m.rng.IntN(31)) })
	}
	return ""
}

// likeCase writes a word with capitals where the one before it had them.
func likeCase(old, text string) string {
	switch runes := []rune(old); {
	case len(runes) > 2 && strings.ToUpper(old) == old && strings.ToLower(old) != old:
		return strings.ToUpper(text)
	case len(runes) > 0 && unicode.IsUpper(runes[0]):
		words := strings.Fields(text)
		for i := range words {
			words[i] = capital(words[i])
		}
		return strings.Join(words, " ")
	}
	return text
}
