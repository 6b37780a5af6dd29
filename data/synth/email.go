package synth

import (
	"strings"
)

// marks are the signs of a mail address, each with ways to say it.
var marks = map[byte][]string{'.': {"dot", "dot", "dot", "dot", "period", "point", "full stop"}, '_': {"underscore", "underscore", "under score"},
	'-': {"dash", "hyphen", "minus"}, '+': {"plus"}}

// ats are ways to say @ beside "at".
var ats = []string{"at the rate", "at the rate", "at the rate", "at the rate of", "at rate", "at sign", "at d rate", "@"}

// email says a mail address: the whole spoken form, "ramesh dot sharma at gmail dot com".
func (m *maker) email() []string {
	local, domain := m.localPart(), m.domain()
	m.lastEmail = func() []string { return m.sayEmail(local, domain) }
	return m.lastEmail()
}

// emailAgain says the mail address said last once more.
func (m *maker) emailAgain() []string {
	if m.lastEmail == nil {
		return m.email()
	}
	return m.lastEmail()
}

func (m *maker) sayEmail(local []string, domain string) []string {
	whole := strings.Join(local, "")
	switch {
	case m.style.punctuated && m.chance(0.75), m.style.spoken == 0 && m.chance(m.cfg.Style.WrittenEmail):
		return []string{whole + "@" + domain}
	case m.chance(m.cfg.Style.HalfEmail):
		// Half written: "ramesh.sharma at gmail.com", "ramesh dot sharma at gmail.com", "ramesh dot sharma@gmail.com".
		switch m.rng.IntN(4) {
		case 0:
			return []string{whole, "at", domain}
		case 1:
			words := m.sayLocal(local)
			last := len(words) - 1
			return append(words[:last:last], words[last]+"@"+domain)
		case 2:
			return append([]string{whole, "at"}, m.sayDomain(domain)...)
		}
		return append(m.sayLocal(local), "at", domain)
	}
	words := m.sayLocal(local)
	if m.chance(m.cfg.Values.Interrupted) {
		m.note("interrupted")
		words = append(words, m.pick(entityFillers))
	}
	if m.chance(m.cfg.Values.AtTheRate) {
		words = append(words, fields(m.pick(ats))...)
	} else {
		words = append(words, "at")
	}
	return append(words, m.sayDomain(domain)...)
}

// localPart gives the pieces before the @: names, marks and numbers.
func (m *maker) localPart() []string {
	if m.last.given == nil || !m.chance(0.6) {
		kept := m.last
		m.newPerson()
		defer func() { m.last = kept }()
	}
	c := m.culture()
	first, last := plain(strings.Join(m.last.given, "")), plain(strings.Join(m.last.family, ""))
	if last == "" {
		last = plain(strings.Join(m.familyName(c), ""))
	}
	sep := m.pick([]string{".", ".", ".", "_", "_", "-", "", ""})
	var parts []string
	switch x := m.rng.Float64(); {
	case x < 0.36:
		parts = []string{first, sep, last}
	case x < 0.5:
		parts = []string{first}
	case x < 0.56:
		parts = []string{first[:1], sep, last}
	case x < 0.6:
		parts = []string{first, sep, last[:1]}
	case x < 0.68:
		parts = []string{last, sep, first}
	case x < 0.74:
		parts = []string{last}
	case x < 0.86:
		parts = []string{m.nick(), sep, first}
	case x < 0.94:
		parts = []string{m.nick(), sep, m.nick()}
	default:
		parts = []string{m.nick()}
	}
	if m.chance(0.4) || len(parts) == 1 && m.chance(0.4) {
		if m.chance(0.2) {
			parts = append(parts, "_")
		}
		parts = append(parts, m.random(1+m.rng.IntN(4)))
	}
	if m.chance(0.02) {
		parts = append(parts, "+", m.nick())
	}
	return parts
}

// sayLocal says the pieces before the @, letter by letter now and then, or a word and then its letters.
func (m *maker) sayLocal(parts []string) []string {
	spell := m.chance(m.cfg.Values.SpelledLocal)
	var words []string
	for _, part := range parts {
		switch {
		case part == "":
		case marks[part[0]] != nil:
			words = append(words, fields(m.pick(marks[part[0]]))...)
		case part[0] <= '9' && m.spoken() && len(part) > 1 && m.chance(0.3):
			for _, pair := range chunks(part, 2) {
				words = append(words, m.pair(pair, m.zero())...)
			}
		case part[0] <= '9':
			words = append(words, m.digits(part)...)
		case spell:
			words = append(words, m.spellOut(part, 0.1)...)
		case m.chance(m.cfg.Values.SpelledLocal / 8):
			words = append(append(words, part), m.spellOut(part, 0)...)
		default:
			words = append(words, part)
		}
	}
	return words
}

