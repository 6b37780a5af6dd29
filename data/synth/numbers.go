package synth

import (
	"strconv"
	"strings"
)

var (
	units = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
		"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tens     = []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
	ordinals = map[string]string{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
		"nine": "ninth", "twelve": "twelfth"}
)

// cardinal gives a number below a million in words.
func cardinal(n int) []string {
	switch {
	case n < 20:
		return []string{units[n]}
	case n < 100 && n%10 == 0:
		return []string{tens[n/10]}
	case n < 100:
		return []string{tens[n/10], units[n%10]}
	case n < 1000:
		return join(cardinal(n/100), []string{"hundred"}, tail(n%100))
	}
	return join(cardinal(n/1000), []string{"thousand"}, tail(n%1000))
}

func tail(n int) []string {
	if n == 0 {
		return nil
	}
	return cardinal(n)
}

// ordinal gives "twenty first" for 21.
func ordinal(n int) []string {
	words := cardinal(n)
	last := words[len(words)-1]
	switch {
	case ordinals[last] != "":
		last = ordinals[last]
	case strings.HasSuffix(last, "y"):
		last = strings.TrimSuffix(last, "y") + "ieth"
	default:
		last += "th"
	}
	return append(words[:len(words)-1:len(words)-1], last)
}

// ordinalNumeral gives "21st" for 21.
func ordinalNumeral(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// spoken decides, in the transcript's style, whether the next number is said in words.
func (m *maker) spoken() bool { return m.chance(m.style.spoken) }

// number says a quantity, in words or in numerals.
func (m *maker) number(n int) []string {
	if m.spoken() {
		return cardinal(n)
	}
	return []string{strconv.Itoa(n)}
}

// digits says a number digit by digit or group by group, as people read out phone, card and order numbers, with what goes
// wrong on the way: it is interrupted between two groups, a digit is corrected, a digit is misheard.
func (m *maker) digits(groups ...string) []string {
	words := m.sayDigits(groups)
	if len(words) < 4 {
		return words
	}
	for i, w := range words {
		if alike := homophones[w]; alike != "" && m.loud(m.cfg.Noise.Homophone) {
			m.note("homophone")
			words[i] = alike
		}
	}
	if m.chance(m.cfg.Values.Corrected) {
		m.note("corrected")
		return m.corrected(words)
	}
	return words
}

// homophones are the words for digits as recognisers mishear them.
var homophones = map[string]string{"one": "won", "two": "to", "four": "for", "six": "sicks", "eight": "ate", "oh": "o", "nine": "mine", "five": "fife"}

// corrected says another digit first at one place of a number, and takes it back.
func (m *maker) corrected(words []string) []string {
	at := 1 + m.rng.IntN(len(words)-1)
	wrong := strconv.Itoa(m.rng.IntN(10))
	if n := len(words[at]); words[at][0] > '9' {
		wrong = units[1+m.rng.IntN(9)]
	} else if n > 1 {
		wrong = m.random(n)
	}
	back := fields(m.pick([]string{"no", "sorry", "no sorry", "sorry", "i mean", "no wait", "wait no", "oops", "not that", "correction", "rather"}))
	return join(words[:at:at], []string{wrong}, back, words[at:])
}

// between says what interrupts a number between two groups.
func (m *maker) between() []string {
	if !m.chance(m.cfg.Values.Interrupted) {
		return nil
	}
	m.note("interrupted")
	return fields(m.pick([]string{"um", "uh", "okay", "then", "and then", "and", "dash", "then", "let me see", "wait", "yeah", "hmm", "so", "followed by",
		"space", "hold on", "next"}))
}

func (m *maker) sayDigits(groups []string) []string {
	all := strings.Join(groups, "")
	switch {
	case m.style.mixed && len(groups) > 1:
		return m.mixedDigits(groups)
	case m.spoken():
		return m.spokenDigits(all, groups)
	case m.style.punctuated && m.chance(0.5), m.chance(0.08):
		return []string{strings.Join(groups, m.pick([]string{"-", "-", "-", "-", ".", "/"}))}
	}
	var words []string
	switch x := m.rng.Float64(); {
	case x < 0.45:
		for i, group := range groups {
			if i > 0 {
				words = append(words, m.between()...)
			}
			words = append(words, group)
		}
		return words
	case x < 0.72:
		return []string{all}
	case x < 0.82:
		return m.doubled(strings.Split(all, ""))
	case x < 0.91:
		return chunks(all, 2)
	}
	return chunks(all, 3)
}

// mixedDigits says some groups, or some digits, as words and the others as numerals.
func (m *maker) mixedDigits(groups []string) []string {
	var words []string
	zero, single := m.zero(), m.chance(0.3)
	for i, group := range groups {
		if i > 0 {
			words = append(words, m.between()...)
		}
		switch {
		case single:
			for _, digit := range strings.Split(group, "") {
				if m.chance(0.5) {
					digit = m.spell(digit, zero)[0]
				}
				words = append(words, digit)
			}
		case m.chance(0.5):
			words = append(words, m.spell(group, zero)...)
		default:
			words = append(words, group)
		}
	}
	return words
}

func (m *maker) spokenDigits(all string, groups []string) []string {
	zero := m.zero()
	say := m.spell
	switch x := m.rng.Float64(); {
	case x < 0.1:
		say, groups = m.pair, chunks(all, 2)
	case x < 0.2:
		say = m.grouped
	}
	var words []string
	for i, group := range groups {
		if i > 0 {
			words = append(words, m.between()...)
		}
		words = append(words, say(group, zero)...)
	}
	return words
}

func (m *maker) zero() string {
	switch x := m.rng.Float64(); {
	case x < 0.5:
		return "oh"
	case x < 0.93:
		return "zero"
	case x < 0.97:
		return "o"
	}
	return m.pick([]string{"nought", "nil", "null"})
}

// grouped says a group as numbers: "nine eighty seven", "nine hundred eighty seven", "forty two ten".
func (m *maker) grouped(group, zero string) []string {
	if len(group) != 3 || group[0] == '0' {
		var words []string
		for _, pair := range chunks(group, 2) {
			words = append(words, m.pair(pair, zero)...)
		}
		return words
	}
	n, _ := strconv.Atoi(group)
	if m.chance(0.4) {
		return cardinal(n)
	}
	return append([]string{units[group[0]-'0']}, m.pair(group[1:], zero)...)
}

// pair says two digits as a number: "forty two", "oh five".
func (m *maker) pair(pair, zero string) []string {
	n, err := strconv.Atoi(pair)
	if err != nil || len(pair) < 2 || pair[0] == '0' {
		return m.spell(pair, zero)
	}
	return cardinal(n)
}

// hindi are the digits in romanised Hindi, as people write them.
var hindi = [10][]string{{"zero", "shunya", "sunya"}, {"ek"}, {"do"}, {"teen"}, {"char", "chaar"}, {"paanch", "panch"}, {"chhe", "che", "chhah"},
	{"saat", "sat"}, {"aath", "aat", "ath"}, {"nau", "no"}}

// spell says digits one by one, and runs of a digit now and then as "double" or "triple".
func (m *maker) spell(group, zero string) []string {
	if strings.HasSuffix(group, "00") && len(group) == 3 && group[0] != '0' && m.chance(0.5) {
		return []string{units[group[0]-'0'], "hundred"}
	}
	words := make([]string, 0, len(group))
	for _, digit := range group {
		name := zero
		if digit != '0' {
			name = units[digit-'0']
		}
		if m.style.hindi && m.chance(0.85) {
			name = hindi[digit-'0'][0]
			if m.chance(0.2) {
				name = m.pick(hindi[digit-'0'])
			}
		}
		words = append(words, name)
	}
	return m.doubled(words)
}

// doubled folds equal neighbours: "seven seven" to "double seven".
func (m *maker) doubled(words []string) []string {
	var folded []string
	for i := 0; i < len(words); {
		run := 1
		for i+run < len(words) && run < 3 && words[i+run] == words[i] {
			run++
		}
		if run > 1 && m.chance(m.cfg.Values.Double) {
			fold := []string{"double", "triple"}[run-2]
			if run == 3 && m.chance(0.1) {
				fold = "treble"
			}
			folded = append(folded, fold, words[i])
		} else {
			run = 1
			folded = append(folded, words[i])
		}
		i += run
	}
	return folded
}

// random gives n digits, the first of them not zero.
func (m *maker) random(n int) string {
	next, digits := m.anyDigits(), make([]byte, n)
	for i := range digits {
		digits[i] = next()
	}
	if n > 0 && digits[0] == '0' {
		digits[0] = byte('1' + m.rng.IntN(9))
	}
	return string(digits)
}

// anyDigits draws what follows in one number: random digits, or now and then what people make up as an example and like to
// have: one digit over and over, two by turns, or digits that count up or down.
func (m *maker) anyDigits() func() byte {
	if !m.chance(m.cfg.Values.RegularDigits) {
		return func() byte { return byte('0' + m.rng.IntN(10)) }
	}
	at, step, other := m.rng.IntN(10), []int{0, 0, 1, 1, 9, 0}[m.rng.IntN(6)], m.rng.IntN(10)
	turns := step == 0 && m.chance(0.4)
	return func() byte {
		digit := byte('0' + at)
		at = (at + step) % 10
		if turns {
			at, other = other, at
		}
		return digit
	}
}

// chunks cuts a string in pieces of size; the last may be shorter.
func chunks(s string, size int) []string {
	var parts []string
	for len(s) > size {
		parts, s = append(parts, s[:size]), s[size:]
	}
	return append(parts, s)
}

func join(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
