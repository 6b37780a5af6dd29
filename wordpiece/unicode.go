package wordpiece

import (
	"unicode"
	"unicode/utf8"
)

// isControl tells what Hugging Face drops as control characters: Unicode's category C but tab and line ends, and but what
// has no character yet.
func isControl(r rune) bool {
	if r < utf8.RuneSelf {
		return (r < ' ' || r == 0x7F) && r != '\t' && r != '\n' && r != '\r'
	}
	return unicode.Is(controls, r)
}

// isPunctuation tells whether a character is a word of its own: Unicode's category P, and all of ASCII's marks, also
// those that Unicode counts among the symbols.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(punctuation, r)
}

// isMark tells whether a character is a non-spacing mark, which is what strip_accents drops.
func isMark(r rune) bool { return r >= 0x300 && unicode.Is(marks, r) }

// isIdeograph tells whether a character is in the CJK blocks that BERT sets apart. The gap from 2B81F to 2B920 is BERT's.
func isIdeograph(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0xF900 <= r && r <= 0xFAFF ||
		0x20000 <= r && r <= 0x2A6DF || 0x2A700 <= r && r <= 0x2B73F || 0x2B740 <= r && r <= 0x2B81F ||
		0x2B920 <= r && r <= 0x2CEAF || 0x2F800 <= r && r <= 0x2FA1F
}

// newerCase holds the letters whose lower case Hugging Face knows and Go's Unicode 15 does not.
var newerCase = unicode.SpecialCase{
	lowerBy(0x1C89, 0x1C89, 1), lowerBy(0xA7CB, 0xA7CB, 0x264-0xA7CB), lowerBy(0xA7CC, 0xA7CC, 1),
	lowerBy(0xA7CE, 0xA7CE, 1), lowerBy(0xA7D2, 0xA7D2, 1), lowerBy(0xA7D4, 0xA7D4, 1), lowerBy(0xA7DA, 0xA7DA, 1),
	lowerBy(0xA7DC, 0xA7DC, 0x19B-0xA7DC), lowerBy(0x10D50, 0x10D65, 0x20), lowerBy(0x16EA0, 0x16EB8, 0x1B),
}

func lowerBy(first, last uint32, distance rune) unicode.CaseRange {
	return unicode.CaseRange{Lo: first, Hi: last, Delta: [unicode.MaxCase]rune{unicode.LowerCase: distance}}
}

// isNewComposite tells which characters have a decomposition in Unicode 13 or later. Hugging Face's tables of
// decompositions are older, so it leaves them whole.
func isNewComposite(r rune) bool {
	switch {
	case r < 0x105C9:
		return false
	case r == 0x105C9, r == 0x105E4, r == 0x11383, r == 0x11385, r == 0x1138E, r == 0x11391,
		r == 0x113C5, r == 0x113C7, r == 0x113C8, r == 0x11938:
		return true
	}
	return 0x16121 <= r && r <= 0x16128 || 0x16D68 <= r && r <= 0x16D6A
}
