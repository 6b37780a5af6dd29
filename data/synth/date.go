package synth

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// date says an absolute day with its month, and most often its year.
func (m *maker) date() []string {
	return m.day(m.randomDay(2014, 2027), m.chance(m.cfg.Values.Year))
}

// birthDate says a day of birth.
func (m *maker) birthDate() []string {
	return m.day(m.randomDay(1938, 2012), m.chance(0.5+m.cfg.Values.Year/2))
}

// monthYear says a month with its year.
func (m *maker) monthYear() []string {
	day := m.randomDay(1995, 2029)
	words := []string{m.month(day)}
	if m.chance(0.1) {
		words = append(words, "of")
	}
	return append(words, m.year(day.Year())...)
}

func (m *maker) randomDay(from, to int) time.Time {
	first := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
	days := int(time.Date(to+1, 1, 1, 0, 0, 0, 0, time.UTC).Sub(first).Hours() / 24)
	return first.AddDate(0, 0, m.rng.IntN(days))
}

func (m *maker) day(day time.Time, withYear bool) []string {
	if m.chance(m.cfg.Values.NumericDate) {
		return m.numericDate(day, withYear || m.chance(0.8))
	}
	var words []string
	if m.chance(m.cfg.Values.Weekday) {
		words = []string{strings.ToLower(day.Weekday().String())}
	}
	month := []string{m.month(day)}
	switch x := m.rng.Float64(); {
	case x < 0.38:
		words = join(words, month, m.dayOfMonth(day.Day()))
	case x < 0.45:
		words = join(words, month, []string{"the"}, m.dayOfMonth(day.Day()))
	case x < 0.62:
		words = join(words, m.dayOfMonth(day.Day()), month)
	case x < 0.68:
		words = join(words, m.dayOfMonth(day.Day()), []string{"of"}, month)
	case x < 0.82:
		words = join(words, []string{"the"}, m.dayOfMonth(day.Day()), []string{"of"}, month)
	case x < 0.9:
		words = join(words, m.plainDay(day.Day()), month)
	default:
		words = join(words, month, m.plainDay(day.Day()))
	}
	if !withYear {
		return words
	}
	year := m.year(day.Year())
	switch last := len(words) - 1; {
	case m.style.punctuated && m.chance(0.3):
		words[last] += ","
	case m.chance(0.05):
		words = append(words, m.pick([]string{"in", "of", "the year"}))
	case m.chance(0.1):
		if year = year[len(year)-1:]; len(year[0]) == 4 && year[0][0] <= '9' {
			year = []string{year[0][2:]}
		} else if year = m.padded(day.Year() % 100); !m.spoken() {
			year = []string{fmt.Sprintf("%02d", day.Year()%100)}
		}
	}
	return append(words, strings.Fields(strings.Join(year, " "))...)
}

// dayAlone says a day of a month that was named before, or goes without saying: "the fifteenth".
func (m *maker) dayAlone() []string {
	words := append([]string{"the"}, m.dayOfMonth(1+m.rng.IntN(31))...)
	if m.chance(0.1) {
		return append([]string{strings.ToLower(time.Weekday(m.rng.IntN(7)).String())}, words...)
	}
	return words
}

// expiry says the month and the year that stand on a card: "oh four twenty seven", "04/27".
func (m *maker) expiry() []string {
	month, year := 1+m.rng.IntN(12), 24+m.rng.IntN(9)
	switch {
	case m.chance(0.3):
		return m.monthYear()
	case !m.spoken():
		return []string{fmt.Sprintf("%02d/%02d", month, year)}
	}
	slash := m.pick([]string{"", "", "slash"})
	return join(m.padded(month), fields(slash), m.pick2(cardinal(year), m.year(2000+year)))
}

// pick2 says one of two things.
func (m *maker) pick2(a, b []string) []string {
	if m.chance(0.7) {
		return a
	}
	return b
}

// numericDate says "05 03 2021", day or month first.
func (m *maker) numericDate(day time.Time, withYear bool) []string {
	a, b := day.Day(), int(day.Month())
	if m.chance(0.5) {
		a, b = b, a
	}
	year := fmt.Sprint(day.Year())
	if m.chance(0.25) {
		year = year[2:]
	}
	sep := m.pick([]string{"/", "/", "/", "-", "."})
	layout := m.pick([]string{"%d", "%02d"})
	switch {
	case !m.spoken() && m.chance(0.12):
		return []string{day.Format(time.DateOnly)}
	case !m.spoken() && withYear && (m.style.punctuated || m.chance(0.6)):
		return []string{fmt.Sprintf(layout+"%s"+layout+"%s%s", a, sep, b, sep, year)}
	case !m.spoken() && withYear:
		return strings.Fields(fmt.Sprintf(layout+" "+layout+" %s", a, b, year))
	case !m.spoken():
		return []string{fmt.Sprintf(layout+"/"+layout, a, b)}
	}
	slash := m.pick([]string{"", "", "slash", "dash", "oblique"})
	words := join(m.padded(a), strings.Fields(slash), m.padded(b))
	if !withYear && slash != "" {
		return words
	}
	said := m.year(day.Year())
	if len(year) == 2 {
		said = m.padded(day.Year() % 100)
	}
	return join(words, strings.Fields(slash), said)
}

// padded says a number of at most two digits, perhaps with its leading zero.
func (m *maker) padded(n int) []string {
	if n < 10 && m.chance(0.4) {
		return []string{m.pick([]string{"oh", "zero"}), units[n]}
	}
	return cardinal(n)
}

func (m *maker) month(day time.Time) string {
	name := strings.ToLower(day.Month().String())
	if m.style.spoken == 0 && m.chance(0.15) {
		return name[:3]
	}
	return name
}

func (m *maker) dayOfMonth(n int) []string {
	if m.spoken() {
		return ordinal(n)
	}
	return []string{ordinalNumeral(n)}
}

func (m *maker) plainDay(n int) []string {
	if m.spoken() {
		return cardinal(n)
	}
	return []string{strconv.Itoa(n)}
}

// year says a year as people do: "nineteen eighty five", "two thousand and five", "twenty twenty one".
func (m *maker) year(year int) []string {
	if !m.spoken() {
		return []string{strconv.Itoa(year)}
	}
	century, rest := year/100, year%100
	switch {
	case year >= 2000 && (rest < 10 || m.chance(0.3)):
		words := []string{"two", "thousand"}
		if rest > 0 && m.chance(0.3) {
			words = append(words, "and")
		}
		return append(words, tail(rest)...)
	case rest < 10:
		return join(cardinal(century), []string{"oh", units[rest]})
	}
	return join(cardinal(century), cardinal(rest))
}
