package data

import (
	"strconv"
	"strings"
)

// shown quotes an id or a label for an error message, cut where it is long.
func shown(s string) string {
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
		if d := edits(strings.ToUpper(name), strings.ToUpper(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
