package wordpiece

import (
	"unicode"
	"unicode/utf8"
)

// isControl tells what Hugging Face drops as control characters: all of Unicode's category C but tab and line ends.
func isControl(r rune) bool {
	if r < utf8.RuneSelf {
		return (r < ' ' || r == 0x7F) && r != '\t' && r != '\n' && r != '\r'
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

// isPunctuation tells whether a character is a word of its own: Unicode's category P, and all of ASCII's marks, also
// those that Unicode counts among the symbols.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return '!' <= r && r <= '/' || ':' <= r && r <= '@' || '[' <= r && r <= '`' || '{' <= r && r <= '~'
	}
	return unicode.Is(unicode.P, r)
}

// isMark tells whether a character is a non-spacing mark, which is what strip_accents drops.
func isMark(r rune) bool { return r >= 0x300 && unicode.Is(unicode.Mn, r) }

// isIdeograph tells whether a character is in the CJK blocks that BERT sets apart. The gap from 2B81F to 2B920 is BERT's.
func isIdeograph(r rune) bool {
	return 0x4E00 <= r && r <= 0x9FFF || 0x3400 <= r && r <= 0x4DBF || 0xF900 <= r && r <= 0xFAFF ||
		0x20000 <= r && r <= 0x2A6DF || 0x2A700 <= r && r <= 0x2B73F || 0x2B740 <= r && r <= 0x2B81F ||
		0x2B920 <= r && r <= 0x2CEAF || 0x2F800 <= r && r <= 0x2FA1F
}
