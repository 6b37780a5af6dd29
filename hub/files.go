package hub

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The files of a model that are fetched. Of vocabularies and of weights it is the first kind that the repository has, as in
// transformers; nothing else in it is touched.
var (
	configFile   = "config.json"
	vocabularies = []string{"tokenizer.json", "vocab.txt"}
	optional     = []string{"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "pii.json"}
	weights      = []string{"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"}
)

const indexEnding = ".index.json"

// source is what files are chosen from: a repository on the hub, or a snapshot in the cache.
type source struct {
	has  func(name string) bool
	read func(name string) ([]byte, error)
}

// incompleteError says what a source lacks to be a model.
type incompleteError struct{ lacks []string }

func (e *incompleteError) Error() string { return "has no " + strings.Join(e.lacks, ", no ") }

// modelFiles lists the files to fetch: first the small ones, last the weights. A snapshot with weights is thereby whole.
func modelFiles(s source) (small, large []string, err error) {
	var lacks []string
	if !s.has(configFile) {
		lacks = append(lacks, configFile)
	}
	vocabulary := slices.IndexFunc(vocabularies, s.has)
	if vocabulary < 0 {
		lacks = append(lacks, strings.Join(vocabularies, " or "))
	}
	kind := slices.IndexFunc(weights, s.has)
	if kind < 0 {
		lacks = append(lacks, "model.safetensors or pytorch_model.bin")
	}
	if len(lacks) > 0 {
		return nil, nil, &incompleteError{lacks}
	}
	small = []string{configFile, vocabularies[vocabulary]}
	for _, name := range optional {
		if s.has(name) {
			small = append(small, name)
		}
	}
	if !strings.HasSuffix(weights[kind], indexEnding) {
		return small, []string{weights[kind]}, nil
	}
	large, err = shards(s, weights[kind])
	return append(small, weights[kind]), large, err
}

// shards lists the files that an index of weights names.
func shards(s source, index string) ([]string, error) {
	content, err := s.read(index)
	if err != nil {
		return nil, err
	}
	var parsed struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(content, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", index, err)
	}
	var names []string
	for _, name := range parsed.WeightMap {
		if slices.Contains(names, name) {
			continue
		}
		if !safePath(name) || strings.HasPrefix(name, ".") || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%s names a file %q, which no file beside it can be called", index, name)
		}
		if !s.has(name) {
			return nil, &incompleteError{[]string{name}}
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names no files", index)
	}
	slices.Sort(names)
	return names, nil
}
