package wordpiece

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
)

// tokenizerJSON is a tokenizer.json of the BERT family. Its fields are in the order in which Hugging Face writes them.
type tokenizerJSON struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"` // not read: Windows takes its place
	Padding       json.RawMessage `json:"padding"`    // not read: batches are padded by the model's reader
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    *normalizer     `json:"normalizer"`
	PreTokenizer  *component      `json:"pre_tokenizer"`
	PostProcessor *postProcessor  `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"` // not read: nothing is decoded here
	Model         pieceModel      `json:"model"`
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type component struct {
	Type string `json:"type"`
}

type normalizer struct {
	Type               string `json:"type"`
	CleanText          bool   `json:"clean_text"`
	HandleChineseChars bool   `json:"handle_chinese_chars"`
	StripAccents       *bool  `json:"strip_accents"`
	Lowercase          bool   `json:"lowercase"`
}

// postProcessor is BertProcessing, which has sep and cls, or TemplateProcessing, which has a template.
type postProcessor struct {
	Type    string                      `json:"type"`
	Sep     *namedID                    `json:"sep,omitempty"`
	Cls     *namedID                    `json:"cls,omitempty"`
	Single  []map[string]map[string]any `json:"single,omitempty"`
	Special map[string]struct {
		IDs []int `json:"ids"`
	} `json:"special_tokens,omitempty"`
}

// namedID is a token and its id, an array of two in JSON.
type namedID struct {
	Token string
	ID    int
}

// MarshalJSON writes ["[SEP]", 3].
func (n namedID) MarshalJSON() ([]byte, error) { return json.Marshal([]any{n.Token, n.ID}) }

// UnmarshalJSON reads ["[SEP]", 3].
func (n *namedID) UnmarshalJSON(data []byte) error {
	pair := []any{&n.Token, &n.ID}
	if err := json.Unmarshal(data, &pair); err != nil || len(pair) != 2 {
		return errors.New("a special token of post_processor must be its name and id")
	}
	return nil
}

type pieceModel struct {
	Type          string     `json:"type"`
	UnkToken      string     `json:"unk_token"`
	Prefix        string     `json:"continuing_subword_prefix"`
	MaxWordLength int        `json:"max_input_chars_per_word"`
	Vocab         orderedIDs `json:"vocab"`
}

// orderedIDs are the ids of pieces, written in the order of the ids.
type orderedIDs map[string]int

// MarshalJSON writes the pieces in the order of their ids.
func (ids orderedIDs) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, piece := range ids.sorted() {
		if i > 0 {
			out.WriteByte(',')
		}
		key, err := marshal(piece.Token)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%s:%d", key, piece.ID)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (ids orderedIDs) sorted() []namedID {
	pieces := make([]namedID, 0, len(ids))
	for piece, id := range ids {
		pieces = append(pieces, namedID{piece, id})
	}
	slices.SortFunc(pieces, func(a, b namedID) int { return cmp.Compare(a.ID, b.ID) })
	return pieces
}

// readTokenizerJSON reads a tokenizer.json; a component of it that is not BERT's is refused by name.
func readTokenizerJSON(path string) (*tokenizerJSON, *Vocabulary, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read tokenizer: %w", err)
	}
	file := &tokenizerJSON{}
	if err := unmarshal(data, file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	vocab, err := file.vocabulary()
	if err == nil {
		err = file.check(vocab)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, vocab, nil
}

// vocabulary is the model's with the added tokens after it; their ids must leave no gap.
func (f *tokenizerJSON) vocabulary() (*Vocabulary, error) {
	ids := make(orderedIDs, len(f.Model.Vocab)+len(f.AddedTokens))
	for piece, id := range f.Model.Vocab {
		ids[piece] = id
	}
	for i, token := range f.AddedTokens {
		if id, ok := ids[token.Content]; ok && id != token.ID {
			return nil, fmt.Errorf("added_tokens[%d]: %q has the id %d there and %d in model.vocab", i, token.Content, token.ID, id)
		}
		ids[token.Content] = token.ID
	}
	pieces := make([]string, 0, len(ids))
	for id, piece := range ids.sorted() {
		if piece.ID != id {
			return nil, fmt.Errorf("model.vocab: %q has the id %d where %d was expected", piece.Token, piece.ID, id)
		}
		pieces = append(pieces, piece.Token)
	}
	return NewVocabulary(pieces)
}

func (f *tokenizerJSON) options() Options {
	opts := Options{MaxWordLength: f.Model.MaxWordLength}
	if n := f.Normalizer; n != nil {
		opts.CleanText, opts.HandleChineseChars = n.CleanText, n.HandleChineseChars
		opts.StripAccents, opts.Lowercase = n.StripAccents, n.Lowercase
	} else {
		never := false
		opts.StripAccents = &never
	}
	return opts
}

func (f *tokenizerJSON) check(vocab *Vocabulary) error {
	if f.Model.Type != "" && f.Model.Type != "WordPiece" {
		return unsupported("model.type", f.Model.Type)
	}
	if f.Model.UnkToken != UnkToken {
		return unsupported("model.unk_token", f.Model.UnkToken)
	}
	if f.Model.Prefix != Prefix {
		return unsupported("model.continuing_subword_prefix", f.Model.Prefix)
	}
	if f.Model.MaxWordLength <= 0 {
		return fmt.Errorf("model.max_input_chars_per_word: %d is not above 0", f.Model.MaxWordLength)
	}
	if f.Normalizer != nil && f.Normalizer.Type != "BertNormalizer" {
		return unsupported("normalizer.type", f.Normalizer.Type)
	}
	if f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer" {
		return unsupported("pre_tokenizer.type", typeOf(f.PreTokenizer))
	}
	if err := f.checkAdded(); err != nil {
		return err
	}
	return f.PostProcessor.check(vocab)
}

