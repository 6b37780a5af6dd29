package rules

import (
	"strings"
	"unicode"
)

// word is a run of letters, digits and marks, or one other character that is not white space.
type word struct {
	start, end int // in code points, half-open
	folded     string
}

// wordsOf splits a text into words, in lower case.
func wordsOf(text string) []word {
	var list []word
	var ends []int // of the words in folded
	var folded strings.Builder
	inside := false
	at := 0
	for _, r := range text {
		letter := isLetter(r)
		if !unicode.IsSpace(r) {
			folded.WriteRune(fold(r))
			if !letter || !inside {
				list, ends = append(list, word{start: at}), append(ends, 0)
			}
			list[len(list)-1].end, ends[len(ends)-1] = at+1, folded.Len()
		}
		inside = letter
		at++
	}
	from := 0
	for i, end := range ends {
		list[i].folded, from = folded.String()[from:end], end
	}
	return list
}

func isLetter(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.M) }

// isWord tells words from other characters.
func isWord(folded string) bool { return strings.IndexFunc(folded, isLetter) == 0 }

// fold makes runes equal that differ in case alone, also those with more than two forms, as σ and ς.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return unicode.ToLower(least)
}
