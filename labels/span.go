package labels

import (
	"fmt"
	"sort"
)

// Span is a stretch of text with an entity type.
type Span struct {
	Start int    `json:"start"` // in code points of the text, inclusive
	End   int    `json:"end"`   // in code points of the text, exclusive
	Label string `json:"label"`
}

// Scored is a predicted span with the model's confidence in it, in [0, 1].
type Scored struct {
	Span
	Score float64
}

// Offset is where a token stands in its text: half-open, in code points. Special tokens have the empty offset {0, 0}.
type Offset struct{ Start, End int }

// Empty reports whether the token stands for no text, as [CLS] and [SEP] do.
func (o Offset) Empty() bool { return o.Start >= o.End }

// Ignored is the tag id of tokens that carry no label: special tokens and padding.
const Ignored = -100

// Encode gives each token its tag: B- for the first token that a span touches, I- for the further ones, O for the rest
// and Ignored for tokens without text. offsets are in order of their start; spans may come in any order but must not
// overlap. A span that no token touches (white space alone) leaves no tag; lost counts such spans.
func (s *Set) Encode(offsets []Offset, spans []Span) (tags []int, lost int, err error) {
	spans = append([]Span(nil), spans...)
	sort.Slice(spans, func(i, j int) bool { return spans[i].Start < spans[j].Start })
	tags = make([]int, len(offsets))
	for t, offset := range offsets {
		tags[t] = s.tagIDs[Outside]
		if offset.Empty() {
			tags[t] = Ignored
		}
	}
	token := 0
	for _, span := range spans {
		begin, ok := s.tagIDs["B-"+span.Label]
		if !ok {
			return nil, 0, fmt.Errorf("label %q is not in the label set", span.Label)
		}
		inside := s.tagIDs["I-"+span.Label]
		for token < len(offsets) && (offsets[token].Empty() || offsets[token].End <= span.Start) {
			token++
		}
		tag := begin
		for ; token < len(offsets) && (offsets[token].Empty() || offsets[token].Start < span.End); token++ {
			if !offsets[token].Empty() {
				tags[token], tag = tag, inside
			}
		}
		if tag == begin {
			lost++
		}
	}
	return tags, lost, nil
}

// Decode is the inverse of Encode: the spans of a legal tag sequence. A span's score is the mean of its tokens'
// confidences. Tokens without text are passed over.
func (s *Set) Decode(offsets []Offset, tags []int, confidence []float64) []Scored {
	var spans []Scored
	tokens, open := 0, false
	finish := func() {
		if open {
			spans[len(spans)-1].Score /= float64(tokens)
		}
		open = false
	}
	for t, offset := range offsets {
		if offset.Empty() || tags[t] < 0 {
			continue
		}
		tag := s.tags[tags[t]]
		switch {
		case tag.Prefix == O:
			finish()
			continue
		case tag.Prefix == I && open && spans[len(spans)-1].Label == s.types[tag.Type].Name:
			spans[len(spans)-1].End = offset.End
		default:
			finish()
			spans = append(spans, Scored{Span: Span{offset.Start, offset.End, s.types[tag.Type].Name}})
			tokens, open = 0, true
		}
		tokens++
		spans[len(spans)-1].Score += confidence[t]
	}
	finish()
	return spans
}
