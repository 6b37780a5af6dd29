package stages

import (
	"math/rand/v2"
	"slices"

	"pii/labels"
	"pii/torchmodel"
)

// augmenter changes training examples a little each time that they are seen, so that the model learns what stands around
// an entity apart from the entity itself. All changes are functions of the random source that it is handed.
type augmenter struct {
	set       *labels.Set
	mask      int32   // id of [MASK]
	hide      float64 // probability that a token is hidden: word dropout (Iyyer et al. 2015, doi:10.3115/v1/P15-1162)
	replace   float64 // probability that a mention is replaced (Dai & Adel 2020, arXiv:2010.11683)
	maxLength int
	mentions  map[string][]torchmodel.Row // the tokens and tags of every mention of a type in the training set
}

func newAugmenter(cfg *Config, set *labels.Set, mask int32, train []Example) *augmenter {
	a := &augmenter{set: set, mask: mask, hide: cfg.WordDropout, replace: cfg.MentionReplacement, maxLength: cfg.MaxLength,
		mentions: map[string][]torchmodel.Row{}}
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
		out[i] = a.hideTokens(a.replaceMentions(row, random), random)
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
