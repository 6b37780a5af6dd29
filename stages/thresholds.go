package stages

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pii/labels"
	"pii/rules"
)

// byModel is the setting pii_threshold where it is left to the model, which then has thresholds of its own or gets
// defaultThreshold.
const (
	byModel          = "model"
	defaultThreshold = 0.75
)

// piiThreshold is the threshold that was asked for, for all personal data.
func (c *Config) piiThreshold() (threshold float64, given bool) {
	threshold, err := strconv.ParseFloat(c.PIIThreshold, 64)
	return threshold, err == nil
}

// checkScores checks the settings that say which spans are dropped and which are added.
func (c *Config) checkScores() error {
	if threshold, given := c.piiThreshold(); c.PIIThreshold != byModel && !(given && threshold >= 0 && threshold <= 1) {
		return c.fault("pii_threshold", fmt.Sprintf("must be between 0 and 1, or %s for the model's own", byModel))
	}
	if _, err := parseThresholds(c.Thresholds); err != nil {
		return c.fault("thresholds", "is wrong: "+err.Error())
	}
	if _, err := rules.NewHelpers(c.helpers()); err != nil {
		return c.fault("helpers", "is wrong: "+err.Error())
	}
	for key, path := range c.lists() {
		if path == "" || path == "-" {
			return c.fault(key, "must name a file, or be none")
		}
		if path != none && c.aggregation() != "" {
			return c.fault(key, "goes with aggregation viterbi alone")
		}
	}
	return nil
}

// helpers are the names of the helpers that are on.
func (c *Config) helpers() []string {
	if len(c.Helpers) == 1 && c.Helpers[0] == none {
		return nil
	}
	return c.Helpers
}

// lists are the files of phrases by the settings that name them, none included.
func (c *Config) lists() map[string]string {
	return map[string]string{"allow": c.Allow, "deny": c.Deny}
}

// parseThresholds reads LABEL=SCORE pairs.
func parseThresholds(pairs []string) (map[string]float64, error) {
	thresholds := map[string]float64{}
	for _, pair := range pairs {
		label, number, ok := strings.Cut(pair, "=")
		label = strings.TrimSpace(label)
		if !ok || label == "" {
			return nil, fmt.Errorf("%q is not LABEL=SCORE", pair)
		}
		threshold, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(threshold >= 0 && threshold <= 1) {
			return nil, fmt.Errorf("the threshold of %s must be between 0 and 1, not %q", label, number)
		}
		if _, twice := thresholds[label]; twice {
			return nil, fmt.Errorf("%s is there twice", label)
		}
		thresholds[label] = threshold
	}
	return thresholds, nil
}

// thresholds are the scores below which spans are dropped, of each type of the model. What is asked for one type beats what is
// asked for all personal data, and that the model's own. Where transformers' groups are asked for, whose scores are others, the
// model's own do not count.
func (c *Config) thresholds(modelCard card, set *labels.Set) (map[string]float64, error) {
	asked, err := parseThresholds(c.Thresholds)
	if err != nil {
		return nil, err
	}
	all := map[string]float64{}
	for _, t := range set.Types() {
		own, has := modelCard.Thresholds[t.Name]
		forAll, given := c.piiThreshold()
		switch {
		case t.PII && given:
			all[t.Name] = forAll
		case c.aggregation() != "":
		case has:
			all[t.Name] = own
		case t.PII:
			all[t.Name] = defaultThreshold
		}
	}
	for label, threshold := range asked {
		if !set.Has(label) {
			return nil, c.fault("thresholds", fmt.Sprintf("name %q, which is not a label of the model%s", label, Nearest(label, typeNames(set))))
		}
		all[label] = threshold
	}
	return all, nil
}

// roundScore leaves as many decimals as do not depend on what else was computed at the same time.
func roundScore(score float64) float64 { return math.Round(score*1e4) / 1e4 }

// scaled divides logits by a temperature.
func scaled(logits []float32, temperature float64) []float32 {
	if temperature == 0 || temperature == 1 {
		return logits
	}
	out := slices.Clone(logits)
	for i := range out {
		out[i] = float32(float64(out[i]) / temperature)
	}
	return out
}
