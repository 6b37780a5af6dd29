package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"pii/data"
	"pii/pipeline"
	"pii/torchmodel"
)

// open opens a file of transcripts: a path, builtin:NAME, or "-" for standard input.
func (e *Env) open(path string, opts data.Options) (*data.Reader, error) {
	if path == "-" {
		return data.NewReader(e.In, "standard input", opts)
	}
	return data.Open(path, opts)
}

// openUntil is open for a reader that gives up when ctx is done, also while it waits for a stream.
func (e *Env) openUntil(ctx context.Context, path string, opts data.Options) (*data.Reader, error) {
	switch {
	case path == "-":
		return data.NewReader(interruptible(ctx, e.In), "standard input", opts)
	case isStream(path):
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { f.Close() }) // it was only read
		return data.NewReader(f, path, opts)
	}
	return data.Open(path, opts)
}

// openText opens a text file as open does.
func (e *Env) openText(path string) (*data.Stream, error) {
	if path == "-" {
		return data.NewStream(e.In, "standard input")
	}
	return data.OpenStream(path)
}

// eachTranscript hands over what next gives until io.EOF, and looks before each whether ctx is cancelled.
func eachTranscript(ctx context.Context, next func() (data.Transcript, error), visit func(data.Transcript) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		transcript, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(transcript)
		}
		if err != nil {
			return err
		}
	}
}

// setInput is a file of transcripts as an input of a stage.
func setInput(name, path string) (pipeline.Input, error) {
	builtin, ok := builtinName(path)
	if !ok {
		return pipeline.Input{Name: name, Path: path}, nil
	}
	content, err := data.Builtin(builtin)
	if err != nil {
		return pipeline.Input{}, fmt.Errorf("%s: %w", name, err)
	}
	return pipeline.Input{Name: name, Content: content}, nil
}

// checkpointInputs are the files of a checkpoint folder that a stage reads.
func checkpointInputs(dir string, names ...string) []pipeline.Input {
	var inputs []pipeline.Input
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			inputs = append(inputs, pipeline.Input{Name: "model/" + name, Path: path})
		}
	}
	return inputs
}

// modelFiles are the files of a checkpoint folder that a model is read from, by their names in it.
func modelFiles(dir string) ([]string, error) {
	weights, err := torchmodel.WeightFiles(dir)
	return append([]string{"config.json"}, weights...), err
}

// tokenizerFiles are what wordpiece.Load reads, beside config.json.
var tokenizerFiles = []string{"vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}

// newModel makes the model that training starts from: one over tags, or without tags a masked language model.
func newModel(session *torchmodel.Session, cfg *Config, vocabSize int, tags []string) (*torchmodel.Model, string, error) {
	var c torchmodel.Config
	switch cfg.Model {
	case "small":
		c = torchmodel.Small(vocabSize, tags)
	case "distilbert-base":
		c = torchmodel.DistilBERTBase(vocabSize, tags)
	default:
		if tags == nil {
			model, loaded, err := session.LoadMaskedLM(cfg.checkpoint(), uint64(cfg.Seed))
			from := cfg.Model
			if slices.Contains(loaded.Unused, "classifier.weight") {
				from += ", whose classifier is not kept (no spans are found until pii train makes a new one)"
			}
			return model, fmt.Sprintf("training goes on from %s, %s", from, loaded), err
		}
		model, loaded, err := session.LoadBody(cfg.checkpoint(), tags, uint64(cfg.Seed))
		return model, fmt.Sprintf("training goes on from %s, %s", cfg.Model, loaded), err
	}
	c.MaskedLM = tags == nil
	c.Dropout, c.AttentionDropout = cfg.Dropout, cfg.Dropout
	c.MaxPositions = max(c.MaxPositions, cfg.MaxLength)
	model, err := session.New(c, uint64(cfg.Seed))
	return model, fmt.Sprintf("training a new model: %d layers, width %d, %d heads", c.Layers, c.Dim, c.Heads), err
}
