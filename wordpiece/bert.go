package wordpiece

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"github.com/sugarme/tokenizer"
)

// DefaultMaxWordLength is the length in code points above which BERT makes a word [UNK] without looking at it.
const DefaultMaxWordLength = 100

// Options are what differs between the tokenizers of the BERT family. They have the names and meanings of Hugging
// Face's BertNormalizer; DefaultOptions are those of bert-base-uncased.
type Options struct {
	Lowercase          bool  // do_lower_case
	StripAccents       *bool // strip_accents; nil: as Lowercase
	HandleChineseChars bool  // tokenize_chinese_chars: each CJK ideograph is a word of its own
	CleanText          bool  // controls are dropped, every kind of white space becomes a space
	MaxWordLength      int   // in code points after normalisation; 0: DefaultMaxWordLength
	ModelMaxLength     int   // in tokens, [CLS] and [SEP] included; only kept for Save; 0: not known
}

// DefaultOptions are the options of bert-base-uncased and distilbert-base-uncased.
func DefaultOptions() Options {
	return Options{
		Lowercase:          true,
		HandleChineseChars: true,
		CleanText:          true,
		MaxWordLength:      DefaultMaxWordLength,
		ModelMaxLength:     512,
	}
}

func (o Options) stripAccents() bool {
	if o.StripAccents != nil {
		return *o.StripAccents
	}
	return o.Lowercase
}

// BERT is the tokenizer of BERT, DistilBERT and their kin.
type BERT struct {
	vocab    *Vocabulary
	opts     Options
	model    tokenizer.Model // splits one word into pieces
	specials specials
	scratch  sync.Pool // of *scratch
}

var _ Tokenizer = (*BERT)(nil)

// New makes the tokenizer of this vocabulary.
func New(vocab *Vocabulary, opts Options) (*BERT, error) {
	if opts.MaxWordLength == 0 {
		opts.MaxWordLength = DefaultMaxWordLength
	}
	if opts.MaxWordLength < 0 || opts.ModelMaxLength < 0 {
		return nil, fmt.Errorf("tokenizer: MaxWordLength %d and ModelMaxLength %d must not be negative",
			opts.MaxWordLength, opts.ModelMaxLength)
	}
	b := &BERT{vocab: vocab, opts: opts, model: newModel(vocab, opts.MaxWordLength), specials: newSpecials(vocab)}
	b.scratch.New = func() any { return new(scratch) }
	return b, nil
}

// Vocabulary returns the pieces that the ids stand for.
func (b *BERT) Vocabulary() *Vocabulary { return b.vocab }

// Options returns the options that the tokenizer was made with.
func (b *BERT) Options() Options { return b.opts }

// scratch is the memory of one Encode, kept for the next.
type scratch struct {
	chars, decomposed []char
	word              []byte
}

// Encode returns the tokens of the whole text between [CLS] and [SEP]. Bytes that are not UTF-8 count as one code point
// each, as ranging over a string counts them.
func (b *BERT) Encode(text string) (Encoding, error) {
	s := b.scratch.Get().(*scratch)
	defer b.scratch.Put(s)

	guess := len(text)/4 + 8
	enc := Encoding{IDs: make([]int32, 0, guess), Offsets: make([]Offset, 0, guess)}
	enc.add(b.vocab.Cls(), Offset{})
	s.chars = s.chars[:0]
	at := 0 // code points before text[i:]
	for i := 0; i < len(text); at++ {
		if id, length := b.specials.match(text[i:]); length > 0 {
			if err := b.encodeSegment(s, &enc); err != nil {
				return Encoding{}, err
			}
			count := utf8.RuneCountInString(text[i : i+length])
			enc.add(id, Offset{at, at + count})
			i += length
			at += count - 1
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		s.chars = append(s.chars, char{r, int32(at)})
		i += size
	}
	if err := b.encodeSegment(s, &enc); err != nil {
		return Encoding{}, err
	}
	enc.add(b.vocab.Sep(), Offset{})
	return enc, nil
}

func (e *Encoding) add(id int32, offset Offset) {
	e.IDs = append(e.IDs, id)
	e.Offsets = append(e.Offsets, offset)
}

// encodeSegment adds the tokens of s.chars, a stretch of text without special tokens, and empties it.
func (b *BERT) encodeSegment(s *scratch, enc *Encoding) error {
	chars := b.opts.normalize(s)
	defer func() { s.chars = s.chars[:0] }()
	for word, rest := nextWord(chars); len(word) > 0; word, rest = nextWord(rest) {
		if err := b.encodeWord(s, word, enc); err != nil {
			return err
		}
	}
	return nil
}

// encodeWord adds the pieces of one word.
func (b *BERT) encodeWord(s *scratch, word []char, enc *Encoding) error {
	s.word = s.word[:0]
	for _, c := range word {
		s.word = utf8.AppendRune(s.word, c.r)
	}
	if len(word) <= b.opts.MaxWordLength {
		// Most words of a transcript are pieces themselves; the compiler makes no copy of the bytes here.
		if id, ok := b.vocab.ids[string(s.word)]; ok {
			enc.add(id, offsetOf(word))
			return nil
		}
	}
	pieces, err := b.model.Tokenize(string(s.word))
	if err != nil {
		return fmt.Errorf("tokenize a word of %d code points: %w", len(word), err)
	}
	for _, piece := range pieces {
		enc.add(int32(piece.Id), offsetOf(word[piece.Offsets[0]:piece.Offsets[1]]))
	}
	return nil
}

// offsetOf is the stretch of the original text from which chars come; chars is not empty.
func offsetOf(chars []char) Offset {
	return Offset{int(chars[0].at), int(chars[len(chars)-1].at) + 1}
}
