package stages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"pii/pipeline"
	"pii/torchmodel"
	"pii/wordpiece"
)

// The parameters below are those that each stage's output depends on, and so what its key is made of. Settings that only
// change how the same output is reached, such as threads or checkpoint_every, are not among them; nor are the targets that figures
// are held against, which are no part of the output.

type tokenizeParams struct {
	Labels     []string `json:"labels"`
	Vocabulary string   `json:"vocabulary"` // "learned" or "checkpoint"
	VocabSize  int      `json:"vocab_size,omitempty"`
	Lowercase  bool     `json:"lowercase"`
	MaxLength  int      `json:"max_length"`
	Stride     int      `json:"stride"`
	LabelAll   bool     `json:"label_all_tokens"`
}

type trainParams struct {
	Labels            []string `json:"labels"`
	Model             string   `json:"model"`
	Seed              int64    `json:"seed"`
	Epochs            int      `json:"epochs"`
	MaxSteps          int      `json:"max_steps"`
	BatchSize         int      `json:"batch_size"`
	Accumulation      int      `json:"gradient_accumulation_steps"`
	LR                float64  `json:"lr"`
	Schedule          string   `json:"lr_scheduler_type"`
	WarmupRatio       float64  `json:"warmup_ratio"`
	WarmupSteps       int      `json:"warmup_steps"`
	WeightDecay       float64  `json:"weight_decay"`
	AdamBeta1         float64  `json:"adam_beta1"`
	AdamBeta2         float64  `json:"adam_beta2"`
	AdamEpsilon       float64  `json:"adam_epsilon"`
	MaxGradNorm       float64  `json:"max_grad_norm"`
	Dropout           float64  `json:"dropout"`
	LabelSmoothing    float64  `json:"label_smoothing"`
	ClassWeights      string   `json:"class_weights"`
	FreezeEmbeddings  bool     `json:"freeze_embeddings"`
	FreezeLayers      int      `json:"freeze_layers"`
	WordDropout       float64  `json:"word_dropout"`
	Replacement       float64  `json:"mention_replacement"`
	BestBy            string   `json:"metric_for_best_model"`
	Choice            string   `json:"threshold_choice"`
	Precision         float64  `json:"threshold_precision"`
	Beta              float64  `json:"threshold_beta"`
	Patience          int      `json:"early_stopping_patience"`
	PatienceThreshold float64  `json:"early_stopping_threshold"`
	MaxLength         int      `json:"max_length"`
	Stride            int      `json:"stride"`
	LabelAll          bool     `json:"label_all_tokens"`
	Device            string   `json:"device"`
	Libtorch          string   `json:"libtorch"`
}

// findParams say which spans a tagger finds. Files of phrases are inputs.
type findParams struct {
	PIIThreshold string             `json:"pii_threshold"`
	Thresholds   map[string]float64 `json:"thresholds"`
	Helpers      []string           `json:"helpers"`
	Aggregation  string             `json:"aggregation"`
}

func (c *Config) findParams() findParams {
	thresholds, _ := parseThresholds(c.Thresholds) // check has seen them
	return findParams{c.PIIThreshold, thresholds, slices.Sorted(slices.Values(c.helpers())), c.Aggregation}
}

type predictParams struct {
	findParams
	BatchSize int    `json:"predict_batch_size"`
	Device    string `json:"device"`
	Libtorch  string `json:"libtorch"`
	Card      *card  `json:"card,omitempty"` // where the model has none and the configuration speaks for it
}

type evaluateParams struct {
	Labels  []string `json:"labels"`
	SliceBy []string `json:"slice_by"`
}

type benchmarkParams struct {
	Runs      int `json:"runs"`
	BatchSize int `json:"predict_batch_size"`
	findParams
	Devices  []string `json:"benchmark_devices"`
	Threads  int      `json:"threads"`
	Libtorch string   `json:"libtorch"`
	Hardware string   `json:"hardware"`
}

// modelFolder is the model among the outputs of train.
const modelFolder = "model/"

// Pipeline is the stages of a run with this configuration.
func (c *Config) Pipeline(env *Env) ([]pipeline.Stage, error) {
	device, err := torchmodel.ResolveDevice(c.Device)
	if err != nil {
		return nil, err
	}
	built, err := torchmodel.Built()
	if err != nil {
		return nil, err
	}
	inputs := map[string]pipeline.Input{}
	for name, path := range c.sets() {
		if inputs[name], err = setInput(name, path); err != nil {
			return nil, err
		}
	}
	tokenizer, weights, err := c.checkpointFiles()
	if err != nil {
		return nil, err
	}
	return []pipeline.Stage{
		c.tokenizeStage(env, inputs, tokenizer), c.trainStage(env, weights, device, built.Libtorch), c.predictStage(env, inputs, device, built.Libtorch),
		c.evaluateStage(env, inputs), c.benchmarkStage(env, inputs, built.Libtorch),
	}, nil
}

