package wordpiece

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// The files of a tokenizer in a Hugging Face model folder.
const (
	vocabFile       = "vocab.txt"
	tokenizerFile   = "tokenizer.json"
	configFile      = "tokenizer_config.json"
	specialMapFile  = "special_tokens_map.json"
	addedFile       = "added_tokens.json"
	modelFile       = "config.json" // the model's; it names the tokenizer's class where tokenizer_config.json does not
	unlimitedLength = 1e9           // transformers writes numbers above this where a model's length is not known
)

// Load reads the tokenizer of a Hugging Face model folder, and reads it as transformers does.
//
// The vocabulary is that of tokenizer.json, or of vocab.txt where there is no tokenizer.json. The tokenizer's class is the
// tokenizer_class of tokenizer_config.json, else that of config.json, else that of config.json's model_type. The options
// are those of tokenizer_config.json, with BERT's defaults for what it does not say, if the class is BERT's or
// DistilBERT's; if it is any tokenizer.json's, or not known, they are those of tokenizer.json.
//
// A folder in which transformers would find tokens in a text that Load does not, or the other way round, is refused: the
// special tokens are BERT's five, each found as it is written, and no others.
func Load(dir string) (*BERT, error) {
	config, err := readConfig(dir)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, tokenizerFile)
	file, vocab, err := readTokenizerJSON(path)
	if errors.Is(err, fs.ErrNotExist) {
		path, file = filepath.Join(dir, vocabFile), nil
		vocab, err = ReadVocabulary(path)
	}
	if err != nil {
		return nil, err
	}
	opts, err := config.apply(path, file, vocab)
	if err != nil {
		return nil, err
	}
	bert, err := New(vocab, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return bert, nil
}

// tokenizerConfig is what is read of tokenizer_config.json and of the files that add to it.
type tokenizerConfig struct {
	path  string
	model modelConfig
	named map[string]string // the special tokens that the files name, by their keys; "" for one that is set to null
	added addedIDs          // of added_tokens_decoder, or else of added_tokens.json

	Class         *string  `json:"tokenizer_class"`
	Lowercase     *bool    `json:"do_lower_case"`
	StripAccents  *bool    `json:"strip_accents"`
	ChineseChars  *bool    `json:"tokenize_chinese_chars"`
	MaxLength     *float64 `json:"model_max_length"`
	OldMaxLength  *float64 `json:"max_len"` // the name of model_max_length before transformers 3
	SplitSpecials bool     `json:"split_special_tokens"`

	Added map[string]specialToken `json:"added_tokens_decoder"`
}

// modelConfig is what is read of config.json.
type modelConfig struct {
	path  string
	Class string `json:"tokenizer_class"`
	Type  string `json:"model_type"`
}

func readConfig(dir string) (*tokenizerConfig, error) {
	c := &tokenizerConfig{path: filepath.Join(dir, configFile), model: modelConfig{path: filepath.Join(dir, modelFile)}}
	fields, err := readFields(c.path, c)
	if err != nil {
		return nil, err
	}
	if _, ok := fields["model_max_length"]; !ok {
		c.MaxLength = c.OldMaxLength
	}
	if c.SplitSpecials {
		return nil, fmt.Errorf("%s: split_special_tokens: only false is supported", c.path)
	}
	if c.named, err = specialNames(c.path, fields); err != nil {
		return nil, err
	}
	if c.Class == nil {
		if _, err := readFields(c.model.path, &c.model); err != nil {
			return nil, err
		}
	}
	return c, c.readAdded(dir)
}

// readFields reads a file with a JSON object into value, unless that is nil, and returns its fields; none if there is no such
// file.
func readFields(path string, value any) (map[string]json.RawMessage, error) {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read tokenizer configuration: %w", err)
	}
	var fields map[string]json.RawMessage
	if err = unmarshal(data, &fields); err == nil && value != nil {
		err = unmarshal(data, value)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fields, nil
}

// bertClasses are the tokenizers that transformers builds from tokenizer_config.json, whatever tokenizer.json says.
var bertClasses = []string{"BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast"}

// otherClasses are the tokenizers that transformers takes from tokenizer.json as it is.
var otherClasses = []string{"TokenizersBackend", "PreTrainedTokenizerFast"}

// bertTypes are the models whose tokenizer is BERT's where no file names its class.
var bertTypes = []string{"bert", "distilbert"}

// isBERT tells whether the tokenizer is one of bertClasses; else it is one of otherClasses, which need a tokenizer.json.
// Without a tokenizer.json and a class, transformers reads nothing; here vocab.txt is then read as BERT's.
func (c *tokenizerConfig) isBERT(hasJSON bool) (bool, error) {
	class, path := c.model.Class, c.model.path
	if c.Class != nil {
		class, path = *c.Class, c.path
	} else if class == "" && c.model.Type == "" {
		return !hasJSON, nil
	} else if class == "" {
		if !slices.Contains(bertTypes, c.model.Type) {
			return false, fmt.Errorf("%s: the tokenizer of the model_type %q is not supported", path, c.model.Type)
		}
		return true, nil
	}
	if slices.Contains(bertClasses, class) {
		return true, nil
	}
	if !slices.Contains(otherClasses, class) {
		return false, fmt.Errorf("%s: the tokenizer_class %q is not supported", path, class)
	}
	if !hasJSON {
		return false, fmt.Errorf("%s: the tokenizer_class %q needs a %s", path, class, tokenizerFile)
	}
	return false, nil
}

// apply returns the options of the tokenizer whose vocabulary is in path. File is its tokenizer.json, nil if it has none.
func (c *tokenizerConfig) apply(path string, file *tokenizerJSON, vocab *Vocabulary) (Options, error) {
	bert, err := c.isBERT(file != nil)
	if err == nil {
		err = c.added.check(vocab)
	}
	if err == nil {
		err = c.checkSpecial(path, bert, file)
	}
	if err != nil {
		return Options{}, err
	}
	opts := DefaultOptions()
	if bert {
		c.set(&opts)
	} else {
		opts = file.options()
	}
	opts.ModelMaxLength = 0
	if c.MaxLength != nil && *c.MaxLength < unlimitedLength {
		opts.ModelMaxLength = int(*c.MaxLength)
	}
	return opts, nil
}

// set sets the options that tokenizer_config.json has.
func (c *tokenizerConfig) set(opts *Options) {
	opts.StripAccents = c.StripAccents
	if c.Lowercase != nil {
		opts.Lowercase = *c.Lowercase
	}
	if c.ChineseChars != nil {
		opts.HandleChineseChars = *c.ChineseChars
	}
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
