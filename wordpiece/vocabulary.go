package wordpiece

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
)

// Prefix marks the pieces that continue a word.
const Prefix = "##"

// The names of the special tokens of BERT.
const (
	PadToken  = "[PAD]"
	UnkToken  = "[UNK]"
	ClsToken  = "[CLS]"
	SepToken  = "[SEP]"
	MaskToken = "[MASK]"
)

// SpecialTokens returns the names of the special tokens in the order in which Train numbers them from 0.
func SpecialTokens() []string { return []string{PadToken, UnkToken, ClsToken, SepToken, MaskToken} }

// Vocabulary is an ordered list of pieces; the id of a piece is its place in the list. It does not change after it is
// made, and always has the five special tokens.
type Vocabulary struct {
	pieces []string
	ids    map[string]int32
}

// NewVocabulary makes the vocabulary of these pieces, the first of which has id 0. An error names the first piece, counted
// from 1, that is empty or doubled, or the special token that is missing.
func NewVocabulary(pieces []string) (*Vocabulary, error) {
	v := &Vocabulary{pieces: append([]string(nil), pieces...), ids: make(map[string]int32, len(pieces))}
	for id, piece := range v.pieces {
		if err := v.check(piece); err != nil {
			return nil, fmt.Errorf("vocabulary: piece %d: %w", id+1, err)
		}
		v.ids[piece] = int32(id)
	}
	if err := v.complete(); err != nil {
		return nil, fmt.Errorf("vocabulary: %w", err)
	}
	return v, nil
}

var errEmpty = errors.New("it is empty")

// check tells whether piece can be the next one. Line breaks would not survive vocab.txt.
func (v *Vocabulary) check(piece string) error {
	if piece == "" {
		return errEmpty
	}
	if strings.ContainsAny(piece, "\r\n") {
		return fmt.Errorf("%q holds a line break", piece)
	}
	if first, ok := v.ids[piece]; ok {
		return fmt.Errorf("%q is already piece %d", piece, first+1)
	}
	return nil
}

func (v *Vocabulary) complete() error {
	for _, token := range SpecialTokens() {
		if _, ok := v.ids[token]; !ok {
			return fmt.Errorf("the special token %s is missing", token)
		}
	}
	return nil
}

// ReadVocabulary reads a vocab.txt: one piece a line, its id the line number from 0. White space at the end of a line is not
// part of its piece, unless the line holds nothing else. Empty lines may only end the file, and are no pieces.
func ReadVocabulary(path string) (*Vocabulary, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read vocabulary: %w", err)
	}
	return ParseVocabulary(bytes.NewReader(data), path)
}

// ParseVocabulary reads what ReadVocabulary reads, from r. Errors name the line, and name as the file.
func ParseVocabulary(r io.Reader, name string) (*Vocabulary, error) {
	v := &Vocabulary{ids: map[string]int32{}}
	lines := bufio.NewScanner(r)
	empty := false // the line after the last piece
	for lines.Scan() {
		piece := trimEnd(lines.Text())
		if piece == "" && len(v.pieces) > 0 {
			empty = true
			continue
		}
		err := v.check(piece)
		if empty {
			err = errEmpty
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, len(v.pieces)+1, err)
		}
		v.ids[piece] = int32(len(v.pieces))
		v.pieces = append(v.pieces, piece)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, len(v.pieces)+1, err)
	}
	if err := v.complete(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// trimEnd drops white space from the end of a line. A line of white space is kept, and with it the ids of those after it:
// the vocabularies of some models have U+2028. No word holds white space, so no text has such a piece.
func trimEnd(line string) string {
	if piece := strings.TrimRightFunc(line, unicode.IsSpace); piece != "" {
		return piece
	}
	return line
}

// Write writes the vocabulary as vocab.txt to path.
func (v *Vocabulary) Write(path string) error {
	if err := os.WriteFile(path, []byte(strings.Join(v.pieces, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("write vocabulary: %w", err)
	}
	return nil
}

// Len is the number of pieces, the height of a model's word embedding.
func (v *Vocabulary) Len() int { return len(v.pieces) }

// Pieces returns all pieces in the order of their ids. The caller must not change them.
func (v *Vocabulary) Pieces() []string { return v.pieces }

// Piece is the piece with this id, or "" where there is none.
func (v *Vocabulary) Piece(id int32) string {
	if id < 0 || int(id) >= len(v.pieces) {
		return ""
	}
	return v.pieces[id]
}

// ID is the id of this piece, if the vocabulary has it.
func (v *Vocabulary) ID(piece string) (int32, bool) { id, ok := v.ids[piece]; return id, ok }

// Pad is the id of [PAD], which fills up the shorter texts of a batch.
func (v *Vocabulary) Pad() int32 { return v.ids[PadToken] }

// Unk is the id of [UNK], which stands for a word that the pieces cannot spell.
func (v *Vocabulary) Unk() int32 { return v.ids[UnkToken] }

// Cls is the id of [CLS], the first token of every encoding.
func (v *Vocabulary) Cls() int32 { return v.ids[ClsToken] }

// Sep is the id of [SEP], the last token of every encoding.
func (v *Vocabulary) Sep() int32 { return v.ids[SepToken] }

// Mask is the id of [MASK].
func (v *Vocabulary) Mask() int32 { return v.ids[MaskToken] }

// Halves gives the pieces, longest first as Encode takes them, that a piece falls into when it may not be taken itself; nil where
// there are none, as for special tokens and single letters.
func (v *Vocabulary) Halves(id int32) []int32 {
	whole := v.Piece(id)
	rest := strings.TrimPrefix(whole, Prefix)
	if slices.Contains(SpecialTokens(), whole) {
		return nil
	}
	prefix := whole[:len(whole)-len(rest)]
	var parts []int32
	for rest != "" {
		end := len(rest)
		if len(parts) == 0 {
			end-- // the piece itself
		}
		for ; end > 0; end-- {
			if part, ok := v.ids[prefix+rest[:end]]; ok {
				parts = append(parts, part)
				break
			}
		}
		if end <= 0 {
			return nil
		}
		prefix, rest = Prefix, rest[end:]
	}
	return parts
}
