package rules

import (
	"strconv"
	"strings"
)

// Words of numbers as they are spoken. Scale words say how many zeros they stand for where a number is read out.
var (
	ones = numbered(0, "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
	more = numbered(10, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
	tens = map[string]string{"twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7",
		"eighty": "8", "ninety": "9"}
	zeros = map[string]string{"oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "null": "0"}
	// The digits in Hindi, as they are written in Latin letters, but for "no" and "sat", which are rather English words.
	hindi = map[string]string{"shunya": "0", "sunya": "0", "ek": "1", "teen": "3", "char": "4", "chaar": "4", "paanch": "5", "panch": "5",
		"che": "6", "chhe": "6", "chhah": "6", "saat": "7", "aath": "8", "aat": "8", "ath": "8", "nau": "9"}
	scales    = map[string]string{"hundred": "00", "thousand": "000"}
	repeats   = map[string]int{"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
	unspoken  = wordSet("uh", "um", "uhm", "er", "erm", "hm", "hmm", "ah", "and", "plus", "dash", "hyphen", "space")
	mistakens = map[string]string{"to": "2", "too": "2", "for": "4", "ate": "8", "won": "1"} // what is heard for a digit
)

func numbered(first int, words ...string) map[string]string {
	m := map[string]string{}
	for i, word := range words {
		m[word] = strconv.Itoa(first + i)
	}
	return m
}

func wordSet(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, word := range words {
		m[word] = true
	}
	return m
}

// reading is a stretch of text read as digits.
type reading struct {
	digits  string
	guessed int // words that only may stand for digits: those heard for one, and unknown ones
}

// readDigits reads numerals, spoken digits, in Hindi too, pairs such as "forty two", and "double seven".
func readDigits(text string) reading {
	words := wordsOf(text)
	var r reading
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = digit(words[i+1].folded)
		}
		word := words[i].folded
		switch {
		case isNumeral(word):
			r.digits += word
		case digit(word) != "":
			r.digits += digit(word)
		case more[word] != "":
			r.digits += more[word]
		case tens[word] != "" && next != "" && next != "0":
			r.digits, i = r.digits+tens[word]+next, i+1
		case tens[word] != "":
			r.digits += tens[word] + "0"
		case repeats[word] > 0 && next != "":
			r.digits, i = r.digits+strings.Repeat(next, repeats[word]), i+1
		case scales[word] != "":
			r.digits += scales[word]
			r.guessed++ // "nine hundred forty" is 940, "nine hundred" 900
		case word == hindiTwo && betweenDigits(words, i):
			r.digits += "2"
		case mistakens[word] != "":
			r.digits += mistakens[word]
			r.guessed++
		case !unspoken[word] && isWord(word):
			r.guessed++
		}
	}
	return r
}

// digit is the one digit that a word is, "" if it is none.
func digit(word string) string {
	if len(word) == 1 && isNumeral(word) {
		return word
	}
	return ones[word] + zeros[word] + hindi[word]
}

// hindiTwo is an English word too, and so a digit only between digits.
const hindiTwo = "do"

// betweenDigits reports whether the words before and after a run of hindiTwo, which has the word at i, are digits.
func betweenDigits(words []word, i int) bool {
	before, after := i, i
	for before >= 0 && words[before].folded == hindiTwo {
		before--
	}
	for after < len(words) && words[after].folded == hindiTwo {
		after++
	}
	isDigit := func(word string) bool { return isNumeral(word) || digit(word) != "" }
	return before >= 0 && after < len(words) && isDigit(words[before].folded) && isDigit(words[after].folded)
}

func isNumeral(word string) bool {
	return word != "" && strings.Trim(word, "0123456789") == ""
}

// luhn reports whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d = 2*d - 9*(d/5)
		}
		sum += d
	}
	return sum%10 == 0
}
