package wordpiece

import (
	"github.com/sugarme/tokenizer"
	"github.com/sugarme/tokenizer/model"
	"github.com/sugarme/tokenizer/model/wordpiece"
)

// This file is the whole of what is taken from github.com/sugarme/tokenizer: its WordPiece model, which splits a single
// word that is already normalised and gives offsets in code points of that word. That part equals Hugging Face's.
//
// The rest of its pipeline does not, and could not be mended by components of ours passed to it, since all of them work
// on its NormalizedString, whose bookkeeping is where most faults are. What was found, and where it is put right here:
//
//   - issue 82: letters with accents become [UNK]. Its BertNormalizer strips marks without decomposing first, and it
//     lower-cases before it strips. See decompose and Options.normalize.
//   - issue 77: a panic on İ, and wrong offsets for every text whose letters change their length in bytes (Ⱥ, ẞ, K).
//     See char, which carries the original position through each step.
//   - Devanagari vowel signs, Hangul and combining marks: the same cause as issue 82, together with alignments that
//     shift when a mark is dropped. See decompose.
//   - No-break, ideographic and other Unicode spaces stay inside words: it takes white space to be space, tab, CR and LF,
//     and maps it to a space only right before a removed character. See Options.normalize.
//   - Byte-order marks and private-use characters at the edges shift the offsets of what follows. See Options.normalize.
//   - Special tokens in the text are split at their brackets unless they are registered, and when they are, several of
//     them are taken in the order of their ids rather than of the text. See specials.
//   - Encode gives byte offsets; EncodeCharOffsets converts them from alignments that are wrong as above.
//   - EncodeBatch starts one goroutine for each text, however many there are. There is no batch call here.
//   - The trainer of WordPiece vocabularies prints a pointer where the prefix belongs, loses the special tokens and counts
//     every letter as 0. See Train.

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
