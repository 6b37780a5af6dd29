package stages

import (
	"math/rand/v2"
	"slices"

	"pii/labels"
	"pii/torchmodel"
	"pii/wordpiece"
)

// augmenter changes training examples a little each time that they are seen, so that the model learns what stands around
// an entity apart from the entity itself. All changes are functions of the random source that it is handed.
type augmenter struct {
	set       *labels.Set
	mask      int32     // id of [MASK]
	hide      float64   // probability that a token is hidden: word dropout (Iyyer et al. 2015, doi:10.3115/v1/P15-1162)
	replace   float64   // probability that a mention is replaced (Dai & Adel 2020, arXiv:2010.11683)
	divide    float64   // probability that a piece falls into smaller ones: MaxMatch-Dropout (Hiraoka 2022, arXiv:2209.04126)
	halves    [][]int32 // by id, the smaller pieces
	labelAll  bool      // every piece of a word has its tag, not the first alone
	maxLength int
	mentions  map[string][]torchmodel.Row // the tokens and tags of every mention of a type in the training set
}

func newAugmenter(cfg *Config, set *labels.Set, vocabulary *wordpiece.Vocabulary, train []Example) *augmenter {
	a := &augmenter{set: set, mask: vocabulary.Mask(), hide: cfg.WordDropout, replace: cfg.MentionReplacement, divide: cfg.PieceDropout,
		labelAll: cfg.LabelAllTokens, maxLength: cfg.MaxLength, mentions: map[string][]torchmodel.Row{}}
	if a.divide > 0 {
		for id := range vocabulary.Len() {
			a.halves = append(a.halves, vocabulary.Halves(int32(id)))
		}
	}
	for _, e := range train {
		for _, m := range mentionsOf(set, e.Labels) {
			a.mentions[m.label] = append(a.mentions[m.label], torchmodel.Row{IDs: e.InputIDs[m.first:m.end], Tags: e.Labels[m.first:m.end]})
		}
	}
	return a
}

// mention is where a span lies among the tokens of an example.
type mention struct {
	first, end int
	label      string
}

// mentionsOf finds the spans that begin in an example; one that a window cut off at its beginning is left out. Pieces without
// a tag of their own belong to the mention that their word is in.
func mentionsOf(set *labels.Set, tags []int64) []mention {
	offsets := make([]labels.Offset, len(tags))
	ids := make([]int, len(tags))
	for i, tag := range tags {
		offsets[i], ids[i] = labels.Offset{Start: i, End: i + 1}, int(tag)
	}
	var list []mention
	for _, s := range set.Spans(offsets, ids) {
		if begin, _ := set.TagID("B-" + s.Label); ids[s.Start] == begin {
			end := s.End
			for end < len(tags)-1 && ids[end] == labels.Ignored { // the last is [SEP]
				end++
			}
			list = append(list, mention{s.Start, end, s.Label})
		}
	}
	return list
}

// rows returns the rows as one step is to see them. The originals stay as they are.
func (a *augmenter) rows(rows []torchmodel.Row, random *rand.Rand) []torchmodel.Row {
	out := make([]torchmodel.Row, len(rows))
	for i, row := range rows {
		out[i] = a.hideTokens(a.dividePieces(a.replaceMentions(row, random), random), random)
	}
	return out
}

// replaceMentions puts other mentions of the same type in the place of some. What would become longer than a window stays.
func (a *augmenter) replaceMentions(row torchmodel.Row, random *rand.Rand) torchmodel.Row {
	if a.replace == 0 {
		return row
	}
	var out torchmodel.Row
	at, length := 0, len(row.IDs)
	for _, m := range mentionsOf(a.set, row.Tags) {
		others := a.mentions[m.label]
		if random.Float64() >= a.replace || len(others) == 0 {
			continue
		}
		other := others[random.IntN(len(others))]
		if length += len(other.IDs) - (m.end - m.first); length > a.maxLength {
			length -= len(other.IDs) - (m.end - m.first)
			continue
		}
		out.IDs = append(append(out.IDs, row.IDs[at:m.first]...), other.IDs...)
		out.Tags = append(append(out.Tags, row.Tags[at:m.first]...), other.Tags...)
		at = m.end
	}
	out.IDs = append(out.IDs, row.IDs[at:]...)
	out.Tags = append(out.Tags, row.Tags[at:]...)
	return out
}

// dividePieces puts smaller pieces in the place of some, as if the vocabulary had not those: a name that the training set has
// often is then also seen as a rare one is. What would become longer than a window stays.
func (a *augmenter) dividePieces(row torchmodel.Row, random *rand.Rand) torchmodel.Row {
	if a.divide == 0 {
		return row
	}
	var out torchmodel.Row
	for i, id := range row.IDs {
		parts := a.halves[id]
		if len(parts) == 0 || random.Float64() >= a.divide || len(out.IDs)+len(parts)+len(row.IDs)-i-1 > a.maxLength {
			parts = row.IDs[i : i+1]
		}
		out.IDs = append(out.IDs, parts...)
		out.Tags = append(out.Tags, row.Tags[i])
		for range parts[1:] {
			out.Tags = append(out.Tags, a.within(row.Tags[i]))
		}
	}
	return out
}

// within is the tag of a piece that goes on a word whose earlier piece has the tag.
func (a *augmenter) within(tag int64) int64 {
	if tag == labels.Ignored || !a.labelAll {
		return labels.Ignored
	}
	return int64(a.set.Inside(int(tag)))
}

// hideTokens hides tokens of the text: all but [CLS] and [SEP].
func (a *augmenter) hideTokens(row torchmodel.Row, random *rand.Rand) torchmodel.Row {
	if a.hide == 0 {
		return row
	}
	row.IDs = slices.Clone(row.IDs)
	for i := 1; i < len(row.IDs)-1; i++ {
		if random.Float64() < a.hide {
			row.IDs[i] = a.mask
		}
	}
	return row
}
