// Package wordpiece turns text into token ids and offsets exactly as Hugging Face's BERT tokenizers do it.
//
// A text passes five steps: special tokens such as [MASK] are found in it, the rest is normalised, split into words,
// each word into pieces of the vocabulary, and [CLS] and [SEP] are put around it all. Every step keeps, for each code
// point that it makes, the code point of the original text that it comes from; so offsets need no repair afterwards.
// The package also cuts long encodings into overlapping windows and learns vocabularies from texts.
package wordpiece

// Offset is where a token stands in its text: half-open [Start, End), in Unicode code points. Special tokens that the
// tokenizer adds have the empty offset {0, 0}.
type Offset struct{ Start, End int }

// Encoding is a tokenized text, or a window of one. It starts with [CLS] and ends with [SEP].
type Encoding struct {
	IDs     []int32  // one a token
	Offsets []Offset // one a token; starts never decrease among the tokens of the text
}

// Len is the number of tokens, [CLS] and [SEP] included.
func (e Encoding) Len() int { return len(e.IDs) }

// Tokenizer turns texts into encodings. Its methods may be called from many goroutines at once.
type Tokenizer interface {
	// Encode returns the tokens of the whole text, however long it is; Windows cuts them to a model's length.
	Encode(text string) (Encoding, error)
	// Vocabulary returns the pieces that the ids stand for.
	Vocabulary() *Vocabulary
}
