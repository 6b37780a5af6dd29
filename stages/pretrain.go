package stages

import (
	"context"
	"errors"
	"fmt"
	"log"
	"path/filepath"

	"pii/pipeline"
	"pii/torchmodel"
)

// PretrainFiles trains a masked language model on the texts of inputs, and keeps the epoch with the best loss on cfg.Dev. It writes a
// Hugging Face model folder that training can start from. What an interrupted call leaves in out/.pii lets the next one go on.
func PretrainFiles(ctx context.Context, cfg *Config, env *Env, inputs []string, out string, opts FileOptions) error {
	if cfg.origins["dev"] == "" {
		return &ConfigError{"--dev is missing; the best epoch is chosen by the transcripts in it"}
	}
	for _, path := range inputs {
		if isStream(path) {
			return &ConfigError{fmt.Sprintf("--input %s is no file: it is read several times", path)}
		}
	}
	if err := cfg.beginIn(ctx, env, out); err != nil {
		return err
	}
	like := *cfg
	like.BestBy = bestByLoss // the other metrics are of spans
	list, err := like.pretrainPipeline(env, inputs)
	if err != nil {
		return err
	}
	return trainInto(ctx, env, out, list, opts, metricsName)
}

type pretrainParams struct {
	fitParams
	MaskProbability float64 `json:"mask_probability"`
}

// pretrainPipeline is tokenize, without labels, and pretrain.
func (c *Config) pretrainPipeline(env *Env, inputs []string) ([]pipeline.Stage, error) {
	device, err := torchmodel.ResolveDevice(c.Device)
	if err != nil {
		return nil, err
	}
	built, err := torchmodel.Built()
	if err != nil {
		return nil, err
	}
	tokenizer, weights, err := c.checkpointFiles()
	if err != nil {
		return nil, err
	}
	files := map[string]pipeline.Input{}
	names := []string{"dev"}
	if files["dev"], err = setInput("dev", c.Dev); err != nil {
		return nil, err
	}
	for i, path := range inputs {
		name := fmt.Sprintf("input %d", i+1)
		if files[name], err = setInput(name, path); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	params := c.tokenizeParams()
	params.Labels, params.LabelAll = nil, false
	return []pipeline.Stage{
		{Name: Tokenize, Schema: 1, Params: params, Files: append(pickInputs(files, names...), tokenizer...),
			Run: func(ctx context.Context, job *pipeline.Job) error {
				return tokenizeSets(ctx, c, env, job.Log, job.Dir, nil, inputs)
			}},
		{Name: Pretrain, Schema: 1, Params: pretrainParams{c.fitParams(device, built.Libtorch), c.MaskProbability}, Files: weights,
			Needs: trainNeeds, Run: func(ctx context.Context, job *pipeline.Job) error {
				return pretrainTo(ctx, c, env, job.Log, job.Path(Tokenize, ""), job.Checkpoints, job.Dir)
			}},
	}, nil
}

// pretrainResult is a line of metrics.jsonl.
type pretrainResult struct {
	Epoch      int     `json:"epoch"`
	Step       int     `json:"step"`
	TrainLoss  float64 `json:"train_loss"`     // mean of the losses of the epoch's steps, with dropout
	DevLoss    float64 `json:"dev_loss"`       // mean cross-entropy per masked token
	Perplexity float64 `json:"dev_perplexity"` // e to the power of dev_loss
	LR         float64 `json:"lr"`             // of the epoch's last step
	GradNorm   float64 `json:"grad_norm"`      // of the epoch's last step that was taken, before clipping
	Best       bool    `json:"best"`
}

// pretrainTo trains on the examples and tokenizer in folder tokenized. Into folder dir it writes the best model and the metrics.
func pretrainTo(ctx context.Context, c *Config, env *Env, logger *log.Logger, tokenized, checkpoints, dir string) (err error) {
	train, dev, tokenizer, err := readTokenized(tokenized)
	if err != nil {
		return err
	}
	vocab := tokenizer.Vocabulary()
	task, err := newMasker(c, vocab, dev)
	if err != nil {
		return err
	}
	if train, err = task.learnable(train, logger); err != nil {
		return err
	}
	session, err := env.session(c.Device, c.Threads)
	if err != nil {
		return err
	}
	model, note, err := newModel(session, c, vocab.Len(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	logger.Printf("%s, on %s", note, session.Device())
	best, history, err := trainModel(ctx, c, logger, model, train, task, checkpoints)
	if err != nil {
		return err
	}
	if err := finishModel(best, filepath.Join(dir, modelFolder), tokenizer); err != nil {
		return err
	}
	lines := make([]pretrainResult, len(history))
	for i, e := range history {
		lines[i] = pretrainResult{e.Epoch, e.Step, e.TrainLoss, e.DevLoss, perplexity(e.DevLoss), e.LR, e.GradNorm, e.Best}
	}
	return writeJSONL(filepath.Join(dir, metricsName), lines)
}

// learnable are the windows in which there is something to guess, with their ids alone.
func (m *masker) learnable(train []Example, logger *log.Logger) ([]Example, error) {
	var kept []Example
	for _, e := range train {
		if m.any(e) {
			kept = append(kept, Example{InputIDs: e.InputIDs})
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("the transcripts have no token to learn from")
	}
	if n := len(train) - len(kept); n > 0 {
		logger.Printf("%d windows without a known token are passed over", n)
	}
	return kept, nil
}