// sets are the configured files of transcripts by name.
func (c *Config) sets() map[string]string {
	sets := map[string]string{}
	for name, path := range map[string]string{"train": c.Train, "dev": c.Dev, "test": c.Test, "stress": c.Stress, "natural": c.Natural} {
		if path != none {
			sets[name] = path
		}
	}
	return sets
}

// judged are the names of the sets that are predicted and evaluated, in order.
func (c *Config) judged() []string {
	var names []string
	for _, name := range []string{"dev", "test", "stress", "natural"} {
		if _, ok := c.sets()[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

func pickInputs(inputs map[string]pipeline.Input, names ...string) []pipeline.Input {
	picked := make([]pipeline.Input, len(names))
	for i, name := range names {
		picked[i] = inputs[name]
	}
	return picked
}

func (c *Config) tokenizeStage(env *Env, inputs map[string]pipeline.Input, tokenizer []pipeline.Input) pipeline.Stage {
	params := tokenizeParams{c.Labels, "learned", c.VocabSize, c.Lowercase, c.MaxLength, c.Stride, c.LabelAllTokens}
	files := append(pickInputs(inputs, "train", "dev"), tokenizer...)
	if c.fromCheckpoint() {
		params.Vocabulary, params.VocabSize = "checkpoint", 0
	}
	return pipeline.Stage{Name: Tokenize, Schema: 1, Params: params, Files: files,
		Run: func(ctx context.Context, job *pipeline.Job) error { return tokenize(ctx, c, env, job.Log, job.Dir) }}
}

func (c *Config) trainParams(device, libtorch string) trainParams {
	return trainParams{
		Labels: c.Labels, Model: c.Model, Seed: c.Seed,
		Epochs: c.Epochs, MaxSteps: c.MaxSteps, BatchSize: c.BatchSize, Accumulation: c.Accumulation,
		LR: c.LR, Schedule: c.Schedule, WarmupRatio: c.WarmupRatio, WarmupSteps: c.WarmupSteps,
		WeightDecay: c.WeightDecay, AdamBeta1: c.AdamBeta1, AdamBeta2: c.AdamBeta2, AdamEpsilon: c.AdamEpsilon, MaxGradNorm: c.MaxGradNorm,
		Dropout: c.Dropout, LabelSmoothing: c.LabelSmoothing, ClassWeights: c.ClassWeights,
		FreezeEmbeddings: c.FreezeEmbeddings, FreezeLayers: c.FreezeLayers,
		WordDropout: c.WordDropout, Replacement: c.MentionReplacement,
		BestBy: c.BestBy, Choice: c.ThresholdChoice, Precision: c.ThresholdPrecision, Beta: c.ThresholdBeta,
		Patience: c.Patience, PatienceThreshold: c.PatienceThreshold,
		MaxLength: c.MaxLength, Stride: c.Stride, LabelAll: c.LabelAllTokens, Device: device, Libtorch: libtorch,
	}
}

func (c *Config) trainStage(env *Env, weights []pipeline.Input, device, libtorch string) pipeline.Stage {
	params := c.trainParams(device, libtorch)
	if c.fromCheckpoint() {
		params.Model = "checkpoint"
	}
	return pipeline.Stage{Name: Train, Schema: 4, Params: params, Files: weights, Needs: []pipeline.Need{
		{Stage: Tokenize, Path: "train.arrow"}, {Stage: Tokenize, Path: "dev.arrow"}, {Stage: Tokenize, Path: "vocab.txt"},
		{Stage: Tokenize, Path: "tokenizer.json"}},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			return trainTo(ctx, c, env, job.Log, job.Path(Tokenize, ""), job.Checkpoints, job.Dir)
		}}
}

func (c *Config) predictStage(env *Env, inputs map[string]pipeline.Input, device, libtorch string) pipeline.Stage {
	return pipeline.Stage{Name: Predict, Schema: 3, Params: predictParams{c.findParams(), c.PredictBatchSize, device, libtorch, nil},
		Files: append(pickInputs(inputs, c.judged()...), c.listInputs()...), Needs: []pipeline.Need{{Stage: Train, Path: modelFolder}},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			tagger, err := env.tagger(c, job.Path(Train, modelFolder))
			if err != nil {
				return err
			}
			return errors.Join(c.predictSets(ctx, env, tagger, job), tagger.Close())
		}}
}

func (c *Config) predictSets(ctx context.Context, env *Env, tagger *Tagger, job *pipeline.Job) error {
	for _, name := range c.judged() {
		part := filepath.Join(job.Checkpoints, name+".jsonl")
		total, err := predictFile(ctx, env, tagger, c.sets()[name], part, job.Log)
		if err != nil {
			return err
		}
		job.Log.Printf("%s: %d transcripts", name, total)
		if err := copyFile(part, filepath.Join(job.Dir, name+".jsonl")); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) evaluateStage(env *Env, inputs map[string]pipeline.Input) pipeline.Stage {
	var needs []pipeline.Need
	for _, name := range c.judged() {
		needs = append(needs, pipeline.Need{Stage: Predict, Path: name + ".jsonl"})
	}
	return pipeline.Stage{Name: Evaluate, Schema: 3, Params: evaluateParams{c.Labels, c.SliceBy},
		Files: pickInputs(inputs, c.judged()...), Needs: needs,
		Run: func(ctx context.Context, job *pipeline.Job) error {
			for _, name := range c.judged() {
				scores, err := evaluateFiles(ctx, c, env, c.sets()[name], job.Path(Predict, name+".jsonl"), nil)
				if err != nil {
					return err
				}
				if err := writeJSON(filepath.Join(job.Dir, name+".json"), scores); err != nil {
					return err
				}
			}
			return nil
		}}
}

func (c *Config) benchmarkStage(env *Env, inputs map[string]pipeline.Input, libtorch string) pipeline.Stage {
	return pipeline.Stage{Name: Benchmark, Schema: 3, Params: benchmarkParams{c.Runs, c.PredictBatchSize, c.findParams(),
		c.BenchmarkDevices, c.Threads, libtorch, hardware()},
		Files: append(pickInputs(inputs, "dev"), c.listInputs()...), Needs: []pipeline.Need{{Stage: Train, Path: modelFolder}},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			result, err := benchmark(ctx, c, env, job.Log, job.Path(Train, modelFolder), c.Dev)
			if err != nil {
				return err
			}
			return writeJSON(filepath.Join(job.Dir, "benchmark.json"), result)
		}}
}

// hardware tells machines apart whose times cannot be compared.
func hardware() string {
	return fmt.Sprintf("%s, %d cores", torchmodel.CPUModel(), runtime.NumCPU())
}

// tagger opens a model folder on the configured device.
func (e *Env) tagger(c *Config, dir string) (*Tagger, error) {
	session, err := e.session(c.Device, c.Threads)
	if err != nil {
		return nil, err
	}
	tagger, err := openTagger(session, dir, c)
	if err == nil && tagger.marksNothing() {
		e.Log.Printf("%s: none of the model's labels is marked as personal data; where it has no %s, --labels NAME:pii marks one", dir, cardName)
	}
	return tagger, err
}

// metricsName is the file with a line of metrics per epoch.
const metricsName = "metrics.jsonl"

// trainTo trains on the examples and tokenizer in folder tokenized. Into folder dir it writes the best model, its calibration and
// the metrics.
func trainTo(ctx context.Context, c *Config, env *Env, logger *log.Logger, tokenized, checkpoints, dir string) (err error) {
	train, err := readExamples(filepath.Join(tokenized, "train.arrow"))
	if err != nil {
		return err
	}
	dev, err := readExamples(filepath.Join(tokenized, "dev.arrow"))
	if err != nil {
		return err
	}
	tokenizer, err := wordpiece.Load(tokenized)
	if err != nil {
		return err
	}
	set, err := c.LabelSet()
	if err != nil {
		return err
	}
	session, err := env.session(c.Device, c.Threads)
	if err != nil {
		return err
	}
	model, note, err := newModel(session, c, tokenizer.Vocabulary().Len(), set.TagNames())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	logger.Printf("%s, on %s", note, session.Device())
	modelCard := configCard(c)
	modelCard.Apart = apart(set, train)
	judge, err := newJudge(c, set, tokenizer.Vocabulary(), modelCard.Apart, dev)
	if err != nil {
		return err
	}
	task := tagging{c, newAugmenter(c, set, tokenizer.Vocabulary().Mask(), train), judge}
	best, history, err := trainModel(ctx, c, logger, model, train, task, checkpoints)
	if err != nil {
		return err
	}
	if err := finishModel(modelCard, best, dir, tokenizer, history); err != nil {
		return err
	}
	calibrated, err := calibrateBest(ctx, c, session, logger, judge, filepath.Join(dir, modelFolder), modelCard)
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, calibrationName), calibrated)
}

// finishModel puts the best epoch's weights, the tokenizer and the card into one model folder, and the metrics beside it.
func finishModel(modelCard card, best, dir string, tokenizer *wordpiece.BERT, history []epochResult) error {
	out := filepath.Join(dir, modelFolder)
	if err := os.Mkdir(out, 0o777); err != nil {
		return err
	}
	if err := copyFolder(best, out); err != nil {
		return err
	}
	if err := tokenizer.Save(out); err != nil {
		return err
	}
	if err := writeCard(out, modelCard); err != nil {
		return err
	}
	var lines []byte
	for _, epoch := range history {
		line, err := json.Marshal(epoch)
		if err != nil {
			return err
		}
		lines = append(append(lines, line...), '\n')
	}
	return os.WriteFile(filepath.Join(dir, metricsName), lines, 0o666)
}
