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

// digits says a number digit by digit or group by group, as people read out phone, card and order numbers.
func (m *maker) digits(groups ...string) []string {
	all := strings.Join(groups, "")
	if m.style.mixed && len(groups) > 1 {
		var words []string
		zero := m.zero()
		for _, group := range groups {
			if m.chance(0.5) {
				words = append(words, m.spell(group, zero)...)
			} else {
				words = append(words, group)
			}
		}
		return words
	}
	if m.spoken() {
		return m.spokenDigits(all, groups)
	}
	if m.style.punctuated && m.chance(0.5) {
		return []string{strings.Join(groups, "-")}
	}
	switch x := m.rng.Float64(); {
	case x < 0.45:
		return groups
	case x < 0.7:
		return []string{all}
	case x < 0.8:
		return m.doubled(strings.Split(all, ""))
	case x < 0.9:
		return chunks(all, 2)
	}
	return chunks(all, 3)
}

func (m *maker) spokenDigits(all string, groups []string) []string {
	zero := m.zero()
	if m.chance(0.15) {
		var words []string
		for _, pair := range chunks(all, 2) {
			words = append(words, m.pair(pair, zero)...)
		}
		return words
	}
	var words []string
	for _, group := range groups {
		words = append(words, m.spell(group, zero)...)
	}
	return words
}

func (m *maker) zero() string {
	switch x := m.rng.Float64(); {
	case x < 0.5:
		return "oh"
	case x < 0.95:
		return "zero"
	}
	return "o"
}

// pair says two digits as a number: "forty two", "oh five".
func (m *maker) pair(pair, zero string) []string {
	n, err := strconv.Atoi(pair)
	if err != nil || len(pair) < 2 || pair[0] == '0' {
		return m.spell(pair, zero)
	}
	return cardinal(n)
}

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
			folded = append(folded, []string{"double", "triple"}[run-2], words[i])
		} else {
			run = 1
			folded = append(folded, words[i])
		}
		i += run
	}
	return folded
}

// random gives n random digits, the first of them not zero.
func (m *maker) random(n int) string {
	digits := make([]byte, n)
	for i := range digits {
		digits[i] = byte('0' + m.rng.IntN(10))
	}
	if n > 0 && digits[0] == '0' {
		digits[0] = byte('1' + m.rng.IntN(9))
	}
	return string(digits)
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
