package formats

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"pii/data"
	"pii/labels"
)

// WriteCoNLL writes a transcript as lines of a token, a tab and an IOB2 tag, and a blank line after them. With ids, the comment
// "# id = …" stands before them, which not every reader of such files understands. Where a text has no token nothing is written.
// It says whether something was, and how many spans were lost as they hold white space alone.
func WriteCoNLL(w io.Writer, t data.Transcript, ids bool) (written bool, lost int, err error) {
	text := []rune(t.Text)
	var out bytes.Buffer
	if ids {
		fmt.Fprintf(&out, "# id = %s\n", oneLine(t.ID))
	}
	spans := slices.Clone(t.Entities)
	slices.SortFunc(spans, func(a, b labels.Span) int { return a.Start - b.Start })
	lost = len(spans)
	next, tagged := 0, -1 // the first span that does not end before the token; the last one that has a tag
	list := tokens(text, spans)
	for _, token := range list {
		for next < len(spans) && spans[next].End <= token.Start {
			next++
		}
		tag := "O"
		switch {
		case next == len(spans) || spans[next].Start >= token.End:
		case next == tagged:
			tag = "I-" + spans[next].Label
		default:
			tag, tagged = "B-"+spans[next].Label, next
			lost--
		}
		fmt.Fprintf(&out, "%s\t%s\n", string(text[token.Start:token.End]), tag)
	}
	if len(list) == 0 {
		return false, lost, nil
	}
	out.WriteByte('\n')
	if _, err := w.Write(out.Bytes()); err != nil {
		return false, lost, fmt.Errorf("writing transcript %s: %w", data.Quote(t.ID), err)
	}
	return true, lost, nil
}

// oneLine is an id as a comment can hold it.
func oneLine(id string) string {
	return strings.Map(func(r rune) rune {
		if isGap(r) {
			return ' '
		}
		return r
	}, id)
}

// tokens splits a text at white space, around each character of punctuation, and where spans begin and end.
func tokens(text []rune, spans []labels.Span) []labels.Offset {
	borders := map[int]bool{}
	for _, s := range spans {
		borders[s.Start], borders[s.End] = true, true
	}
	var list []labels.Offset
	open := false // the last token may go on
	for i, r := range text {
		switch {
		case isGap(r):
			open = false
		case open && !borders[i] && !isPunctuation(r):
			list[len(list)-1].End = i + 1
		default:
			list = append(list, labels.Offset{Start: i, End: i + 1})
			open = !isPunctuation(r)
		}
	}
	return list
}

// isGap reports whether a character may not be within a token, as readers of CoNLL files would split there: white space of
// Unicode or of Python, and the byte-order mark, which is none only at the beginning of a file.
func isGap(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f || r == '\ufeff' }

// isPunctuation is what BERT's tokenizers take for punctuation: that of Unicode, and all of ASCII but letters and digits.
func isPunctuation(r rune) bool {
	return unicode.IsPunct(r) || r < 0x80 && unicode.IsSymbol(r)
}
