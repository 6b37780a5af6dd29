package synth

import "strings"

// city says a city's name.
func (m *maker) city() []string {
	if m.chance(m.style.inventCity) {
		return []string{m.invent(m.lex.citySounds, cityEnds)}
	}
	return strings.Fields(m.pick(m.lex.cities))
}

// street says a street, an area or a building named after something, without the house's number.
func (m *maker) street() []string {
	head := m.pick(m.lex.heads)
	switch {
	case m.chance(m.style.inventCity):
		head = m.invent(m.lex.citySounds, cityEnds)
	case m.chance(m.style.inventCity / 3):
		head = m.lastName()
	}
	words := strings.Fields(head + " " + m.pick(m.lex.kinds))
	if n := len(words); words[n-1] == words[n-2] {
		words = words[:n-1]
	}
	if m.chance(0.06) {
		words = append(m.ordinalWords(1+m.rng.IntN(30)), m.pick([]string{"street", "avenue", "cross", "main road"}))
	}
	return strings.Fields(strings.Join(words, " "))
}

func (m *maker) landmark() []string { return strings.Fields(m.pick(m.lex.landmarks)) }

func (m *maker) region() []string { return strings.Fields(m.pick(m.lex.regions)) }

// location says a street or a landmark.
func (m *maker) location() []string {
	if m.chance(0.55) {
		return m.street()
	}
	return m.landmark()
}

func (m *maker) ordinalWords(n int) []string {
	if m.spoken() {
		return ordinal(n)
	}
	return []string{ordinalNumeral(n)}
}