func (m *maker) sayDomain(domain string) []string {
	var words []string
	dot := "dot"
	if m.chance(0.12) {
		dot = m.pick([]string{"point", "period"})
	}
	for i, part := range strings.Split(domain, ".") {
		if i > 0 {
			words = append(words, dot)
		}
		if i == 0 && strings.Contains(part, "-") {
			words = append(words, strings.Fields(strings.ReplaceAll(part, "-", " "+m.pick(marks['-'])+" "))...)
			continue
		}
		switch {
		case i == 0 && len(part) <= 6 && m.chance(m.cfg.Values.SpelledLocal/2):
			words = append(words, strings.Split(part, "")...)
		case i == 0 && misheardDomains[part] != nil && m.chance(0.12):
			words = append(words, fields(m.pick(misheardDomains[part]))...)
		case i > 0 && len(part) == 2 && m.chance(0.25):
			words = append(words, part[:1], part[1:])
		default:
			words = append(words, part)
		}
	}
	return words
}

// misheardDomains are providers as recognisers split or mishear them.
var misheardDomains = map[string][]string{"gmail": {"g mail", "g mail", "gee mail", "jmail", "g-mail", "gmale"}, "yahoo": {"yahu", "ya hoo"}, "hotmail": {"hot mail"},
	"outlook": {"out look"}, "icloud": {"i cloud"}, "rediffmail": {"rediff mail", "redif mail"}, "protonmail": {"proton mail"}, "aol": {"a o l"},
	"ymail": {"y mail"}, "googlemail": {"google mail"}}

// endings of invented mail domains.
var (
	topDomains = strings.Fields("com com com com com com net net org org co.uk co.uk com.au co.in in de fr es it nl be ch se pl eu us ca io co info biz " +
		"me tv edu gov uk ie co.nz co.za com.br com.mx shop online app dev tech store site xyz academy agency care coop travel")
	trades = strings.Fields("mail net web tech soft group shop works labs media design foods travel bank health care energy motors homes " +
		"legal hotel school college clinic systems solutions services online digital studio trade express consulting partners")
)

// domain gives a mail domain of a list, or one that nobody has heard of.
func (m *maker) domain() string {
	if !m.chance(m.style.inventDomain) {
		return m.pick(m.lex.domains)
	}
	for {
		name := m.domainName()
		if !m.lex.reserved[name] {
			return name + "." + m.pick(topDomains)
		}
	}
}

func (m *maker) domainName() string {
	noun := func() string { return plain(m.pick(m.lex.nouns)) }
	switch x := m.rng.Float64(); {
	case x < 0.2:
		return noun() + noun()
	case x < 0.3:
		return plain(m.pick(m.lex.adjectives)) + noun()
	case x < 0.42:
		return noun() + m.pick(trades)
	case x < 0.5:
		return noun()
	case x < 0.62:
		return m.familyWord() + m.pick(trades)
	case x < 0.68:
		return m.familyWord()
	case x < 0.86:
		return m.coin()
	case x < 0.92:
		return m.coin() + m.pick(trades)
	case x < 0.95:
		return noun() + "-" + noun()
	}
	return strings.Join(m.initials(2+m.rng.IntN(3)), "")
}

// familyWord gives a family name as it stands in a mail domain.
func (m *maker) familyWord() string { return plain(strings.Join(m.familyName(m.culture()), "")) }

// coin makes a short word of syllables.
func (m *maker) coin() string {
	for {
		word := ""
		for range 1 + m.rng.IntN(3) {
			word += m.pick(onsets) + m.pick(nuclei)
		}
		if word += m.pick(codas); !m.lex.reserved[word] {
			return word
		}
	}
}

func (m *maker) initials(n int) []string {
	var all []string
	for range n {
		all = append(all, string(byte('a'+m.rng.IntN(26))))
	}
	return all
}

// nick gives a word that somebody made a mail address of: most any word will do.
func (m *maker) nick() string {
	if !m.chance(m.style.inventNick) {
		return m.pick(m.lex.nicks)
	}
	switch x := m.rng.Float64(); {
	case x < 0.5:
		return plain(m.pick(m.lex.nouns))
	case x < 0.6:
		return plain(m.pick(m.lex.adjectives))
	case x < 0.75:
		return plain(m.pick(m.lex.adjectives)) + plain(m.pick(m.lex.nouns))
	case x < 0.8:
		return strings.Join(m.initials(2+m.rng.IntN(2)), "")
	}
	return m.coin()
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
