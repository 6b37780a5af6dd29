package synth

import (
	"strings"
	"unicode/utf8"

	"pii/labels"
)

// word is a piece of a transcript that is never split.
type word struct {
	text   string
	span   int  // of which entity, from 1; 0 outside
	proper bool // begins with a capital where there is casing
	solid  bool // noise leaves it as it is: digits, parts of mail addresses
	kept   bool // noise leaves it where it is
	glued  bool // no space before it: punctuation, "'s"
}

// builder collects a transcript word by word. Words know their entity, so that noise can come and go between them
// without any offset to mend; offsets are counted once, by render.
type builder struct {
	words  []word
	labels []string // of entity 1, 2, …
}

// say appends words outside entities.
func (b *builder) say(words ...string) {
	for _, w := range words {
		b.words = append(b.words, word{text: w, glued: isMark(w) || strings.HasPrefix(w, "'")})
	}
}

// fill appends what a slot said. With a label its words become one entity; an article before it stays outside.
func (b *builder) fill(label string, words []string, proper, solid bool) {
	if proper && len(words) > 1 && words[0] == "the" {
		b.say("the")
		words = words[1:]
	}
	span := 0
	if label != "" {
		b.labels = append(b.labels, label)
		span = len(b.labels)
	}
	for _, w := range words {
		b.words = append(b.words, word{text: w, span: span, proper: proper, solid: solid})
	}
}

// runsOn are the words with which a number, a date or a place before them would go on.
var runsOn = map[string]bool{"double": true, "triple": true, "one": true, "two": true, "three": true, "may": true, "march": true,
	"street": true, "road": true, "way": true, "dot": true, "at": true, "all": true, "no": true, "of": true, "another": true}

// border reports whether an entity or a number ends before index at, and whether one begins there.
func (b *builder) border(at int) (before, after bool) {
	last := at - 1
	for last > 0 && isMark(b.words[last].text) {
		last--
	}
	held := func(w word) bool { return w.span > 0 || w.solid }
	return last >= 0 && held(b.words[last]), at < len(b.words) && held(b.words[at])
}

// render joins the words and counts the spans in code points.
func (b *builder) render() (string, []labels.Span) {
	var text strings.Builder
	spans := make([]labels.Span, len(b.labels))
	at := 0
	for i, w := range b.words {
		if i > 0 && !w.glued {
			text.WriteByte(' ')
			at++
		}
		end := at + utf8.RuneCountInString(w.text)
		if w.span > 0 {
			span := &spans[w.span-1]
			if span.Label == "" {
				*span = labels.Span{Start: at, Label: b.labels[w.span-1]}
			}
			span.End = end
		}
		text.WriteString(w.text)
		at = end
	}
	return text.String(), spans
}

// isMark reports whether a word is a punctuation mark.
func isMark(w string) bool { return w == "," || w == "." || w == "?" || w == "!" || w == ":" }
