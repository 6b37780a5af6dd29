package synth

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	fillers       = []string{"um", "um", "uh", "uh", "er", "er", "uhm", "hmm", "hmm", "you know", "like", "i mean", "let's see"}
	entityFillers = []string{"um", "uh", "er", "uhm", "hmm"}
	small         = map[string]bool{"a": true, "the": true, "is": true, "to": true, "of": true, "my": true, "it": true, "an": true,
		"and": true, "in": true, "so": true, "for": true}
	confusions = []struct{ from, to string }{{"ph", "f"}, {"ck", "k"}, {"ee", "ea"}, {"ea", "ee"}, {"c", "k"}, {"y", "i"}, {"i", "e"},
		{"th", "t"}, {"s", "z"}, {"ou", "u"}, {"ll", "l"}, {"tt", "t"}, {"v", "w"}, {"sh", "s"}, {"ai", "ay"}, {"an", "en"}, {"er", "a"}}
)

// signs are what recognisers and messengers put between words. Those that begin with a blank stand alone.
var signs = []string{" [noise]", " [inaudible]", " (laughs)", " <unk>", " [laughter]", " -", " --", " ...", "...", "!", "!!", ";", "—", " ♪", "。", "、",
	" 😊", "😊", "🙂", " 👍", "👍", "🙏", " 🙏", "❤️", "😂", " 好", "是", "™", " *", "/", " &", "…", " >>", "\""}

// noise passes over the words as a bad line and a hasty speaker would: fillers come in, words are repeated, begun twice,
// not heard or misheard. A filler between two words of an entity belongs to it; at the entity's edge it stands outside.
func (m *maker) noise(words []word) []word {
	rate := m.cfg.Noise
	noisy := make([]word, 0, len(words)+8)
	for i, w := range words {
		within := i > 0 && w.span > 0 && words[i-1].span == w.span
		next := i+1 < len(words) && words[i+1].glued
		switch {
		case w.glued:
		case within && m.loud(rate.EntityFiller):
			m.note("entity_filler")
			noisy = appendWords(noisy, m.pick(entityFillers), w.span)
		case !within && m.loud(rate.Filler):
			m.note("filler")
			noisy = appendWords(noisy, m.pick(fillers), 0)
		case i > 2 && !within && !adjacent(words, i-1) && !adjacent(words, i-2) && m.loud(rate.Restart):
			noisy = m.restart(noisy, words[i-2:i])
		}
		if w.span == 0 && !w.kept && small[w.text] && !next && !adjacent(words, i) && m.loud(rate.Drop) {
			m.note("drop")
			continue
		}
		if !w.solid && !w.glued && !next && letters(w.text) {
			noisy = append(noisy, m.blur(words, i)...)
		} else {
			noisy = append(noisy, w)
		}
		last := i+1 == len(words) || words[i+1].span != w.span
		if !next && last && (m.loud(rate.Sign) || w.span > 0 && m.loud(5*rate.Sign)) {
			m.note("sign")
			sign := m.pick(signs)
			noisy = append(noisy, word{text: strings.TrimSpace(sign), solid: true, glued: sign[0] != ' '})
		}
	}
	return noisy
}

// restart says words again, as one who begins a sentence anew.
func (m *maker) restart(noisy, again []word) []word {
	for _, w := range again {
		if w.span > 0 || w.glued || isMark(w.text) {
			return noisy
		}
	}
	m.note("restart")
	return append(noisy, again...)
}

// blur gives the word at an index as it is heard: begun twice, repeated, as another, with a letter wrong, in two pieces or
// joined to the one before it.
func (m *maker) blur(words []word, i int) []word {
	rate, w := m.cfg.Noise, words[i]
	var heard []word
	if w.span == 0 && len(w.text) > 3 && m.loud(rate.Stutter) {
		m.note("stutter")
		heard = append(heard, word{text: w.text[:2]})
	}
	if m.loud(rate.Repeat) {
		m.note("repeat")
		heard = append(heard, w)
	}
	// A word beside an entity is its cue; without it nobody could say what the entity is.
	cue := w.kept || besideValue(words, i)
	others := m.lex.variants[w.text]
	switch {
	case w.span == 0 && !cue && m.loud(rate.Substitute):
		m.note("substitute")
		w.text = m.pick(m.lex.words)
	case w.span == 0 && others != nil && m.loud(rate.Variant):
		m.note("variant")
		for _, text := range fields(m.pick(others)) {
			heard = append(heard, word{text: text})
		}
		return heard
	case w.span > 0 && len(w.text) > 6 && m.loud(rate.SplitJoin):
		at := 3 + m.rng.IntN(len(w.text)-5)
		if head := w.text[:at]; !m.lex.reserved[head] && !m.lex.reserved[w.text[at:]] {
			m.note("split_join")
			heard = append(heard, word{text: head, span: w.span, proper: w.proper})
			w.text = w.text[at:]
		}
	case w.span > 0 && i > 0 && words[i-1].span == w.span && len(heard) == 0 && !m.lex.reserved[words[i-1].text+w.text] && m.loud(rate.SplitJoin):
		m.note("split_join")
		w.glued, w.proper = true, false
	case w.span > 0 || !cue:
		w.text = m.misheard(w)
	}
	return append(heard, w)
}

