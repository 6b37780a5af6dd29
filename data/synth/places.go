package synth

import "strings"

// city says a city's name.
func (m *maker) city() []string {
	if m.chance(m.style.inventCity) {
		return []string{m.invent(m.lex.citySounds, cityEnds)}
	}
	return m.place(m.lex.cities, m.lex.rare.cities)
}

// place says a place of one of two lists. The sets with places of their own have no rare ones.
func (m *maker) place(usual, rare []string) []string {
	if len(rare) > 0 && m.chance(m.cfg.Values.RarePlaces) {
		usual = rare
	}
	return strings.Fields(m.pick(usual))
}

// street says a street, an area or a building named after something, without the house's number.
func (m *maker) street() []string {
	head := m.pick(m.lex.heads)
	switch {
	case m.chance(m.style.inventCity):
		head = m.invent(m.lex.citySounds, cityEnds)
	case m.chance(m.style.inventCity / 3):
		head = strings.Join(m.familyName(m.culture()), " ")
	}
	words := strings.Fields(head + " " + m.pick(m.lex.kinds))
	if n := len(words); words[n-1] == words[n-2] {
		words = words[:n-1]
	}
	if m.chance(0.06) {
		kinds := []string{"street", "avenue", "cross", "main road"}
		if !m.invents {
			kinds = []string{"boulevard", "terrace"} // others than in train
		}
		words = append(m.ordinalWords(1+m.rng.IntN(30)), m.pick(kinds))
	}
	return strings.Fields(strings.Join(words, " "))
}

func (m *maker) landmark() []string { return m.place(m.lex.landmarks, m.lex.rare.landmarks) }

func (m *maker) region() []string { return m.place(m.lex.regions, m.lex.rare.regions) }

// area says a neighbourhood, now and then with its part.
func (m *maker) area() []string {
	words := m.place(m.lex.areas, m.lex.rare.areas)
	if m.chance(m.style.inventCity / 2) {
		words = []string{m.invent(m.lex.citySounds, cityEnds)}
		words = append(words, fields(m.pick([]string{"nagar", "colony", "heights", "extension", "layout", "hills", "park", "village", "vihar", "township", "enclave"}))...)
	}
	switch x := m.rng.Float64(); {
	case x < 0.05:
		words = append(words, m.pick([]string{"east", "west", "north", "south"}))
	case x < 0.1:
		words = join(words, []string{m.pick([]string{"sector", "phase", "block", "stage", "zone"})}, m.number(1+m.rng.IntN(60)))
	}
	return words
}

// location says a street, an area or a landmark.
func (m *maker) location() []string {
	switch x := m.rng.Float64(); {
	case x < 0.45:
		return m.street()
	case x < 0.7:
		return m.area()
	}
	return m.landmark()
}

func (m *maker) ordinalWords(n int) []string {
	if m.spoken() {
		return ordinal(n)
	}
	return []string{ordinalNumeral(n)}
}
