package data

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mask hides what a text says and shows what it looks like. A digit or another number becomes 9, white space a space, and
// punctuation and the signs of ASCII stay. Words become xxxx, Xxxx or XXXX, and one letter alone x or X: how long they are
// would tell much of a number that is read out, as only one, two and six have three letters. What is none of this, such as an
// emoji, counts as a letter.
func Mask(text string) string {
	var b strings.Builder
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return !masked(r) })
		if end < 0 {
			end = len(text)
		}
		b.WriteString(maskedWord(text[:end]))
		if text = text[end:]; text == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case unicode.IsNumber(r):
			r = '9'
		case unicode.IsSpace(r):
			r = ' '
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String()
}

// masked reports whether a character is hidden as a part of a word. Accents and vowel signs are parts of letters.
func masked(r rune) bool {
	sign := r > ' ' && r < unicode.MaxASCII && !unicode.IsLetter(r)
	return !sign && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !unicode.IsPunct(r)
}

func maskedWord(word string) string {
	capital := func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) }
	first, _ := utf8.DecodeRuneInString(word)
	switch n := utf8.RuneCountInString(word); {
	case n == 0:
		return ""
	case n == 1 && capital(first):
		return "X"
	case n == 1:
		return "x"
	case !strings.ContainsFunc(word, func(r rune) bool { return !capital(r) }):
		return "XXXX"
	case capital(first):
		return "Xxxx"
	}
	return "xxxx"
}