// adjacent reports whether the word before or after an index is of an entity or a number.
func adjacent(words []word, at int) bool {
	value := func(i int) bool { return i >= 0 && i < len(words) && (words[i].span > 0 || words[i].solid) }
	return value(at-1) || value(at+1)
}

// besideValue reports whether one of the two words before or after an index is of an entity or a number.
func besideValue(words []word, at int) bool {
	value := func(i int) bool { return i >= 0 && i < len(words) && (words[i].span > 0 || words[i].solid) }
	return value(at-2) || value(at-1) || value(at+1) || value(at+2)
}

// note keeps that the transcript in the making has a kind of noise, by the name of its rate.
func (m *maker) note(kind string) { m.kinds[kind] = true }

// loud draws with a rate, multiplied by how noisy this transcript is.
func (m *maker) loud(rate float64) bool { return m.chance(rate * m.style.loudness) }

func appendWords(words []word, phrase string, span int) []word {
	for _, text := range strings.Fields(phrase) {
		words = append(words, word{text: text, span: span, solid: true})
	}
	return words
}

// misheard gives the word with a letter wrong, at the rate of names inside entities; never a word that another set has to
// itself.
func (m *maker) misheard(w word) string {
	rate, kind := m.cfg.Noise.Misspell, "misspell"
	if w.span > 0 {
		rate, kind = m.cfg.Noise.NameMisspell, "name_misspell"
	}
	if len(w.text) < 4 || !m.loud(rate) {
		return w.text
	}
	if text := m.misspelt(w.text); !m.lex.reserved[text] && text != w.text {
		m.note(kind)
		return text
	}
	return w.text
}

func (m *maker) misspelt(text string) string {
	at := 1 + m.rng.IntN(len(text)-2)
	switch m.rng.IntN(4) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + text[at:at+1] + text[at:]
	case 2:
		return text[:at] + text[at+1:at+2] + text[at:at+1] + text[at+2:]
	}
	c := confusions[m.rng.IntN(len(confusions))]
	return text[:1] + strings.Replace(text[1:], c.from, c.to, 1)
}

// letters reports whether a word is of ASCII letters only, so that it may be cut anywhere.
func letters(text string) bool {
	for _, r := range text {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return text != ""
}

// write applies the transcript's casing, punctuation and apostrophes.
func (m *maker) write(words []word) []word {
	var written []word
	start := true
	for _, w := range words {
		if isMark(w.text) {
			if m.style.punctuated && len(written) > 0 && !isMark(written[len(written)-1].text) {
				written = append(written, w)
			}
			start = w.text != ","
			continue
		}
		if last := len(written) - 1; m.style.noApostrophes && w.text == "'s" && last >= 0 && written[last].span > 0 {
			written[last].text += "s" // "amits birthday": the word cannot be cut
			continue
		}
		if m.style.split != "" && !w.solid && w.span == 0 {
			w.text, w.glued = strings.TrimSpace(strings.Replace(w.text, "'", m.style.split, 1)), w.glued && w.text[0] != '\''
		}
		if m.style.noApostrophes && !w.solid {
			w.text = strings.ReplaceAll(w.text, "'", "")
		}
		if m.style.upper {
			w.text = strings.ToUpper(w.text)
		} else if m.style.cased && (start || w.proper && !small[w.text] || w.text == "i" || strings.HasPrefix(w.text, "i'")) {
			w.text = capital(w.text)
		}
		start = false
		written = append(written, w)
	}
	return written
}

// capital gives the word with its first letter in upper case; mail addresses and month ordinals stay as they are.
func capital(text string) string {
	if strings.Contains(text, "@") {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
