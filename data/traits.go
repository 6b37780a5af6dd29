package data

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Trait is one thing that a transcript is like, by which its scores can be told from those of others.
type Trait struct{ Name, Value string }

// TraitNames are the names of a transcript's traits, in order.
var TraitNames = []string{"disfluency", "entities", "length", "numerals", "style"}

// Traits tells from the text and the labelled spans, and nothing else, what a transcript is like. Each trait has one of a few
// values:
//
//	disfluency  fillers (um, uh, er …), repeats (a word twice in a row, but no number), both, none
//	entities    with, without: whether a span is labelled
//	length      0-10, 11-25, 26-60, 61+: words between white space
//	numerals    spoken (number words), written (digits), mixed, none
//	style       upper (no small letter), punctuated (a mark such as . , ? ! at the end of a word), cased (capitals, but no
//	            such mark), bare (neither)
//
// Words are English ones: of other languages only length, style, entities and written numerals mean something.
func (t Transcript) Traits() []Trait {
	words := strings.FieldsFunc(strings.ToLower(t.Text), betweenWords)
	entities := "with"
	if len(t.Entities) == 0 {
		entities = "without"
	}
	values := []string{disfluency(words), entities, length(len(strings.Fields(t.Text))), numerals(words), style(t.Text)}
	traits := make([]Trait, len(TraitNames))
	for i, name := range TraitNames {
		traits[i] = Trait{name, values[i]}
	}
	return traits
}

func betweenWords(r rune) bool {
	return r != '\'' && r != '’' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r)
}

func length(words int) string {
	switch {
	case words <= 10:
		return "0-10"
	case words <= 25:
		return "11-25"
	case words <= 60:
		return "26-60"
	}
	return "61+"
}

// numberWords stand for a number wherever they stand. "one", "oh", "first", "second", "double" and the like mostly mean
// something else, and where they are part of a number one of these is nearly always there too.
var numberWords = setOf(`zero nought two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
	seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion
	third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth
	eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth thousandth`)

// spelled are words that stand twice in a row where digits or letters are said one by one.
var spelled = setOf("one oh o nought double triple")

var fillerWords = setOf("um umm uhm uh uhh er erm hm hmm mm mhm ah eh")

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

func numerals(words []string) string {
	spoken := slices.ContainsFunc(words, func(w string) bool { return numberWords[w] })
	written := slices.ContainsFunc(words, hasDigit)
	switch {
	case spoken && written:
		return "mixed"
	case spoken:
		return "spoken"
	case written:
		return "written"
	}
	return "none"
}

func hasDigit(word string) bool { return strings.ContainsFunc(word, unicode.IsDigit) }

func disfluency(words []string) string {
	fillers := slices.ContainsFunc(words, func(w string) bool { return fillerWords[w] })
	repeats := false
	for i, word := range words {
		repeats = repeats || i > 0 && word == words[i-1] && repeatable(word)
	}
	switch {
	case fillers && repeats:
		return "both"
	case fillers:
		return "fillers"
	case repeats:
		return "repeats"
	}
	return "none"
}

// repeatable reports whether a word that stands twice in a row was repeated, and is not part of something read out.
func repeatable(word string) bool {
	letter := utf8.RuneCountInString(word) == 1 && word != "i" && word != "a"
	return !letter && !numberWords[word] && !spelled[word] && !fillerWords[word] && !hasDigit(word)
}

func style(text string) string {
	capitals := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) })
	switch {
	case capitals && !strings.ContainsFunc(text, unicode.IsLower):
		return "upper"
	case slices.ContainsFunc(strings.Fields(text), marked):
		return "punctuated"
	case capitals:
		return "cased"
	}
	return "bare"
}

// marked reports whether what stands between white space ends in a mark; one within, as in 10:30, is no punctuation.
func marked(word string) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(word, `"'”’)]`))
	return strings.ContainsRune(".,?!;:…。，？！；：、؟،।", last)
}
