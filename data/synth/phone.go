package synth

import "strings"

// plan is how one kind of phone number looks: a country code, how the national number begins, and its groups. In a
// pattern, X is any digit, N is 2 to 9, and digits stand for themselves.
type plan struct {
	code   string
	local  string // as dialled inside the country
	abroad string // after the country code; empty where the code is never said
	weight int
}

var plans = []plan{
	{"1", "NXX NXX XXXX", "NXX NXX XXXX", 34},
	{"1", "NXX XXXX", "", 5},
	{"1", "1 800 NXX XXXX", "", 4},
	{"91", "9XXXX XXXXX", "9XXXX XXXXX", 12},
	{"91", "8XXX XXX XXX", "8XXX XXX XXX", 5},
	{"91", "7XXXXXXXXX", "7XXXXXXXXX", 3},
	{"44", "07XXX XXX XXX", "7XXX XXX XXX", 10},
	{"44", "020 NXXX XXXX", "20 NXXX XXXX", 4},
	{"61", "04XX XXX XXX", "4XX XXX XXX", 4},
	{"49", "01NX XXXX XXXX", "1NX XXXX XXXX", 3},
	{"33", "06 XX XX XX XX", "6 XX XX XX XX", 4},
	{"971", "05X XXX XXXX", "5X XXX XXXX", 3},
	{"65", "9XXX XXXX", "9XXX XXXX", 3},
	{"353", "08N XXX XXXX", "8N XXX XXXX", 2},
}

// phone says a telephone number. An extension is never part of it.
func (m *maker) phone() []string {
	p := plans[m.weighted(len(plans), func(i int) float64 { return float64(plans[i].weight) })]
	if p.abroad != "" && m.chance(m.cfg.Values.CountryCode) {
		return append(m.countryCode(p.code), m.digits(m.pattern(p.abroad)...)...)
	}
	groups := m.pattern(p.local)
	if m.style.punctuated && p.code == "1" && len(groups) == 3 && m.chance(0.3) {
		return []string{"(" + groups[0] + ")", groups[1] + "-" + groups[2]}
	}
	return m.digits(groups...)
}

func (m *maker) countryCode(code string) []string {
	if m.style.punctuated {
		return []string{"+" + code}
	}
	switch x := m.rng.Float64(); {
	case x < 0.12:
		return append(m.spell("00", "zero"), m.spell(code, "zero")...)
	case m.spoken():
		return append([]string{"plus"}, m.spell(code, "zero")...)
	case x < 0.5:
		return []string{"plus", code}
	}
	return []string{"+" + code}
}

func (m *maker) pattern(pattern string) []string {
	digits := []byte(pattern)
	for i, c := range digits {
		switch c {
		case 'X':
			digits[i] = byte('0' + m.rng.IntN(10))
		case 'N':
			digits[i] = byte('2' + m.rng.IntN(8))
		}
	}
	return strings.Fields(string(digits))
}
