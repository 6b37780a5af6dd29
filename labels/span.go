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

// Decode finds the spans in the scores of a text's tokens: those of the best legal tag sequence (see Viterbi), each with its
// probability. offsets are the tokens' own, special tokens left out.
func (s *Set) Decode(scores []float32, offsets []Offset, g Grammar) []Scored {
	logp, length := s.logProbabilities(scores)
	if length == 0 {
		return nil
	}
	found := s.runs(s.bestPath(logp, length, g))
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

// Spans is the inverse of Encode: the spans of a legal tag sequence. Ignored tags are passed over.
func (s *Set) Spans(offsets []Offset, tags []int) []Span {
	var spans []Span
	for _, r := range s.runs(tags) {
		spans = append(spans, Span{offsets[r.first].Start, offsets[r.last].End, s.types[r.typ].Name})
	}
	return spans
}

// run is a span counted in tokens: from first to last, both inclusive.
type run struct{ first, last, typ int }

func (s *Set) runs(tags []int) []run {
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
		default:
			list, open = append(list, run{t, t, tag.Type}), true
		}
	}
	return list
}
