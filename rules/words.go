package rules

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a run of letters, digits and marks, or one other character that is not white space, with the marks on it. The invisible
// characters behind it are part of it.
type word struct {
	start, end int    // in code points, half-open
	folded     string // equal for words that differ in case, in canonically equal spelling, in invisible characters or in the apostrophe
}

// wordsOf splits a text into words.
func wordsOf(text string) []word {
	var list []word
	var ends []int // of the words in spelled
	var spelled strings.Builder
	inside := false // a run of letters
	at := 0
	for _, r := range text {
		touches := len(list) > 0 && list[len(list)-1].end == at
		letter := isLetter(r)
		switch {
		case unicode.IsSpace(r):
			inside = false
		case touches && isInvisible(r):
			list[len(list)-1].end++
		case isInvisible(r):
		case touches && (letter && inside || unicode.IsMark(r)):
			spelled.WriteRune(r)
			list[len(list)-1].end, ends[len(ends)-1] = at+1, spelled.Len()
		default:
			spelled.WriteRune(r)
			list, ends = append(list, word{start: at, end: at + 1}), append(ends, spelled.Len())
			inside = letter
		}
		at++
	}
	from := 0
	for i, end := range ends {
		list[i].folded, from = fold(spelled.String()[from:end]), end
	}
	return list
}

func isLetter(r rune) bool {
	return r < utf8.RuneSelf && ('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9') ||
		r >= utf8.RuneSelf && unicode.In(r, unicode.L, unicode.N, unicode.M) && !isApostrophe(r)
}

// isWord tells words from other characters.
func isWord(folded string) bool { return strings.IndexFunc(folded, isLetter) == 0 }

// isInvisible tells characters that say nothing of the word that they are in: format characters, such as soft hyphens and joiners, and
// variation selectors.
func isInvisible(r rune) bool {
	return r >= utf8.RuneSelf && unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// isApostrophe tells what is written for an apostrophe: modifier letters and the quotation marks and accents that look like one.
func isApostrophe(r rune) bool {
	return strings.ContainsRune("'\u2019\u2018\u02bc\u02bb\uff07`\u00b4", r)
}

// fold makes words equal that are so without case (Unicode Standard, section 3.13, canonical caseless matching, of which it has the
// simple foldings and that of ß), and apostrophes.
func fold(word string) string {
	ascii := strings.IndexFunc(word, func(r rune) bool { return r >= utf8.RuneSelf || r == '`' }) < 0
	if ascii {
		return strings.ToLower(word)
	}
	var folded strings.Builder
	for _, r := range norm.NFD.String(word) {
		switch {
		case r == 'ß' || r == 'ẞ':
			folded.WriteString("ss")
		case isApostrophe(r):
			folded.WriteByte('\'')
		default:
			folded.WriteRune(foldRune(r))
		}
	}
	return folded.String()
}

// foldRune makes runes equal that differ in case alone, also those with more than two forms, as σ and ς.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return unicode.ToLower(least)
}
