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

// plans of the set's own, and of the stress set: there the numbers come in other groups.
var (
	plans = []plan{
		{"1", "NXX NXX XXXX", "NXX NXX XXXX", 30},
		{"1", "NXX XXXX", "", 4},
		{"1", "1 800 NXX XXXX", "", 4},
		{"91", "9XXXX XXXXX", "9XXXX XXXXX", 14},
		{"91", "7XXX XXX XXX", "7XXX XXX XXX", 5},
		{"91", "8XX XXX XXXX", "8XX XXX XXXX", 5},
		{"91", "6XXXXXXXXX", "6XXXXXXXXX", 3},
		{"91", "0NN NXXX XXXX", "NN NXXX XXXX", 2},
		{"44", "07XXX XXX XXX", "7XXX XXX XXX", 8},
		{"44", "07XXX XXXXXX", "7XXX XXXXXX", 3},
		{"44", "020 NXXX XXXX", "20 NXXX XXXX", 4},
		{"61", "04XX XXX XXX", "4XX XXX XXX", 4},
		{"64", "021 XXX XXXX", "21 XXX XXXX", 1},
		{"49", "01NX XXXX XXXX", "1NX XXXX XXXX", 3},
		{"33", "06 XX XX XX XX", "6 XX XX XX XX", 4},
		{"34", "6XX XX XX XX", "6XX XX XX XX", 2},
		{"31", "06 XXXX XXXX", "6 XXXX XXXX", 1},
		{"971", "05X XXX XXXX", "5X XXX XXXX", 3},
		{"966", "05X XXX XXXX", "5X XXX XXXX", 1},
		{"92", "03XX XXXXXXX", "3XX XXXXXXX", 2},
		{"880", "01NXX XXXXXX", "1NXX XXXXXX", 1},
		{"65", "9XXX XXXX", "9XXX XXXX", 3},
		{"60", "01X XXX XXXX", "1X XXX XXXX", 1},
		{"63", "09XX XXX XXXX", "9XX XXX XXXX", 1},
		{"81", "090 XXXX XXXX", "90 XXXX XXXX", 2},
		{"82", "010 XXXX XXXX", "10 XXXX XXXX", 1},
		{"86", "1NX XXXX XXXX", "1NX XXXX XXXX", 2},
		{"52", "NN XXXX XXXX", "NN XXXX XXXX", 2},
		{"55", "NN 9XXXX XXXX", "NN 9XXXX XXXX", 2},
		{"234", "080X XXX XXXX", "80X XXX XXXX", 2},
		{"27", "08N XXX XXXX", "8N XXX XXXX", 2},
		{"254", "07XX XXX XXX", "7XX XXX XXX", 1},
	}
	stressPlans = []plan{
		{"1", "NXXNXXXXXX", "NXXNXXXXXX", 12},
		{"1", "1 888 NXXXXXX", "", 6},
		{"1", "NXX NX XX XXX", "NXX NX XX XXX", 10},
		{"91", "8XXXX XXX XX", "8XXXX XXX XX", 8},
		{"91", "9XX XX XX XXX", "9XX XX XX XXX", 8},
		{"91", "7XXXX XX XXX", "7XXXX XX XXX", 8},
		{"44", "0NN NX XX XX XX", "NN NX XX XX XX", 6},
		{"353", "08N NXX XX XX", "8N NXX XX XX", 5},
		{"39", "3XX XX XX XXX", "3XX XX XX XXX", 6},
		{"41", "07N XXX XX XX", "7N XXX XX XX", 6},
		{"46", "07X XXX XX XX", "7X XXX XX XX", 5},
		{"47", "9XX XX XXX", "9XX XX XXX", 4},
		{"48", "5XX XXX XXX", "5XX XXX XXX", 5},
		{"90", "05XX XXX XX XX", "5XX XXX XX XX", 5},
		{"20", "01X XX XXX XXX", "1X XX XXX XXX", 4},
		{"62", "08XX XX XX XXXX", "8XX XX XX XXXX", 4},
	}
)

// phone says a telephone number, now and then with an extension.
func (m *maker) phone() []string {
	number := m.telephone()
	if m.chance(m.cfg.Values.Extension) {
		number = append(append(number, m.pick([]string{"extension", "extension", "ext", "extension number"})), m.digits(m.random(2+m.rng.IntN(3)))...)
	}
	return number
}

func (m *maker) telephone() []string {
	p := m.plans[m.weighted(len(m.plans), func(i int) float64 { return float64(m.plans[i].weight) })]
	if p.abroad != "" && m.chance(m.cfg.Values.CountryCode) {
		m.lastPhone = m.pattern(p.abroad)
		words := append(m.countryCode(p.code), m.digits(m.lastPhone...)...)
		if len(words) == 2 && words[0][0] == '+' && m.chance(0.5) {
			return []string{strings.Join(words, m.pick([]string{"", "-"}))}
		}
		return words
	}
	groups := m.pattern(p.local)
	m.lastPhone = groups
	if p.code == "1" && len(groups) == 3 && m.style.spoken == 0 && m.chance(0.12) {
		return []string{"(" + groups[0] + ")", groups[1] + "-" + groups[2]}
	}
	return m.digits(groups...)
}

// phoneAgain says the telephone number said last once more.
func (m *maker) phoneAgain() []string {
	if m.lastPhone == nil {
		return m.phone()
	}
	return m.digits(m.lastPhone...)
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
	next, digits := m.anyDigits(), []byte(pattern)
	for i, c := range digits {
		switch c {
		case 'X':
			digits[i] = next()
		case 'N':
			digits[i] = byte('2' + m.rng.IntN(8))
		}
	}
	return strings.Fields(string(digits))
}
