package stages

import (
	"unicode/utf8"

	"pii/labels"
	"pii/wordpiece"
)

// viterbi is the setting for decoding that transformers does not have: the best legal sequence of tags.
const viterbi = "viterbi"

// aggregationNames are the values of the setting aggregation.
func aggregationNames() []string {
	names := []string{viterbi}
	for _, a := range labels.Aggregations() {
		names = append(names, string(a))
	}
	return names
}

// aggregation is transformers' way of grouping that is asked for, "" where none is.
func (c *Config) aggregation() labels.Aggregation {
	if c.Aggregation == viterbi {
		return ""
	}
	return labels.Aggregation(c.Aggregation)
}

// groups finds what the token-classification pipeline of transformers finds, window by window.
func (t *Tagger) groups(p prepared) ([]PredictedEntity, error) {
	width := t.set.Len()
	var all []labels.Group
	for w, window := range p.windows {
		last := window.Len() - 1
		tokens := t.pipelineTokens(p.text, window)
		found, err := t.set.Aggregate(t.aggregate, p.logits[w][width:last*width], tokens, wordpiece.Join)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(p.windows) > 1 {
		all = labels.MergeGroups(all)
	}
	entities := make([]PredictedEntity, len(all))
	for i, g := range all {
		if t.aggregate == labels.AggregateNone {
			entities[i].Index = g.Index
		}
		entities[i].Start, entities[i].End, entities[i].Label, entities[i].Word = g.Start, g.End, g.Label, g.Words
		entities[i].PII, entities[i].Score = t.set.PII(t.typeOf(g.Label)), g.Score
	}
	return entities, nil
}

// pipelineTokens are a window's tokens without [CLS] and [SEP], as the pipeline sees them: a piece goes on with a word where
// it has another length than its text, which by ## it has, and which it also has where normalisation changed the number of
// code points. An unknown word is shown as the text has it.
func (t *Tagger) pipelineTokens(text string, window wordpiece.Window) []labels.Token {
	runes := []rune(text)
	tokens := make([]labels.Token, 0, window.Len()-2)
	for i := 1; i < window.Len()-1; i++ {
		offset := labels.Offset(window.Offsets[i])
		token := labels.Token{Offset: offset, Word: t.tokenizer.Vocabulary().Piece(window.IDs[i]), Index: i}
		token.Continues = utf8.RuneCountInString(token.Word) != offset.End-offset.Start
		if token.Word == wordpiece.UnkToken {
			token.Word, token.Continues = string(runes[offset.Start:offset.End]), false
		}
		tokens = append(tokens, token)
	}
	return tokens
}
