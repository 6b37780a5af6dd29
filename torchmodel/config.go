package torchmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
)

// Config describes a DistilBERT for token classification or masked language modelling, as Hugging Face's config.json does.
type Config struct {
	VocabSize        int     // rows of the word embedding
	MaxPositions     int     // rows of the position embedding: the longest input in tokens
	Dim              int     // width D of the hidden state
	HiddenDim        int     // width of the feed-forward layer
	Layers           int     // transformer layers
	Heads            int     // attention heads; divides Dim
	Activation       string  // gelu (exact, by erf) or relu
	Dropout          float64 // probability, everywhere but in attention
	AttentionDropout float64 // probability, on attention weights
	InitializerRange float64 // standard deviation of new weights
	PadTokenID       int
	Labels           []string // names of the K classes in order: O, B-PHONE, …
	MaskedLM         bool     // a masked language model: its classes are the pieces of the vocabulary, and it has no labels

	untied bool // the file says that a masked language model does not share its word embeddings with its output
}

// classes is the number K of classes: of labels, or for a masked language model V of pieces.
func (c Config) classes() int {
	if c.MaskedLM {
		return c.VocabSize
	}
	return len(c.Labels)
}

// Small is the shape trained from scratch where no checkpoint is named.
func Small(vocabSize int, labels []string) Config {
	return Config{VocabSize: vocabSize, MaxPositions: 256, Dim: 192, HiddenDim: 768, Layers: 3, Heads: 6, Activation: "gelu",
		Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.02, Labels: labels}
}

// DistilBERTBase is the shape of distilbert-base-uncased (Sanh et al. 2019, arXiv:1910.01108).
func DistilBERTBase(vocabSize int, labels []string) Config {
	return Config{VocabSize: vocabSize, MaxPositions: 512, Dim: 768, HiddenDim: 3072, Layers: 6, Heads: 12, Activation: "gelu",
		Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.02, Labels: labels}
}

// configFile is config.json as transformers writes it.
type configFile struct {
	Activation       string            `json:"activation"`
	Architectures    []string          `json:"architectures"`
	AttentionDropout *float64          `json:"attention_dropout"`
	Dim              int               `json:"dim"`
	Dropout          *float64          `json:"dropout"`
	DType            string            `json:"dtype,omitempty"`
	HiddenDim        int               `json:"hidden_dim"`
	ID2Label         map[string]string `json:"id2label,omitempty"`
	InitializerRange *float64          `json:"initializer_range"`
	Label2ID         map[string]int    `json:"label2id,omitempty"`
	MaxPositions     int               `json:"max_position_embeddings"`
	ModelType        string            `json:"model_type"`
	Heads            int               `json:"n_heads"`
	Layers           int               `json:"n_layers"`
	NumLabels        *int              `json:"num_labels,omitempty"`
	PadTokenID       int               `json:"pad_token_id"`
	PrunedHeads      map[string][]int  `json:"pruned_heads,omitempty"`
	QADropout        float64           `json:"qa_dropout"`
	Quantization     any               `json:"quantization_config,omitempty"`
	SeqDropout       float64           `json:"seq_classif_dropout"`
	Sinusoidal       bool              `json:"sinusoidal_pos_embds"` // how positions are initialised; a checkpoint has them
	TieWeights       bool              `json:"tie_word_embeddings"`
	VocabSize        int               `json:"vocab_size"`
}

// ReadConfig reads config.json of a Hugging Face model folder. What this package cannot compute is refused by name.
func ReadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, configName)
	content, err := readSmall(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading model: %w", err)
	}
	c, err := parseConfig(content)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseConfig(content []byte) (Config, error) {
	file := configFile{Activation: "gelu", Dim: 768, HiddenDim: 3072, Layers: 6, Heads: 12, MaxPositions: 512, VocabSize: 30522,
		TieWeights: true}
	if err := json.Unmarshal(content, &file); err != nil {
		return Config{}, err
	}
	// The names that other models have, which transformers takes here too (its attribute_map).
	aliases := struct {
		Dim    *int `json:"hidden_size"`
		Heads  *int `json:"num_attention_heads"`
		Layers *int `json:"num_hidden_layers"`
	}{&file.Dim, &file.Heads, &file.Layers}
	if err := json.Unmarshal(content, &aliases); err != nil {
		return Config{}, err
	}
	if file.ModelType != "distilbert" {
		return Config{}, fmt.Errorf("model_type is %q; only distilbert is supported", file.ModelType)
	}
	if len(file.PrunedHeads) > 0 {
		return Config{}, errors.New("pruned_heads is not empty; layers with fewer heads are not supported")
	}
	if file.Quantization != nil {
		return Config{}, errors.New("quantization_config is there; quantized weights are not supported")
	}
	labels, err := file.labels()
	if err != nil {
		return Config{}, err
	}
	c := Config{VocabSize: file.VocabSize, MaxPositions: file.MaxPositions, Dim: file.Dim, HiddenDim: file.HiddenDim,
		Layers: file.Layers, Heads: file.Heads, Activation: file.Activation, Dropout: or(file.Dropout, 0.1),
		AttentionDropout: or(file.AttentionDropout, 0.1), InitializerRange: or(file.InitializerRange, 0.02),
		PadTokenID: file.PadTokenID, Labels: labels, untied: !file.TieWeights}
	return c, c.check()
}

