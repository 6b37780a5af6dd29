package synth

import (
	"fmt"
	"strings"
)

var (
	// Days that are relative to the call are no dates.
	pastDays = []string{"today", "yesterday", "last week", "last month", "on monday", "on tuesday", "on thursday", "on friday",
		"on sunday", "last friday", "last wednesday", "this morning", "this afternoon", "two days ago", "three weeks ago",
		"a few days ago", "last year", "a month ago", "the other day", "the day before yesterday", "earlier this week", "last night",
		"an hour ago", "ten minutes ago", "over the weekend", "last saturday", "in the morning"}
	comingDays = []string{"today", "tomorrow", "tonight", "next week", "next month", "on monday", "on wednesday", "on thursday",
		"on saturday", "on sunday", "next monday", "next tuesday", "this afternoon", "this weekend", "the day after tomorrow",
		"in a week", "in two weeks", "next year", "later today", "tomorrow morning", "by friday", "this friday", "first thing tomorrow",
		"in five days", "after lunch", "in the evening"}
	months = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
		"december"}
)

// one says one of several phrases.
func one(phrases ...string) func(*maker) []string {
	return func(m *maker) []string { return fields(m.pick(phrases)) }
}

func fields(s string) []string { return strings.Fields(s) }

// amount says a sum of money.
func (m *maker) amount() []string {
	whole, cents := m.rng.IntN(100), m.rng.IntN(20)*5
	if m.chance(0.5) {
		whole = m.rng.IntN(5000)
	}
	whole += 2
	unit := m.pick([]string{"dollars", "dollars", "pounds", "euros", "rupees", "bucks"})
	if m.spoken() {
		words := append(cardinal(whole), unit)
		if cents > 0 && m.chance(0.4) {
			words = append(words, cardinal(cents)...)
		}
		return words
	}
	switch x := m.rng.Float64(); {
	case x < 0.3:
		return []string{fmt.Sprintf("$%d.%02d", whole, cents)}
	case x < 0.4:
		return []string{fmt.Sprintf("$%d", whole)}
	case x < 0.5:
		return []string{"rs", fmt.Sprint(whole)}
	case x < 0.65:
		return []string{fmt.Sprint(whole), fmt.Sprintf("%02d", cents)}
	}
	return []string{fmt.Sprint(whole), unit}
}

// site says the address of a web site, which is no mail address.
func (m *maker) site() []string {
	domain := m.domain()
	www := m.pick([]string{"www", "www", "w w w", "", ""})
	if !m.spoken() && m.chance(0.5) {
		return []string{strings.TrimPrefix(www+"."+domain, ".")}
	}
	if www != "" {
		www += " dot"
	}
	return append(fields(www), m.sayDomain(domain)...)
}

// orderID says the number of an order, a case or a booking: 4 to 12 digits, perhaps with letters before them. Some are as
// long as phone numbers; only their context tells them apart.
func (m *maker) orderID() []string { return m.hashed(m.order()) }

func (m *maker) order() []string {
	number := m.digits(chunks(m.random(4+m.rng.IntN(9)), 3+m.rng.IntN(3))...)
	if m.chance(0.25) {
		return append(m.letters(1+m.rng.IntN(3)), number...)
	}
	return number
}

func (m *maker) tracking() []string {
	number := m.digits(chunks(notCard(m.random(10+m.rng.IntN(9))), 4)...)
	if m.chance(0.35) {
		return append(m.letters(2), number...)
	}
	return number
}

func (m *maker) account() []string {
	return m.hashed(m.digits(chunks(notCard(m.random(6+m.rng.IntN(8))), 3+m.rng.IntN(2))...))
}

func (m *maker) serial() []string {
	return join(m.letters(1+m.rng.IntN(2)), m.digits(m.random(3+m.rng.IntN(4))), m.letters(m.rng.IntN(2)))
}

func (m *maker) code() []string { return m.digits(chunks(m.random(4+m.rng.IntN(3)), 3)...) }

func (m *maker) flight() []string {
	return append(m.letters(2), m.digits(m.random(3+m.rng.IntN(2)))...)
}

// letters says letters one by one, or in one word.
func (m *maker) letters(n int) []string {
	var said []string
	for range n {
		said = append(said, string(byte('a'+m.rng.IntN(26))))
	}
	if n > 1 && m.chance(0.4) {
		return []string{strings.Join(said, "")}
	}
	return said
}

// time says a time of day.
func (m *maker) time() []string {
	hour, minute := 1+m.rng.IntN(12), []int{0, 0, 15, 30, 45, 10, 20, 40, 5, 50}[m.rng.IntN(10)]
	half := m.pick([]string{"", "", "am", "pm", "a m", "p m", "in the morning", "in the evening"})
	if !m.spoken() {
		if minute == 0 && m.chance(0.6) {
			return append([]string{fmt.Sprint(hour)}, fields(half)...)
		}
		layout := m.pick([]string{"%d:%02d", "%d %02d"})
		return append(fields(fmt.Sprintf(layout, hour, minute)), fields(half)...)
	}
	words := cardinal(hour)
	switch {
	case minute == 0 && half == "":
		return append(words, m.pick([]string{"o'clock", "sharp", "o clock"}))
	case minute == 30 && m.chance(0.4):
		return append([]string{"half", "past"}, words...)
	case minute == 15 && m.chance(0.4):
		return append([]string{"quarter", "past"}, words...)
	case minute == 5:
		words = append(words, "oh", "five")
	case minute > 0:
		words = append(words, cardinal(minute)...)
	}
	return append(words, fields(half)...)
}

func (m *maker) duration() []string {
	return append(m.number(2+m.rng.IntN(50)), m.pick([]string{"minutes", "hours", "days", "weeks", "months", "years"}))
}

func (m *maker) measure() []string {
	return append(m.number(1+m.rng.IntN(300)), fields(m.pick([]string{"kilos", "pounds", "meters", "feet", "centimeters", "inches", "miles",
		"square feet", "liters", "degrees"}))...)
}

func (m *maker) version() []string {
	major, minor := m.rng.IntN(15)+1, m.rng.IntN(20)
	if m.spoken() {
		return join(cardinal(major), []string{"point"}, cardinal(minor))
	}
	return []string{fmt.Sprintf("%d.%d", major, minor)}
}
