package wordpiece

import (
	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/model"
	"github.com/sugarme/tokenizer/model/wordpiece"
)

// This file is the whole of what is taken from github.com/sugarme/tokenizer: its WordPiece model, which splits a single
// word that is already normalised and gives offsets in code points of that word. That part equals Hugging Face's.
//
// The rest of its pipeline does not: of the 474 texts in scripts/parity/testdata/tokenization.jsonl it gives other ids for 146, panics on 4,
// and of the rest 321 get other offsets in code points. Components of ours passed to it could not mend that, since all of them work on
// its NormalizedString, whose bookkeeping is where most faults are. What they are, and where each is put right here:
//
//   - issue 82: letters with accents become [UNK]. Its BertNormalizer strips marks without decomposing first, and it
//     lower-cases before it strips. See Options.normalize.
//   - issue 77: a panic where lower case is shorter or longer in bytes (İ, ẞ, Ⱥ), wrong offsets elsewhere. See char,
//     which carries the place in the original through each step.
//   - Hangul and Devanagari with vowel signs: the same cause as issue 82. See decompose.
//   - No-break, ideographic and other Unicode spaces stay inside words: it takes white space to be space, tab, CR and LF,
//     and makes it a space only right before a character that is dropped. See clean.
//   - Byte-order marks, controls and private-use characters take neighbours or offsets with them. See clean.
//   - Special tokens in a text are split at their brackets unless they are registered; when they are, several of them
//     are looked for in the order of their ids rather than of the text. See specials.
//   - Encode gives byte offsets; EncodeCharOffsets converts them, but loses the end of a text's last token.
//   - EncodeBatch starts one goroutine for each text, however many there are. There is no batch call here.
//   - Its trainer of WordPiece vocabularies puts the address of a pointer where the prefix belongs, loses the special
//     tokens, makes another vocabulary each time and four times as many pieces as asked for. See Train.

// newModel makes sugarme's WordPiece model of a vocabulary. It only reads its maps, so many goroutines may use it.
func newModel(vocab *Vocabulary, maxWordLength int) tokenizer.Model {
	ids := make(model.Vocab, vocab.Len())
	for id, piece := range vocab.pieces {
		ids[piece] = id
	}
	return wordpiece.NewWordPieceBuilder().
		Vocab(&ids).
		UnkToken(UnkToken).
		ContinuingSubwordPrefix(Prefix).
		MaxInputCharsPerWord(maxWordLength).
		Build()
}
