package rules

// card knows that a card's number has 13 to 19 digits, the last of them a check digit (ISO/IEC 7812-1). A wrong check digit tells
// little: a digit may have been misheard.
func card(text string) float64 {
	r := readDigits(text)
	n := len(r.digits)
	switch {
	case r.guessed == 0 && n > 19, n+mostDigits*r.guessed < 13:
		return impossible
	case r.guessed > 0:
		return 0
	case luhn(r.digits):
		return proven
	}
	return unlikely
}

// phone knows that a phone number has 7 to 15 digits (ITU-T E.164 has the upper bound).
func phone(text string) float64 {
	r := readDigits(text)
	n := len(r.digits)
	switch {
	case r.guessed == 0 && n > 15, n+mostDigits*r.guessed < 7:
		return impossible
	case r.guessed == 0:
		return fitting
	}
	return 0
}

// mostDigits is how many digits a word that was not understood may stand for.
const mostDigits = 2

// The words of a spoken e-mail address.
var (
	dots      = wordSet(".", "dot", "point", "period", fullStop)
	providers = wordSet("gmail", "googlemail", "yahoo", "ymail", "hotmail", "outlook", "icloud", "live", "msn", "aol", "proton",
		"protonmail", "gmx", "rediffmail", "fastmail", "zoho", "yandex", "mail")
)

// fullStop is how two words for a dot are written as one.
const fullStop = "fullstop"

// withFullStops makes one word of each "full stop".
func withFullStops(words []word) []word {
	var list []word
	for _, w := range words {
		if n := len(list); w.folded == "stop" && n > 0 && list[n-1].folded == "full" {
			list[n-1] = word{start: list[n-1].start, end: w.end, folded: fullStop}
			continue
		}
		list = append(list, w)
	}
	return list
}

// email knows that an address has something before its "at", and after it a domain: a dot with something on both sides, or the name of
// a provider that people say alone.
func email(text string) float64 {
	words := withFullStops(wordsOf(text))
	at, dot := false, false
	for i, w := range words {
		switch {
		case w.folded == "@" || w.folded == "at":
			at = at || i > 0 && i+1 < len(words)
		case at && dots[w.folded]:
			dot = dot || words[i-1].folded != "at" && words[i-1].folded != "@" && i+1 < len(words)
		case at && providers[w.folded]:
			dot = true
		}
	}
	switch {
	case at && dot:
		return fitting
	case at:
		return unlikely
	}
	return impossible
}
