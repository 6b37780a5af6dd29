package stages

import (
	"errors"
	"os"
	"slices"

	"pii/labels"
	"pii/pipeline"
	"pii/rules"
)

// phraseLists are phrases that are never and always reported, both nil where there is no such file.
type phraseLists struct{ allow, deny *rules.List }

// readLists reads the files that the settings name.
func (c *Config) readLists(set *labels.Set) (l phraseLists, err error) {
	if l.allow, err = readList(c.Allow, set, false); err != nil {
		return l, err
	}
	l.deny, err = readList(c.Deny, set, true)
	return l, err
}

func readList(path string, set *labels.Set, needLabel bool) (list *rules.List, err error) {
	if path == none {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return rules.ReadList(f, path, set.Has, needLabel)
}

// listInputs are the files of phrases as inputs of a stage.
func (c *Config) listInputs() []pipeline.Input {
	var inputs []pipeline.Input
	for _, key := range []string{"allow", "deny"} {
		if path := c.lists()[key]; path != none {
			inputs = append(inputs, pipeline.Input{Name: key, Path: path})
		}
	}
	return inputs
}

// apply adds the phrases that are always reported, with score 1, and leaves out the spans that as a whole are never reported. Both
// follow Presidio: it finds phrases of a deny list where they begin and end with words, and takes what is on the allow list out
// last.
func (l phraseLists) apply(text string, found []PredictedEntity, set *labels.Set) []PredictedEntity {
	if l.deny != nil {
		var phrases []PredictedEntity
		for _, m := range l.deny.Find(text) {
			phrases = append(phrases, PredictedEntity{Start: m.Start, End: m.End, Label: m.Label, PII: set.PII(m.Label), Score: 1})
		}
		found = overlay(phrases, found)
	}
	if l.allow == nil {
		return found
	}
	runes := []rune(text)
	return slices.DeleteFunc(found, func(e PredictedEntity) bool { return l.allow.Holds(e.Label, string(runes[e.Start:e.End])) })
}

// overlay puts phrases over the model's spans. A span that overlaps a phrase gives way to it; but where both are of one type they
// become one span, since to hide less than the model found is not what a phrase is for. The result is never nil: as JSON it is a list.
func overlay(phrases, found []PredictedEntity) []PredictedEntity {
	all := append([]PredictedEntity{}, phrases...)
	for _, e := range found {
		overlaps := func(p PredictedEntity) bool { return p.Start < e.End && e.Start < p.End }
		if !slices.ContainsFunc(all, overlaps) {
			all = append(all, e)
			continue
		}
		joined, beside, other := e, []PredictedEntity(nil), false
		for _, p := range all {
			if !overlaps(p) {
				beside = append(beside, p)
				continue
			}
			other = other || p.Label != e.Label
			joined.Start, joined.End, joined.Score = min(joined.Start, p.Start), max(joined.End, p.End), 1
		}
		if !other {
			all = append(beside, joined)
		}
	}
	slices.SortFunc(all, func(a, b PredictedEntity) int { return a.Start - b.Start })
	return all
}