func or(value *float64, otherwise float64) float64 {
	if value == nil {
		return otherwise
	}
	return *value
}

// labels puts id2label in order; its ids must be 0 … K-1. Without it they are LABEL_0 … for num_labels, or two, as in
// transformers.
func (f configFile) labels() ([]string, error) {
	if f.ID2Label == nil {
		count := 2
		if f.NumLabels != nil {
			count = *f.NumLabels
		}
		if count < 0 || count > maxLabels {
			return nil, fmt.Errorf("num_labels is %d; it must be in 0…%d", count, maxLabels)
		}
		names := make([]string, count)
		for id := range names {
			names[id] = fmt.Sprintf("LABEL_%d", id)
		}
		return names, nil
	}
	names := make([]string, len(f.ID2Label))
	for text, name := range f.ID2Label {
		id, err := strconv.Atoi(text)
		if err != nil || id < 0 || id >= len(names) || text != strconv.Itoa(id) {
			return nil, fmt.Errorf("id2label: id %q is not between 0 and %d", text, len(names)-1)
		}
		names[id] = name
	}
	return names, nil
}

// The largest sizes of a model: beyond them a configuration is a mistake or an attack.
const (
	maxSize   = 10_000_000
	maxLabels = 100_000
	maxLayers = 1000
)

func (c Config) check() error {
	positive := map[string]int{"vocab_size": c.VocabSize, "max_position_embeddings": c.MaxPositions, "dim": c.Dim,
		"hidden_dim": c.HiddenDim, "n_layers": c.Layers, "n_heads": c.Heads}
	names := make([]string, 0, len(positive))
	for name := range positive {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if positive[name] <= 0 {
			return fmt.Errorf("%s is %d; it must be positive", name, positive[name])
		}
		if positive[name] > maxSize {
			return fmt.Errorf("%s is %d; it may be at most %d", name, positive[name], maxSize)
		}
	}
	if c.Layers > maxLayers {
		return fmt.Errorf("n_layers is %d; it may be at most %d", c.Layers, maxLayers)
	}
	if c.Dim%c.Heads != 0 {
		return fmt.Errorf("dim %d is not a multiple of n_heads %d", c.Dim, c.Heads)
	}
	if c.Activation != "gelu" && c.Activation != "relu" {
		return fmt.Errorf("activation is %q; gelu and relu are supported", c.Activation)
	}
	for name, p := range map[string]float64{"dropout": c.Dropout, "attention_dropout": c.AttentionDropout} {
		if p < 0 || p >= 1 {
			return fmt.Errorf("%s is %v; it must be in [0, 1)", name, p)
		}
	}
	if c.PadTokenID < 0 || c.PadTokenID >= c.VocabSize {
		return fmt.Errorf("pad_token_id %d is not in the vocabulary of %d", c.PadTokenID, c.VocabSize)
	}
	return nil
}

// marshal is config.json as transformers would write it.
func (c Config) marshal() ([]byte, error) {
	file := configFile{Activation: c.Activation, Architectures: []string{"DistilBertForTokenClassification"},
		AttentionDropout: &c.AttentionDropout, Dim: c.Dim, Dropout: &c.Dropout, DType: "float32", HiddenDim: c.HiddenDim,
		ID2Label: map[string]string{}, InitializerRange: &c.InitializerRange, Label2ID: map[string]int{},
		MaxPositions: c.MaxPositions, ModelType: "distilbert", Heads: c.Heads, Layers: c.Layers, PadTokenID: c.PadTokenID,
		QADropout: 0.1, SeqDropout: 0.2, TieWeights: true, VocabSize: c.VocabSize}
	for id, name := range c.Labels {
		file.ID2Label[strconv.Itoa(id)], file.Label2ID[name] = name, id
	}
	if c.MaskedLM {
		file.Architectures = []string{"DistilBertForMaskedLM"}
	}
	content, err := json.MarshalIndent(file, "", "  ")
	return append(content, '\n'), err
}
