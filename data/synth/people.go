package synth

import (
	"fmt"
	"strings"
)

// culture is where names are at home.
type culture struct {
	name                     string
	given, family, particles []string
	familyFirst              bool
	givenSounds              *sounds // of the names, for inventing others
	familySounds             *sounds
}

// readPeople reads a list of names. The comment at the head of lists/people.txt says how it is written.
func readPeople(name string) ([]culture, error) {
	lines, err := readList(name)
	if err != nil {
		return nil, err
	}
	var all []culture
	key := ""
	for _, line := range lines {
		switch {
		case line[0] == '[':
			all = append(all, culture{name: strings.Trim(line, "[]")})
		case strings.HasSuffix(line, ":"):
			key = strings.TrimSuffix(line, ":")
		case len(all) == 0:
			return nil, fmt.Errorf("list %s: names stand before any culture", name)
		default:
			if err := all[len(all)-1].add(key, entries(strings.TrimSuffix(line, ","))); err != nil {
				return nil, fmt.Errorf("list %s: %w", name, err)
			}
		}
	}
	for i := range all {
		all[i].givenSounds, all[i].familySounds = soundsOf(all[i].given), soundsOf(all[i].family)
	}
	return all, nil
}

// cultureNames lists the cultures that there are, the same in all lists of names.
func cultureNames() ([]string, error) {
	lines, err := readList("people")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range lines {
		if line[0] == '[' {
			names = append(names, strings.Trim(line, "[]"))
		}
	}
	return names, nil
}

func (c *culture) add(key string, names []string) error {
	switch key {
	case "given":
		c.given = append(c.given, names...)
	case "family":
		c.family = append(c.family, names...)
	case "particles":
		c.particles = append(c.particles, names...)
	case "order":
		c.familyFirst = true
	default:
		return fmt.Errorf("culture %s: there is no key %q", c.name, key)
	}
	return nil
}

// person is somebody in a transcript, who may come up again in it.
type person struct{ given, family []string }

// culture draws where a name is at home.
func (m *maker) culture() *culture {
	all := m.lex.cultures
	return &all[m.weighted(len(all), func(i int) float64 { return m.cultures[all[i].name] })]
}

func (m *maker) givenName(c *culture) []string {
	if m.chance(m.style.inventName) {
		return []string{m.invent(c.givenSounds, endings)}
	}
	return fields(m.pick(c.given))
}

func (m *maker) familyName(c *culture) []string {
	if m.chance(m.style.inventName) {
		return []string{m.invent(c.familySounds, familial)}
	}
	return fields(m.pick(c.family))
}

// newPerson draws somebody whose given and family name most often come from one culture, and who is then known as said last.
func (m *maker) newPerson() (person, *culture) {
	c := m.culture()
	p := person{given: m.givenName(c)}
	if m.chance(0.1) {
		p.family = m.familyName(m.culture())
	} else {
		p.family = m.familyName(c)
	}
	m.last = p
	return p, c
}

// personName says a person's name without any title: full, one name only, with middle names, initials or particles, in the
// order of its culture.
func (m *maker) personName() []string {
	p, c := m.newPerson()
	name := m.fullName(p, c)
	if m.chance(m.cfg.Values.FalseStart) {
		m.note("false_start")
		name = append([]string{m.cutShort(name[0])}, name...)
	}
	return name
}

func (m *maker) fullName(p person, c *culture) []string {
	initial := func() string { return string(byte('a' + m.rng.IntN(26))) }
	switch x := m.rng.Float64(); {
	case x < 0.18:
		m.last.family = nil
		return p.given
	case x < 0.2:
		return p.family
	case c.familyFirst && x < 0.38:
		return join(p.family, p.given)
	case x < 0.72:
		return join(p.given, p.family)
	case x < 0.76:
		return join(p.given, m.givenName(c), p.family)
	case x < 0.79:
		return join(p.given, []string{initial()}, p.family)
	case x < 0.81:
		return join([]string{initial()}, p.family)
	case x < 0.82:
		return join([]string{initial(), initial()}, p.family)
	case x < 0.83:
		return join(p.given, []string{initial()})
	case x < 0.87:
		return join(p.given, p.family, m.familyName(c))
	case x < 0.92 && len(c.particles) > 0:
		return join(p.given, fields(m.pick(c.particles)), p.family)
	case x < 0.925:
		return join(p.given, p.family, fields(m.pick([]string{"junior", "senior", "the third", "jr"})))
	case x < 0.935 && m.style.punctuated:
		return append(p.given[:len(p.given):len(p.given)], strings.Join(p.family, "-")+"-"+strings.Join(m.familyName(c), "-"))
	}
	return join(p.given, p.family)
}

// cutShort gives the beginning of a word that is broken off.
func (m *maker) cutShort(w string) string {
	if len(w) < 4 || !letters(w) {
		return w
	}
	if begun := w[:2+m.rng.IntN(len(w)-3)]; !m.lex.reserved[begun] {
		return begun
	}
	return w
}

// firstName says a given name alone.
func (m *maker) firstName() []string {
	p, _ := m.newPerson()
	m.last.family = nil
	return p.given
}

// surname says a family name alone.
func (m *maker) surname() []string {
	p, _ := m.newPerson()
	return p.family
}

// nameAgain says the name said last again, whole or in part.
func (m *maker) nameAgain() []string {
	p := m.last
	switch {
	case p.given == nil:
		return m.personName()
	case p.family == nil || m.chance(0.6):
		return p.given
	}
	return join(p.given, p.family)
}

// spelledName says the family name said last letter by letter: "s h a r m a", now and then "s for sugar".
func (m *maker) spelledName() []string {
	name := m.last.family
	if name == nil {
		name = m.last.given
	}
	if name == nil || plain(strings.Join(name, "")) == "" {
		name = m.surname()
	}
	return m.spellOut(plain(strings.Join(name, "")), 0.15)
}

// spellOut says a word letter by letter, with a probability as "s for sugar, h as in hotel".
func (m *maker) spellOut(word string, explain float64) []string {
	letters := strings.Split(word, "")
	if !m.chance(explain) {
		if m.style.punctuated && m.chance(0.4) {
			return []string{strings.Join(letters, "-")}
		}
		return m.doubled(letters)
	}
	link := m.pick([]string{"for", "for", "as in", "like"})
	all := m.chance(0.3)
	var words []string
	for _, letter := range letters {
		words = append(words, letter)
		if all || m.chance(0.5) {
			words = join(words, fields(link), []string{m.pick(alphabet[letter[0]])})
		}
	}
	return words
}
