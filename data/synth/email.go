package synth

import (
	"strings"
)

// marks are the signs of a mail address, each with ways to say it.
var marks = map[byte][]string{'.': {"dot", "dot", "dot", "period", "point"}, '_': {"underscore"}, '-': {"dash", "hyphen", "minus"}}

// email says a mail address: the whole spoken form, "ramesh dot sharma at gmail dot com".
func (m *maker) email() []string {
	local, domain := m.localPart(), m.pick(m.lex.domains)
	if m.style.punctuated || (!m.style.mixed && m.style.spoken == 0 && m.chance(m.cfg.Values.SpelledLocal+m.cfg.Style.WrittenEmail)) {
		return []string{strings.Join(local, "") + "@" + domain}
	}
	words := m.sayLocal(local)
	if m.chance(m.cfg.Values.AtTheRate) {
		words = append(words, "at", "the", "rate")
	} else {
		words = append(words, "at")
	}
	return append(words, m.sayDomain(domain)...)
}

// localPart gives the pieces before the @: names, marks and numbers.
func (m *maker) localPart() []string {
	first, last := plain(m.firstName()), plain(m.lastName())
	sep := m.pick([]string{".", ".", ".", "_", "_", "-", ""})
	var parts []string
	switch x := m.rng.Float64(); {
	case x < 0.36:
		parts = []string{first, sep, last}
	case x < 0.5:
		parts = []string{first}
	case x < 0.6:
		parts = []string{first[:1], sep, last}
	case x < 0.68:
		parts = []string{last, sep, first}
	case x < 0.74:
		parts = []string{last}
	case x < 0.86:
		parts = []string{m.pick(m.lex.nicks), sep, first}
	case x < 0.94:
		parts = []string{m.pick(m.lex.nicks), sep, m.pick(m.lex.nicks)}
	default:
		parts = []string{m.pick(m.lex.nicks)}
	}
	if m.chance(0.4) || len(parts) == 1 && m.chance(0.4) {
		if m.chance(0.2) {
			parts = append(parts, "_")
		}
		parts = append(parts, m.random(1+m.rng.IntN(4)))
	}
	return parts
}

func (m *maker) sayLocal(parts []string) []string {
	spell := m.chance(m.cfg.Values.SpelledLocal)
	var words []string
	for _, part := range parts {
		switch {
		case part == "":
		case marks[part[0]] != nil:
			words = append(words, m.pick(marks[part[0]]))
		case part[0] <= '9':
			words = append(words, m.digits(part)...)
		case spell:
			words = append(words, m.doubled(strings.Split(part, ""))...)
		default:
			words = append(words, part)
		}
	}
	return words
}

func (m *maker) sayDomain(domain string) []string {
	var words []string
	for i, part := range strings.Split(domain, ".") {
		if i > 0 {
			words = append(words, "dot")
		}
		switch {
		case i == 0 && part == "gmail" && m.chance(0.08):
			words = append(words, "g", "mail")
		case i > 0 && len(part) == 2 && m.chance(0.25):
			words = append(words, part[:1], part[1:])
		default:
			words = append(words, part)
		}
	}
	return words
}

// plain leaves only the letters of a name.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, name)
}
