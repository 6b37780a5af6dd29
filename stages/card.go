package stages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"pii/labels"
	"pii/pipeline"
)

// cardName is the file of a model folder with what Hugging Face's files have no place for.
const cardName = "pii.json"

// card says of a model which of its labels are personal data, and how it reads long texts.
type card struct {
	Labels    []string `json:"labels"` // as in the configuration: PHONE:pii
	MaxLength int      `json:"max_length"`
	Stride    int      `json:"stride"`
	Apart     bool     `json:"apart"` // no two spans of one type touch; see labels.Grammar
	// FirstPiece says that the model was taught the first piece of each word alone. Its scores of the others mean nothing, and
	// a word goes by its first piece.
	FirstPiece bool `json:"first_piece,omitempty"`
	// Temperature is what logits are divided by, so that scores say how often spans with such a score are right; 0 is 1.
	Temperature float64 `json:"temperature,omitempty"`
	// Thresholds are the scores below which spans of a type are dropped, unless settings say otherwise. See calibrate.go.
	Thresholds map[string]float64 `json:"thresholds,omitempty"`
	// Precisions are those below fp32 in which the model was held against fp32; what is absent, nobody measured. See precision.go.
	Precisions map[string]nearness `json:"precisions,omitempty"`
}

// check finds what no model can be read by.
func (c card) check() error {
	if c.MaxLength < 8 || c.Stride < 0 || c.Stride > c.MaxLength-4 {
		return fmt.Errorf("max_length %d and stride %d do not go together", c.MaxLength, c.Stride)
	}
	if c.Temperature != 0 && !(c.Temperature >= 1e-3 && c.Temperature <= 1e3) {
		return fmt.Errorf("temperature %v: it must be between 0.001 and 1000", c.Temperature)
	}
	for label, threshold := range c.Thresholds {
		if !(threshold >= 0 && threshold <= 1) {
			return fmt.Errorf("the threshold of %s must be between 0 and 1", label)
		}
	}
	for name, n := range c.Precisions {
		if err := n.check(name); err != nil {
			return err
		}
	}
	return nil
}

func writeCard(dir string, c card) error {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return pipeline.WriteFile(filepath.Join(dir, cardName), append(content, '\n'))
}

// readCard reads a model's card. A checkpoint from elsewhere has none; the configuration speaks for it.
func readCard(dir string, cfg *Config) (card, error) {
	path := filepath.Join(dir, cardName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return strangerCard(cfg), nil
	}
	if err != nil {
		return card{}, err
	}
	var c card
	if err := json.Unmarshal(content, &c); err != nil {
		return card{}, fmt.Errorf("%s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return card{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func configCard(cfg *Config) card {
	return card{Labels: cfg.Labels, MaxLength: cfg.MaxLength, Stride: cfg.Stride, FirstPiece: !cfg.LabelAllTokens}
}

// strangerCard is that of a model without one. Where nobody says otherwise, it reads as much at once as it can.
func strangerCard(cfg *Config) card {
	c := configCard(cfg)
	if cfg.origins["max_length"] == "" {
		c.MaxLength = math.MaxInt
	}
	return c
}

// fit shortens the windows to what a model can read: its positions, and what its tokenizer says, 0 where it says nothing.
func (c card) fit(maxPositions, tokenizerMax int) card {
	if tokenizerMax >= 8 {
		maxPositions = min(maxPositions, tokenizerMax)
	}
	if c.MaxLength > maxPositions {
		c.MaxLength, c.Stride = maxPositions, min(c.Stride, maxPositions/4)
	}
	return c
}

// labelSet is the set of the model's tags in the order of its classes, with the card's word on what is personal data.
func (c card) labelSet(tags []string) (*labels.Set, error) {
	types, err := labels.ParseTypes(c.Labels)
	if err != nil {
		return nil, err
	}
	pii := map[string]bool{}
	for _, t := range types {
		pii[t.Name] = t.PII
	}
	return labels.FromTags(tags, func(name string) bool { return pii[name] })
}

// apart reports whether in no example two spans of one type touch. Then a tagger need not take one span for two.
func apart(set *labels.Set, examples []Example) bool {
	for _, e := range examples {
		last := mention{end: -1}
		for _, m := range mentionsOf(set, e.Labels) {
			if m.first == last.end && m.label == last.label {
				return false
			}
			last = m
		}
	}
	return true
}
