package data

import (
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

// nearest gives the known name that is at most two edits from name, whatever its case; "" where there is none.
func nearest(name string, known []string) string {
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
