package data

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "",
		"Hi, it's Priya Nair.":    "Xxxx, xxxx'x Xxxx Xxxx.",
		"double four oh one":      "xxxx xxxx xxxx xxxx",
		"call 4417-1234 NOW":      "xxxx 9999-9999 XXXX",
		"p r i y a @ mail.com":    "x x x x x @ xxxx.xxxx",
		"+44 $20 a_b\u00a0I":      "+99 $99 x_x X",
		"zoë\tJosé\u0301 Ødegård": "xxxx Xxxx Xxxx",
		"नमस्ते १२३ 東京 ½ Ⅷ": "xxxx 999 xxxx 9 9",
		"☎️ 🅰 x²":                         "xxxx x x9",
		"«Müller»\r\n“McDonald”":          "«Xxxx»  “Xxxx”",
		"bad \xff\xfe bytes \u200b\u202e": "xxxx xxxx xxxx xxxx",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%q is masked as %q, want %q", text, got, want)
		}
	}
}

// FuzzMask: nothing that a mask does not itself put there comes through, and of words no more than their case.
func FuzzMask(f *testing.F) {
	f.Add("Hi it's Priya Nair, 44 one two THREE zoë नमस्ते ½ 東京 ☎️")
	f.Add("a\xffB Ⓐ ǅ ª\u0301")
	f.Fuzz(func(t *testing.T, text string) {
		mask := Mask(text)
		for _, r := range mask {
			switch {
			case strings.ContainsRune("xX9 ", r):
			case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r), unicode.IsSpace(r), !unicode.IsPrint(r):
				t.Fatalf("%q is masked as %q, in which %q is left", text, mask, r)
			case r > unicode.MaxASCII && !unicode.IsPunct(r):
				t.Fatalf("%q is masked as %q, in which the sign %q is left", text, mask, r)
			}
		}
		if !utf8.ValidString(mask) || Mask(mask) != mask {
			t.Fatalf("%q is masked as %q, and that as %q", text, mask, Mask(mask))
		}
		longer := strings.Map(func(r rune) rune {
			if r == 'e' {
				return 'o'
			}
			return r
		}, strings.ReplaceAll(text, "ee", "eeee"))
		if Mask(longer) != mask {
			t.Fatalf("%q and %q are told apart: %q, %q", text, longer, mask, Mask(longer))
		}
	})
}
