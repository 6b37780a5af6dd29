package labels

import (
	"cmp"
	"fmt"
	"slices"
)

// Span is a stretch of text with an entity type.
type Span struct {
	Start int    `json:"start"` // in code points of the text, inclusive
	End   int    `json:"end"`   // in code points of the text, exclusive
	Label string `json:"label"`
}

// Compare orders spans by start, then end, then label: 0 means that they are the same.
func (s Span) Compare(other Span) int {
	return cmp.Or(cmp.Compare(s.Start, other.Start), cmp.Compare(s.End, other.End), cmp.Compare(s.Label, other.Label))
}

// Scored is a predicted span with the probability, in [0, 1], that it stands there as it is: the share of the weight of all
// legal tag sequences that those with exactly this span have. A border that might as well be elsewhere lowers it.
type Scored struct {
	Span
	Score float64
}

// Offset is where a token stands in its text: half-open, in code points. Special tokens have the empty offset {0, 0}.
type Offset struct{ Start, End int }

// Empty reports whether the token stands for no text, as [CLS] and [SEP] do.
func (o Offset) Empty() bool { return o.Start >= o.End }

// Positions are the offsets of n tokens of one character each, without space between them.
func Positions(n int) []Offset {
	offsets := make([]Offset, n)
	for i := range offsets {
		offsets[i] = Offset{i, i + 1}
	}
	return offsets
}

// Ignored is the tag id of tokens that carry no label: special tokens and padding.
const Ignored = -100

// Encode gives each token its tag: B- for the first token that a span touches, I- for the further ones, O for the rest
// and Ignored for tokens without text. offsets are in order of their start; spans may come in any order but must not
// overlap. A span that no token touches (white space alone) leaves no tag; lost counts such spans.
func (s *Set) Encode(offsets []Offset, spans []Span) (tags []int, lost int, err error) {
	spans = slices.SortedFunc(slices.Values(spans), Span.Compare)
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

// Decode finds the spans in the scores of a text's tokens: those of the best legal tag sequence (see Viterbi), each with its
// probability. offsets are the tokens' own, special tokens left out.
func (s *Set) Decode(scores []float32, offsets []Offset, g Grammar) []Scored {
	logp, length := s.logProbabilities(scores)
	if length == 0 {
		return nil
	}
	found := s.runs(s.bestPath(logp, length, g), false)
	if len(found) == 0 {
		return nil
	}
	paths := newLattice(s, logp, length, g)
	spans := make([]Scored, len(found))
	for i, r := range found {
		spans[i] = Scored{Span{offsets[r.first].Start, offsets[r.last].End, s.types[r.typ].Name}, paths.probability(r)}
	}
	return spans
}

// Spans is the inverse of Encode. Of tags that are not a legal sequence it makes what seqeval makes of them in its default
// mode, the rule of CoNLL's conlleval: a B- opens a span, and so does an I- after O or after another type. Ignored tags are
// passed over.
func (s *Set) Spans(offsets []Offset, tags []int) []Span {
	return s.spans(offsets, s.runs(tags, false))
}

// StrictSpans are the spans that seqeval finds in its strict mode with the scheme IOB2: only a B- opens a span, and an I- that
// does not go on with the span before it belongs to none. Of a legal tag sequence they are those of Spans.
func (s *Set) StrictSpans(offsets []Offset, tags []int) []Span {
	return s.spans(offsets, s.runs(tags, true))
}

func (s *Set) spans(offsets []Offset, runs []run) []Span {
	var spans []Span
	for _, r := range runs {
		spans = append(spans, Span{offsets[r.first].Start, offsets[r.last].End, s.types[r.typ].Name})
	}
	return spans
}

// run is a span counted in tokens: from first to last, both inclusive.
type run struct{ first, last, typ int }

// runs finds the spans of a tag sequence; strict, those that a B- opens.
func (s *Set) runs(tags []int, strict bool) []run {
	var list []run
	open := false
	for t, id := range tags {
		if id < 0 {
			continue
		}
		switch tag := s.tags[id]; {
		case tag.Prefix == O:
			open = false
		case tag.Prefix == I && open && list[len(list)-1].typ == tag.Type:
			list[len(list)-1].last = t
		case tag.Prefix == I && strict:
			open = false
		default:
			list, open = append(list, run{t, t, tag.Type}), true
		}
	}
	return list
}