// checkAdded refuses added tokens that are not found in a text the way BERT's special tokens are.
func (f *tokenizerJSON) checkAdded() error {
	for i, token := range f.AddedTokens {
		if !slices.Contains(SpecialTokens(), token.Content) {
			return unsupported(fmt.Sprintf("added_tokens[%d].content", i), token.Content)
		}
		if token.SingleWord || token.LStrip || token.RStrip || token.Normalized {
			return fmt.Errorf("added_tokens[%d]: single_word, lstrip, rstrip and normalized are supported as false only", i)
		}
	}
	return nil
}

// check refuses a post-processor that does anything but put [CLS] before and [SEP] after a text.
func (p *postProcessor) check(vocab *Vocabulary) error {
	if p == nil {
		return unsupported("post_processor", "null")
	}
	cls, sep := namedID{ClsToken, int(vocab.Cls())}, namedID{SepToken, int(vocab.Sep())}
	switch p.Type {
	case "BertProcessing":
		if p.Cls == nil || p.Sep == nil || *p.Cls != cls || *p.Sep != sep {
			return fmt.Errorf("post_processor: cls and sep must be [CLS] with id %d and [SEP] with id %d", cls.ID, sep.ID)
		}
	case "TemplateProcessing":
		var names []string
		for _, step := range p.Single {
			for kind, value := range step {
				names = append(names, fmt.Sprint(kind, " ", value["id"]))
			}
		}
		if !slices.Equal(names, []string{"SpecialToken [CLS]", "Sequence A", "SpecialToken [SEP]"}) {
			return fmt.Errorf("post_processor.single: only [CLS] $A [SEP] is supported")
		}
		for _, token := range []namedID{cls, sep} {
			if !slices.Equal(p.Special[token.Token].IDs, []int{token.ID}) {
				return fmt.Errorf("post_processor.special_tokens: the ids of %s must be [%d]", token.Token, token.ID)
			}
		}
	default:
		return unsupported("post_processor.type", p.Type)
	}
	return nil
}

func typeOf(c *component) string {
	if c == nil {
		return "null"
	}
	return c.Type
}

func unsupported(field, value string) error {
	return fmt.Errorf("%s: %q is not supported", field, value)
}

// tokenizerJSON is what Save writes: what Hugging Face's tokenizers write for the same tokenizer.
func (b *BERT) tokenizerJSON() tokenizerJSON {
	file := tokenizerJSON{
		Version: "1.0",
		Normalizer: &normalizer{
			"BertNormalizer", b.opts.CleanText, b.opts.HandleChineseChars, b.opts.StripAccents, b.opts.Lowercase,
		},
		PreTokenizer: &component{"BertPreTokenizer"},
		PostProcessor: &postProcessor{
			Type: "BertProcessing",
			Sep:  &namedID{SepToken, int(b.vocab.Sep())},
			Cls:  &namedID{ClsToken, int(b.vocab.Cls())},
		},
		Decoder: json.RawMessage(`{"type": "WordPiece", "prefix": "##", "cleanup": true}`),
		Model:   pieceModel{"WordPiece", UnkToken, Prefix, b.opts.MaxWordLength, make(orderedIDs, b.vocab.Len())},
	}
	for _, token := range SpecialTokens() {
		id, _ := b.vocab.ID(token)
		file.AddedTokens = append(file.AddedTokens, addedToken{ID: int(id), Content: token, Special: true})
	}
	sort.Slice(file.AddedTokens, func(i, j int) bool { return file.AddedTokens[i].ID < file.AddedTokens[j].ID })
	for id, piece := range b.vocab.pieces {
		file.Model.Vocab[piece] = id
	}
	return file
}

// marshal writes JSON in which <, > and & stay as they are.
func marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

func writeJSON(path string, value any) error {
	data, err := marshal(value)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// unmarshal reads JSON; an error says in which line it is.
func unmarshal(data []byte, value any) error {
	err := json.Unmarshal(data, value)
	offset := int64(-1)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		offset = syntax.Offset
	} else if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		offset = wrong.Offset
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	return fmt.Errorf("line %d: %w", bytes.Count(data[:offset], []byte("\n"))+1, err)
}
