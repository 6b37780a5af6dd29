package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// The files of a tokenizer in a Hugging Face model folder.
const (
	vocabFile       = "vocab.txt"
	tokenizerFile   = "tokenizer.json"
	configFile      = "tokenizer_config.json"
	specialMapFile  = "special_tokens_map.json"
	unlimitedLength = 1e9 // transformers writes numbers above this where a model's length is not known
)

// Load reads the tokenizer of a Hugging Face model folder, and reads it as transformers does.
//
// The vocabulary is that of tokenizer.json, or of vocab.txt where there is no tokenizer.json. The options are those of
// tokenizer_config.json, with BERT's defaults for what it does not say, if its tokenizer_class is BERT's or DistilBERT's
// or not given; else, or without that file, they are those of tokenizer.json.
func Load(dir string) (*BERT, error) {
	config, err := readConfig(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, tokenizerFile)
	vocab, opts, err := readTokenizerJSON(path)
	if errors.Is(err, fs.ErrNotExist) {
		path = filepath.Join(dir, vocabFile)
		vocab, err = ReadVocabulary(path)
		opts = DefaultOptions()
		if err == nil {
			err = config.checkAdded(vocab)
		}
	}
	if err != nil {
		return nil, err
	}
	if opts, err = config.apply(opts); err != nil {
		return nil, err
	}
	bert, err := New(vocab, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return bert, nil
}

// tokenizerConfig is what is read of tokenizer_config.json.
type tokenizerConfig struct {
	path   string
	exists bool

	Class          string   `json:"tokenizer_class"`
	Lowercase      *bool    `json:"do_lower_case"`
	StripAccents   *bool    `json:"strip_accents"`
	ChineseChars   *bool    `json:"tokenize_chinese_chars"`
	ModelMaxLength *float64 `json:"model_max_length"`

	Pad  specialName `json:"pad_token"`
	Unk  specialName `json:"unk_token"`
	Cls  specialName `json:"cls_token"`
	Sep  specialName `json:"sep_token"`
	Mask specialName `json:"mask_token"`

	Added map[string]struct {
		Content string `json:"content"`
	} `json:"added_tokens_decoder"`
}

// specialName is a special token in a configuration, which is a string or an object with the string as its content.
type specialName string

func (n *specialName) UnmarshalJSON(data []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(data, (*string)(n)); err == nil {
		return nil
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return errors.New("a special token must be a string or an object with its content")
	}
	*n = specialName(object.Content)
	return nil
}

func readConfig(path string) (tokenizerConfig, error) {
	config := tokenizerConfig{path: path}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err != nil {
		return config, fmt.Errorf("read tokenizer configuration: %w", err)
	}
	config.exists = true
	if err := unmarshal(data, &config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	return config, config.check()
}

// check refuses special tokens by other names than BERT's.
func (c tokenizerConfig) check() error {
	for i, name := range []specialName{c.Pad, c.Unk, c.Cls, c.Sep, c.Mask} {
		if want := SpecialTokens()[i]; name != "" && string(name) != want {
			return fmt.Errorf("%s: the special token %q is not supported; in its place only %s is", c.path, name, want)
		}
	}
	return nil
}

// checkAdded refuses added tokens that vocab.txt, read without a tokenizer.json, does not make special.
func (c tokenizerConfig) checkAdded(vocab *Vocabulary) error {
	for id, token := range c.Added {
		known, ok := vocab.ID(token.Content)
		if !ok || fmt.Sprint(known) != id || !slices.Contains(SpecialTokens(), token.Content) {
			return fmt.Errorf("%s: added_tokens_decoder: the added token %q with id %s is not supported", c.path, token.Content, id)
		}
	}
	return nil
}

// bertClasses are the tokenizers that transformers builds from tokenizer_config.json, whatever tokenizer.json says.
var bertClasses = []string{"", "BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"}

// otherClasses are the tokenizers that transformers takes from tokenizer.json as it is.
var otherClasses = []string{"TokenizersBackend", "PreTrainedTokenizerFast"}

// apply returns the options with what the configuration says in place of what tokenizer.json says.
func (c tokenizerConfig) apply(opts Options) (Options, error) {
	opts.ModelMaxLength = 0
	if c.ModelMaxLength != nil && *c.ModelMaxLength < unlimitedLength {
		opts.ModelMaxLength = int(*c.ModelMaxLength)
	}
	if !c.exists || slices.Contains(otherClasses, c.Class) {
		return opts, nil
	}
	if !slices.Contains(bertClasses, c.Class) {
		return opts, fmt.Errorf("%s: the tokenizer_class %q is not supported", c.path, c.Class)
	}
	length := opts.ModelMaxLength
	opts = DefaultOptions()
	opts.ModelMaxLength = length
	opts.StripAccents = c.StripAccents
	if c.Lowercase != nil {
		opts.Lowercase = *c.Lowercase
	}
	if c.ChineseChars != nil {
		opts.HandleChineseChars = *c.ChineseChars
	}
	return opts, nil
}

// Save writes the tokenizer into a model folder, which must exist, as vocab.txt, tokenizer.json, tokenizer_config.json
// and special_tokens_map.json; transformers' AutoTokenizer and Load read it back as it is.
func (b *BERT) Save(dir string) error {
	if err := b.vocab.Write(filepath.Join(dir, vocabFile)); err != nil {
		return err
	}
	files := []struct {
		name    string
		content any
	}{
		{tokenizerFile, b.tokenizerJSON()},
		{configFile, b.config()},
		{specialMapFile, specialMap()},
	}
	for _, file := range files {
		if err := writeJSON(filepath.Join(dir, file.name), file.content); err != nil {
			return fmt.Errorf("write tokenizer: %w", err)
		}
	}
	return nil
}

func specialMap() map[string]any {
	return map[string]any{
		"pad_token": PadToken, "unk_token": UnkToken, "cls_token": ClsToken, "sep_token": SepToken, "mask_token": MaskToken,
	}
}

func (b *BERT) config() map[string]any {
	config := specialMap()
	config["do_lower_case"] = b.opts.Lowercase
	config["strip_accents"] = b.opts.StripAccents
	config["tokenize_chinese_chars"] = b.opts.HandleChineseChars
	config["tokenizer_class"] = "DistilBertTokenizer"
	if !b.opts.CleanText || b.opts.MaxWordLength != DefaultMaxWordLength {
		// BERT's own classes have no such options; these are kept where tokenizer.json is taken as it is.
		config["tokenizer_class"] = "PreTrainedTokenizerFast"
	}
	if b.opts.ModelMaxLength > 0 {
		config["model_max_length"] = b.opts.ModelMaxLength
	}
	return config
}
