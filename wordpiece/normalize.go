package wordpiece

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// char is a code point of the normalised text with the place, in code points, of the original one that it comes from.
type char struct {
	r  rune
	at int32
}

// normalize does to s.chars what Hugging Face's BertNormalizer does, in its order: clean, set ideographs apart, strip
// accents, lower-case. The result is in memory of s.
func (o Options) normalize(s *scratch) []char {
	chars := s.chars
	ascii := true
	if o.CleanText {
		chars = clean(chars)
	}
	for _, c := range chars {
		ascii = ascii && c.r < utf8.RuneSelf
	}
	if ascii {
		if o.Lowercase {
			lowerASCII(chars)
		}
		return chars
	}
	return o.normalizeUnicode(s, chars)
}

// normalizeUnicode does what normalize does to chars that are clean, whether or not they are ASCII.
func (o Options) normalizeUnicode(s *scratch, chars []char) []char {
	if o.HandleChineseChars {
		chars = s.swap(padIdeographs(chars, s.decomposed[:0]))
	}
	if o.stripAccents() {
		chars = s.swap(decompose(chars, s.decomposed[:0]))
		chars = slices.DeleteFunc(chars, func(c char) bool { return isMark(c.r) })
	}
	if o.Lowercase {
		chars = s.swap(lower(chars, s.decomposed[:0]))
	}
	return chars
}

// swap makes made the characters, and their old memory that of the next step.
func (s *scratch) swap(made []char) []char {
	s.chars, s.decomposed = made, s.chars
	return made
}

// clean drops controls and the replacement character, and makes all white space a space, in place.
func clean(chars []char) []char {
	kept := chars[:0]
	for _, c := range chars {
		if c.r == 0 || c.r == utf8.RuneError || isControl(c.r) {
			continue
		}
		if unicode.IsSpace(c.r) {
			c.r = ' '
		}
		kept = append(kept, c)
	}
	return kept
}

// padIdeographs puts a space on each side of every CJK ideograph.
func padIdeographs(chars, out []char) []char {
	for _, c := range chars {
		if isIdeograph(c.r) {
			out = append(out, char{' ', c.at}, c, char{' ', c.at})
		} else {
			out = append(out, c)
		}
	}
	return out
}

// decompose appends the canonical decomposition (NFD) of chars to out.
//
// Where marks change places in canonical order, the places in the original text do not go with them: Hugging Face gives
// the k-th first part of a decomposition the place of the k-th source character, and each further part the place of
// the one before it.
func decompose(chars, out []char) []char {
	var parts []part
	for _, c := range chars {
		parts = appendParts(parts, c.r)
	}
	sortMarks(parts)
	source := -1
	for _, p := range parts {
		if p.first {
			source++
		}
		out = append(out, char{p.r, chars[max(source, 0)].at})
	}
	return out
}

// part is a code point of a decomposition.
type part struct {
	r     rune
	first bool  // of the parts of one source character
	class uint8 // canonical combining class
}

func appendParts(parts []part, r rune) []part {
	if r < utf8.RuneSelf {
		return append(parts, part{r: r, first: true})
	}
	start := len(parts)
	if lead, vowel, tail, ok := hangul(r); ok {
		parts = append(parts, part{r: lead}, part{r: vowel})
		if tail != 0 {
			parts = append(parts, part{r: tail})
		}
	} else {
		var buffer [utf8.UTFMax]byte
		n := utf8.EncodeRune(buffer[:], r)
		whole := norm.NFD.Properties(buffer[:n])
		if text := whole.Decomposition(); text != nil && !isNewComposite(r) {
			for len(text) > 0 {
				d, size := utf8.DecodeRune(text)
				parts = append(parts, part{r: d, class: class(d, text)})
				text = text[size:]
			}
		} else {
			parts = append(parts, part{r: r, class: class(r, buffer[:n])})
		}
	}
	parts[start].first = true
	return parts
}

// class is the canonical combining class of r, which text starts with: 0 where r keeps its place.
func class(r rune, text []byte) uint8 {
	if !unicode.Is(combining, r) {
		return 0
	}
	return norm.NFD.Properties(text).CCC()
}

// sortMarks puts each run of combining marks into canonical order.
func sortMarks(parts []part) {
	for i := 0; i < len(parts); i++ {
		if parts[i].class == 0 {
			continue
		}
		end := i
		for end < len(parts) && parts[end].class != 0 {
			end++
		}
		slices.SortStableFunc(parts[i:end], func(a, b part) int { return int(a.class) - int(b.class) })
		i = end
	}
}

// hangul takes a syllable apart; a missing tail is 0. See the Unicode Standard, section 3.12.
func hangul(r rune) (lead, vowel, tail rune, ok bool) {
	const first, last, vowels, tails = 0xAC00, 0xD7A3, 21, 28
	if r < first || r > last {
		return 0, 0, 0, false
	}
	index := r - first
	if t := index % tails; t != 0 {
		tail = 0x11A7 + t
	}
	return 0x1100 + index/(vowels*tails), 0x1161 + index%(vowels*tails)/tails, tail, true
}

func lowerASCII(chars []char) {
	for i, c := range chars {
		if 'A' <= c.r && c.r <= 'Z' {
			chars[i].r = c.r + ('a' - 'A')
		}
	}
}

// lower appends the lower case of chars to out, each by itself: a final sigma is like any other.
func lower(chars, out []char) []char {
	const dottedI, dotAbove = 'İ', 0x307
	for _, c := range chars {
		if c.r == dottedI {
			// The only letter whose lower case is two code points.
			out = append(out, char{'i', c.at}, char{dotAbove, c.at})
			continue
		}
		out = append(out, char{newerCase.ToLower(c.r), c.at})
	}
	return out
}

// nextWord splits the first word off: a stretch without white space, or a single punctuation mark. It is empty at the end.
func nextWord(chars []char) (word, rest []char) {
	start := 0
	for start < len(chars) && unicode.IsSpace(chars[start].r) {
		start++
	}
	end := start
	for end < len(chars) && !unicode.IsSpace(chars[end].r) {
		if isPunctuation(chars[end].r) {
			if end == start {
				end++
			}
			break
		}
		end++
	}
	return chars[start:end], chars[end:]
}
