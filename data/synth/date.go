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
	if withYear && m.chance(0.16) {
		return m.numericDate(day)
	}
	var words []string
	if m.chance(m.cfg.Values.Weekday) {
		words = []string{strings.ToLower(day.Weekday().String())}
	}
	month := []string{m.month(day)}
	switch x := m.rng.Float64(); {
	case x < 0.42:
		words = join(words, month, m.dayOfMonth(day.Day()))
	case x < 0.5:
		words = join(words, month, []string{"the"}, m.dayOfMonth(day.Day()))
	case x < 0.7:
		words = join(words, m.dayOfMonth(day.Day()), month)
	case x < 0.9 && words == nil:
		words = join([]string{"the"}, m.dayOfMonth(day.Day()), []string{"of"}, month)
	case x < 0.9:
		words = join(words, []string{"the"}, m.dayOfMonth(day.Day()), []string{"of"}, month)
	default:
		words = join(words, month, m.plainDay(day.Day()))
	}
	if withYear {
		words = append(words, m.year(day.Year())...)
	}
	return words
}

// numericDate says "05 03 2021", day or month first.
func (m *maker) numericDate(day time.Time) []string {
	a, b := day.Day(), int(day.Month())
	if m.chance(0.5) {
		a, b = b, a
	}
	year := day.Year()
	switch {
	case m.style.punctuated && m.chance(0.2):
		return []string{day.Format(time.DateOnly)}
	case m.style.punctuated || m.style.spoken == 0 && m.chance(0.35):
		sep := m.pick([]string{"/", "/", "-", "."})
		return []string{fmt.Sprintf("%02d%s%02d%s%d", a, sep, b, sep, year)}
	case !m.spoken():
		layout := m.pick([]string{"%d %d %d", "%02d %02d %d"})
		return strings.Fields(fmt.Sprintf(layout, a, b, year))
	}
	sep := m.pick([]string{"", "", "slash"})
	return join(m.padded(a), strings.Fields(sep), m.padded(b), strings.Fields(sep), m.year(year))
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
