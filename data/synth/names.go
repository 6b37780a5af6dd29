package synth

import "strings"

// Syllables of invented names and cities. The model is to learn where names stand, not a list of them.
var (
	onsets   = strings.Fields("b br c ch d dr f fl g gr h j k kl l m n p pr r s sh st t th tr v w y z")
	nuclei   = strings.Fields("a e i o u ai ea ee ia o oo ou")
	codas    = strings.Fields("b ck d l ll m n n n nd ng r r rd rt s s sh st t th v x")
	endings  = strings.Fields("a ah an ana ani ar as ek el elle en er esh i ia ie in ina is it o on or oth u us y ya")
	familial = strings.Fields("son sen man berg ley ton ski ova ev ez es ini elli etti wala kar appa nath akis ides ford well worth field by ins oglu dze yan ko")
	cityEnds = strings.Fields("ville ton burg pur bad field ford ham bury port mouth grad stad haven dale nagar abad wick minster cester oro ita ano")
	middles  = []string{"de", "da", "van", "bin", "al", "la", "von", "del", "o"}
	alphabet = map[byte]string{'a': "apple", 'b': "boy", 'c': "cat", 'd': "dog", 'e': "egg", 'f': "fox", 'g': "goat", 'h': "hotel",
		'i': "india", 'j': "jam", 'k': "kite", 'l': "lima", 'm': "mike", 'n': "november", 'o': "oscar", 'p': "papa", 'q': "queen",
		'r': "romeo", 's': "sugar", 't': "tango", 'u': "uncle", 'v': "victor", 'w': "whisky", 'x': "xray", 'y': "yellow", 'z': "zebra"}
)

// invent makes a word of syllables that no list of the stress set has.
func (m *maker) invent(ends []string) string {
	for {
		name := m.pick(onsets) + m.pick(nuclei) + m.pick(codas)
		if m.chance(0.35) {
			name = m.pick(onsets) + m.pick(nuclei) + name
		}
		name += m.pick(ends)
		if !m.lex.reserved[name] && len(name) <= 13 {
			return name
		}
	}
}

func (m *maker) firstName() string {
	if m.chance(m.style.inventName) {
		return m.invent(endings)
	}
	return m.pick(m.lex.first)
}

func (m *maker) lastName() string {
	if m.chance(m.style.inventName) {
		return m.invent(familial)
	}
	return m.pick(m.lex.last)
}

// personName says a person's name without any title: full, first only, with a middle name, an initial or a particle.
func (m *maker) personName() []string {
	first, last := m.firstName(), m.lastName()
	m.surname = last
	switch x := m.rng.Float64(); {
	case x < 0.62:
		return []string{first, last}
	case x < 0.82:
		m.surname = ""
		return []string{first}
	case x < 0.87:
		return []string{first, m.firstName(), last}
	case x < 0.92:
		return []string{first, string(byte('a' + m.rng.IntN(26))), last}
	case x < 0.96:
		m.surname = ""
		return []string{first, last, m.lastName()}
	case x < 0.98:
		return []string{first, m.pick(middles), last}
	}
	return []string{first, last, m.pick([]string{"junior", "senior", "the third"})}
}

func (m *maker) onlyFirst() []string { return []string{m.firstName()} }

func (m *maker) onlyLast() []string {
	m.surname = m.lastName()
	return []string{m.surname}
}

// spelledName says the surname said last letter by letter: "s h a r m a", now and then "s for sugar".
func (m *maker) spelledName() []string {
	if m.surname == "" {
		m.surname = m.lastName()
	}
	letters := strings.Split(plain(m.surname), "")
	if !m.chance(0.12) {
		return m.doubled(letters)
	}
	link := m.pick([]string{"for", "as in"})
	var words []string
	for _, letter := range letters {
		words = append(words, letter)
		if m.chance(0.5) {
			words = join(words, strings.Fields(link), []string{alphabet[letter[0]]})
		}
	}
	return words
}
