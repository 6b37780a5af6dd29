package data

import (
	"unicode"

	"pii/labels"
)

// Askew lists the entities, by their index, that begin or end inside a word, or with white space. Few are meant so: most often
// their offsets count something else than code points, or were taken from another version of the text.
func (t Transcript) Askew() []int {
	var list []int
	text := []rune(t.Text)
	for i, span := range t.Entities {
		if askew(text, span) {
			list = append(list, i)
		}
	}
	return list
}

func askew(text []rune, span labels.Span) bool {
	return unicode.IsSpace(text[span.Start]) || unicode.IsSpace(text[span.End-1]) || insideWord(text, span.Start) || insideWord(text, span.End)
}

// insideWord reports whether the code points on both sides of an offset are of one word. Letters of scripts that write without
// spaces, or words with their particles, do not tell.
func insideWord(text []rune, offset int) bool {
	return offset > 0 && offset < len(text) && ofWord(text[offset-1]) && ofWord(text[offset])
}

func ofWord(r rune) bool {
	return unicode.IsDigit(r) || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}
