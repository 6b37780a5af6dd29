package data

import (
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// Quote quotes an id or a label for an error message, cut where it is long.
func Quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strconv.Quote(s)
}

// nearest gives the known name that is meant by name, whatever its case: the only one of which it is a part, as PERSON is of PERSON_NAME,
// or that is a part of it, else one that is at most two edits from it; "" where there is none.
func nearest(name string, known []string) string {
	var related []string
	for _, k := range known {
		if partOf(name, k) || partOf(k, name) {
			related = append(related, k)
		}
	}
	if len(related) == 1 {
		return related[0]
	}
	best, least := "", 3
	for _, k := range known {
		if len(name) > 2*len(k)+2 {
			continue
		}
		if d := levenshtein.Distance(strings.ToUpper(name), strings.ToUpper(k), nil); d < least {
			best, least = k, d
		}
	}
	return best
}

// partOf reports whether all words of a name, which underscores part, are words of another.
func partOf(name, whole string) bool {
	words := strings.Split(strings.ToUpper(whole), "_")
	for _, word := range strings.Split(strings.ToUpper(name), "_") {
		if word == "" || !slices.Contains(words, word) {
			return false
		}
	}
	return true
}
