package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"pii/wordpiece"
)

// encoded is a text, or a window of one, as Hugging Face encodes it, [CLS] and [SEP] included.
type encoded struct {
	Text    string   `json:"text"`
	IDs     []int32  `json:"ids"`
	Offsets [][2]int `json:"offsets"`
}

func (e encoded) equals(got wordpiece.Encoding) bool {
	return slices.Equal(e.IDs, got.IDs) && slices.EqualFunc(e.Offsets, got.Offsets, func(want [2]int, o wordpiece.Offset) bool {
		return want == [2]int{o.Start, o.End}
	})
}

type windowed struct {
	Text      string    `json:"text"`
	MaxLength int       `json:"max_length"`
	Stride    int       `json:"stride"`
	Windows   []encoded `json:"windows"`
}

func checkTokenization(dir string) []row {
	model := filepath.Join(dir, modelName)
	rows := []row{
		{what: "token ids and offsets, vocab.txt"}, {what: "token ids and offsets, tokenizer.json"}, {what: "windows with stride"},
	}
	fromJSON, err := wordpiece.Load(model)
	var fromVocabulary *wordpiece.BERT
	rows[0].err, rows[1].err, rows[2].err = err, err, err
	if err == nil {
		fromVocabulary, rows[0].err = vocabularyTokenizer(model, fromJSON)
	}
	texts, err := readLines[encoded](filepath.Join(dir, "tokenization.jsonl"))
	for i, tokenizer := range []*wordpiece.BERT{fromVocabulary, fromJSON} {
		r := &rows[i]
		if r.err == nil {
			r.err = err
		}
		if r.err == nil {
			compareTexts(r, tokenizer, texts)
		}
	}
	if rows[2].err == nil {
		compareWindows(&rows[2], fromJSON, filepath.Join(dir, "windows.jsonl"))
	}
	return rows
}

// vocabularyTokenizer reads the pieces from vocab.txt; how they are read is as in the other one.
func vocabularyTokenizer(model string, like *wordpiece.BERT) (*wordpiece.BERT, error) {
	vocabulary, err := wordpiece.ReadVocabulary(filepath.Join(model, "vocab.txt"))
	if err != nil {
		return nil, err
	}
	return wordpiece.New(vocabulary, like.Options())
}

func compareTexts(r *row, tokenizer *wordpiece.BERT, texts []encoded) {
	for i, want := range texts {
		got, err := tokenizer.Encode(want.Text)
		r.same(err == nil && want.equals(got), fmt.Sprintf("tokenization.jsonl:%d", i+1))
	}
}

func compareWindows(r *row, tokenizer *wordpiece.BERT, path string) {
	var lines []windowed
	if lines, r.err = readLines[windowed](path); r.err != nil {
		return
	}
	for i, want := range lines {
		where := fmt.Sprintf("windows.jsonl:%d", i+1)
		whole, err := tokenizer.Encode(want.Text)
		if err != nil {
			r.err = fmt.Errorf("%s: %w", where, err)
			return
		}
		read := asRead(whole, tokenizer.Vocabulary(), want.MaxLength)
		got, err := wordpiece.Windows(read, want.MaxLength, want.Stride)
		r.same(err == nil && len(got) == len(want.Windows), where)
		for w := range min(len(got), len(want.Windows)) {
			r.same(want.Windows[w].equals(got[w].Encoding), fmt.Sprintf("%s, window %d", where, w+1))
		}
	}
}

// asRead is the part of an encoding that Hugging Face's tokenizers 0.23 reads where truncation is switched on: whole words
// until there are maxLength tokens, without [CLS] and [SEP]. So its windows, which it calls overflowing tokens, end soon
// after the first, and what comes later in a text is in none. Windows themselves go on to the end of the text.
func asRead(whole wordpiece.Encoding, vocabulary *wordpiece.Vocabulary, maxLength int) wordpiece.Encoding {
	end, last := 1+maxLength, whole.Len()-1
	for end < last && strings.HasPrefix(vocabulary.Piece(whole.IDs[end]), wordpiece.Prefix) {
		end++
	}
	if end >= last {
		return whole
	}
	return wordpiece.Encoding{
		IDs:     append(slices.Clone(whole.IDs[:end]), whole.IDs[last]),
		Offsets: append(slices.Clone(whole.Offsets[:end]), whole.Offsets[last]),
	}
}
