package labels

import (
	"fmt"
	"math"
	"sort"
)

// Aggregation is a way of making groups of tokens from their scores that transformers' token-classification pipeline has
// (its aggregation_strategy). It knows nothing of legal tag sequences: use Decode where results need not be the same.
type Aggregation string

// The aggregations of transformers.
const (
	AggregateNone    Aggregation = "none"    // every token by itself, with its tag
	AggregateSimple  Aggregation = "simple"  // neighbouring tokens of one type
	AggregateFirst   Aggregation = "first"   // as simple over words, each tagged as its first token
	AggregateAverage Aggregation = "average" // as simple over words, each tagged by the mean probabilities of its tokens
	AggregateMax     Aggregation = "max"     // as simple over words, each tagged as its surest token
)

// Aggregations lists them all.
func Aggregations() []Aggregation {
	return []Aggregation{AggregateNone, AggregateSimple, AggregateFirst, AggregateAverage, AggregateMax}
}

// Token is a token of a text as Aggregate sees it.
type Token struct {
	Offset
	Word      string // the piece, or what the text has there if the piece is [UNK]
	Continues bool   // goes on with the word of the token before it
	Index     int    // its place in the window that the model read, [CLS] being 0
}

// Group is one result of Aggregate.
type Group struct {
	Span          // Label is a type; with AggregateNone a tag, such as I-PHONE
	Score float64 // mean of the probabilities, over the tokens or words of the group
	Words string  // what Joiner made of the tokens
	Index int     // Token.Index of the first token
}

// Joiner makes text of tokens or words, as the decoder of a tokenizer does.
type Joiner func(words []string) string

// Aggregate groups the tokens of one window as transformers 5.12 does. scores is row-major (T, K): logits, K = Len() a
// token. A tag is the most probable of its token alone; B- always opens a group, so does another type. Groups of O are
// left out.
func (s *Set) Aggregate(how Aggregation, scores []float32, tokens []Token, join Joiner) ([]Group, error) {
	k := len(s.tags)
	if len(scores) != len(tokens)*k {
		return nil, fmt.Errorf("aggregate: %d scores for %d tokens of %d tags", len(scores), len(tokens), k)
	}
	units := s.units(how, scores, tokens, join)
	if how != AggregateNone {
		units = s.groups(units, join)
	}
	var found []Group
	for _, u := range units {
		if s.tags[u.tag].Prefix != O {
			found = append(found, u.Group)
		}
	}
	return found, nil
}

// unit is a token or a word with its tag.
type unit struct {
	Group
	tag int
}

// units are what is grouped: the tokens, or the words where the aggregation works on these.
func (s *Set) units(how Aggregation, scores []float32, tokens []Token, join Joiner) []unit {
	k := len(s.tags)
	var list []unit
	for first := 0; first < len(tokens); {
		end := first + 1
		for byWord(how) && end < len(tokens) && tokens[end].Continues {
			end++
		}
		rows := make([][]float64, 0, end-first)
		words := make([]string, 0, end-first)
		for t := first; t < end; t++ {
			rows, words = append(rows, softmax(scores[t*k:(t+1)*k])), append(words, tokens[t].Word)
		}
		row := chooseRow(how, rows)
		tag := argmax(row)
		text := words[0]
		if byWord(how) {
			text = join(words)
		}
		list = append(list, unit{Group{Span{tokens[first].Start, tokens[end-1].End, s.TagName(tag)}, row[tag], text,
			tokens[first].Index}, tag})
		first = end
	}
	return list
}

func byWord(how Aggregation) bool {
	return how == AggregateFirst || how == AggregateAverage || how == AggregateMax
}

// chooseRow gives the probabilities of a word from those of its tokens.
func chooseRow(how Aggregation, rows [][]float64) []float64 {
	switch how {
	case AggregateAverage:
		mean := make([]float64, len(rows[0]))
		for _, row := range rows {
			for i, p := range row {
				mean[i] += p / float64(len(rows))
			}
		}
		return mean
	case AggregateMax:
		best := rows[0]
		for _, row := range rows[1:] {
			if row[argmax(row)] > best[argmax(best)] {
				best = row
			}
		}
		return best
	}
	return rows[0]
}

// groups joins neighbours of one type, O being one.
func (s *Set) groups(units []unit, join Joiner) []unit {
	var list []unit
	for first := 0; first < len(units); {
		typ := s.tags[units[first].tag].Type
		words, sum, end := []string{units[first].Words}, units[first].Score, first+1
		for ; end < len(units); end++ {
			if tag := s.tags[units[end].tag]; tag.Type != typ || tag.Prefix == B {
				break
			}
			words, sum = append(words, units[end].Words), sum+units[end].Score
		}
		group := units[first]
		group.End, group.Score, group.Words = units[end-1].End, sum/float64(end-first), join(words)
		if typ >= 0 {
			group.Label = s.types[typ].Name
		}
		list = append(list, group)
		first = end
	}
	return list
}

// MergeGroups puts together the groups of windows of one text that overlap: of groups that overlap, the longer stays, of
// two as long the one with the higher score. transformers does so where a text takes more than one window.
func MergeGroups(groups []Group) []Group {
	sort.SliceStable(groups, func(i, j int) bool { return groups[i].Start < groups[j].Start })
	var kept []Group
	for _, g := range groups {
		if len(kept) == 0 || g.Start >= kept[len(kept)-1].End {
			kept = append(kept, g)
			continue
		}
		last := &kept[len(kept)-1]
		length, before := g.End-g.Start, last.End-last.Start
		if length > before || length == before && g.Score > last.Score {
			*last = g
		}
	}
	return kept
}

func softmax(row []float32) []float64 {
	out := make([]float64, len(row))
	logSoftmax(row, out)
	for i, v := range out {
		out[i] = math.Exp(v)
	}
	return out
}

// argmax is the first of the greatest.
func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
