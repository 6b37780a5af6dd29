package stages

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pii/labels"
)

// balanced stands for weights by inverse frequency.
const balanced = "balanced"

// classWeights is the weight of each tag in the training loss; nil where all weigh alike.
func (c *Config) classWeights(set *labels.Set, train []Example) ([]float64, error) {
	if c.ClassWeights == balanced {
		return balancedWeights(set, train), nil
	}
	return parseClassWeights(c.ClassWeights, set)
}

// balancedWeights gives tag k the weight n/(K·n_k), as scikit-learn's "balanced": n tokens have a label, n_k of them this tag,
// and K tags occur. A tag that does not occur weighs 1.
func balancedWeights(set *labels.Set, train []Example) []float64 {
	counts := make([]int, set.Len())
	n, present := 0, 0
	for _, e := range train {
		for _, tag := range e.Labels {
			if tag == labels.Ignored {
				continue
			}
			if counts[tag] == 0 {
				present++
			}
			counts[tag]++
			n++
		}
	}
	weights := ones(set)
	for tag, count := range counts {
		if count > 0 {
			weights[tag] = float64(n) / (float64(present) * float64(count))
		}
	}
	return weights
}

func ones(set *labels.Set) []float64 { return slices.Repeat([]float64{1}, set.Len()) }

// parseClassWeights reads NAME=WEIGHT pairs, where NAME is a tag, or a type for both of its tags; a tag's own weight beats its
// type's, and what is not named weighs 1. For none and balanced it returns nil.
func parseClassWeights(text string, set *labels.Set) ([]float64, error) {
	if text == none || text == balanced {
		return nil, nil
	}
	weights := ones(set)
	tags := map[int]float64{}
	seen := map[string]bool{}
	for _, pair := range splitList(text) {
		name, number, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q is neither none, balanced nor TAG=WEIGHT%s", pair, Nearest(pair, []string{none, balanced}))
		}
		name = strings.TrimSpace(name)
		weight, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(weight > 0) || math.IsInf(weight, 1) {
			return nil, fmt.Errorf("the weight of %s must be a number greater than 0, not %q", name, number)
		}
		if seen[name] {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if id, ok := set.TagID(name); ok {
			tags[id] = weight
			continue
		}
		if !set.Has(name) {
			return nil, fmt.Errorf("%q is neither a tag nor a type of labels%s", name, Nearest(name, tagsAndTypes(set)))
		}
		for _, prefix := range []string{"B-", "I-"} {
			id, _ := set.TagID(prefix + name)
			weights[id] = weight
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("it names no tag; %s switches it off", none)
	}
	for id, weight := range tags {
		weights[id] = weight
	}
	return weights, nil
}

func tagsAndTypes(set *labels.Set) []string {
	names := set.TagNames()
	for _, t := range set.Types() {
		names = append(names, t.Name)
	}
	return names
}
