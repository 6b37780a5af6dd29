package stages

import (
	"context"
	"errors"
	"log"
	"os"
	"path/filepath"
	"slices"
	"sync"

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

// fitParams are those of any training.
type fitParams struct {
	Model             string  `json:"model"`
	Seed              int64   `json:"seed"`
	Epochs            int     `json:"epochs"`
	MaxSteps          int     `json:"max_steps"`
	BatchSize         int     `json:"batch_size"`
	Accumulation      int     `json:"gradient_accumulation_steps"`
	LR                float64 `json:"lr"`
	Schedule          string  `json:"lr_scheduler_type"`
	WarmupRatio       float64 `json:"warmup_ratio"`
	WarmupSteps       int     `json:"warmup_steps"`
	WeightDecay       float64 `json:"weight_decay"`
	AdamBeta1         float64 `json:"adam_beta1"`
	AdamBeta2         float64 `json:"adam_beta2"`
	AdamEpsilon       float64 `json:"adam_epsilon"`
	MaxGradNorm       float64 `json:"max_grad_norm"`
	Dropout           float64 `json:"dropout"`
	FreezeEmbeddings  bool    `json:"freeze_embeddings"`
	FreezeLayers      int     `json:"freeze_layers"`
	Patience          int     `json:"early_stopping_patience"`
	PatienceThreshold float64 `json:"early_stopping_threshold"`
	MaxLength         int     `json:"max_length"`
	Device            string  `json:"device"`
	Libtorch          string  `json:"libtorch"`
	TrainPrecision    string  `json:"train_precision,omitempty"` // where it is not fp32
}

type trainParams struct {
	fitParams
	Labels         []string `json:"labels"`
	LabelSmoothing float64  `json:"label_smoothing"`
	ClassWeights   string   `json:"class_weights"`
	WordDropout    float64  `json:"word_dropout"`
	Replacement    float64  `json:"mention_replacement"`
	PieceDropout   float64  `json:"piece_dropout"`
	BestBy         string   `json:"metric_for_best_model"`
	Choice         string   `json:"threshold_choice"`
	Precision      float64  `json:"threshold_precision"`
	Beta           float64  `json:"threshold_beta"`
	Stride         int      `json:"stride"`
	LabelAll       bool     `json:"label_all_tokens"`
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

// computing is what predictions are computed on and in.
type computing struct {
	Device    string `json:"device"`              // cpu or cuda:N
	Precision string `json:"precision,omitempty"` // empty where auto depends on a model that is not known yet
	Libtorch  string `json:"libtorch"`
}

// computing leaves it open what auto comes to on the CPU: that depends on the model.
func (c *Config) computing() (computing, error) {
	device, err := torchmodel.ResolveDevice(c.Device)
	if err != nil {
		return computing{}, err
	}
	built, err := torchmodel.Built()
	if err != nil {
		return computing{}, err
	}
	by := computing{Device: device, Libtorch: built.Libtorch}
	if !c.choosesBy(device) {
		by.Precision, err = torchmodel.ResolvePrecision(c.Precision, device)
	}
	return by, err
}

type predictParams struct {
	findParams
	BatchTokens int `json:"predict_batch_tokens"`
	BatchSize   int `json:"predict_batch_size"`
	computing
	Card *card `json:"card,omitempty"` // where the model has none and the configuration speaks for it
}

type evaluateParams struct {
	Labels  []string `json:"labels"`
	SliceBy []string `json:"slice_by"`
}

type benchmarkParams struct {
	Runs int `json:"runs"`
	findParams
	Devices    []string `json:"benchmark_devices"`
	Precisions []string `json:"benchmark_precisions"`
	Batches    []int    `json:"benchmark_batches"`
	Threads    int      `json:"threads"`
	Libtorch   string   `json:"libtorch"`
	Hardware   string   `json:"hardware"`
}

// predictSchema is the schema of predict, in a run and from file to file.
const predictSchema = 5

// modelFolder is the model among the outputs of train.
const modelFolder = "model/"

// Pipeline is the stages of a run with this configuration.
func (c *Config) Pipeline(env *Env) ([]pipeline.Stage, error) {
	by, err := c.computing()
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
	hardware, err := c.hardware()
	if err != nil {
		return nil, err
	}
	return []pipeline.Stage{
		c.tokenizeStage(env, inputs, tokenizer), c.trainStage(env, weights, by.Device, by.Libtorch), c.predictStage(env, inputs, by),
		c.evaluateStage(env, inputs), c.benchmarkStage(env, inputs, by.Libtorch, hardware),
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

func (c *Config) tokenizeParams() tokenizeParams {
	params := tokenizeParams{c.Labels, "learned", c.VocabSize, c.Lowercase, c.MaxLength, c.Stride, c.LabelAllTokens}
	if c.fromCheckpoint() {
		params.Vocabulary, params.VocabSize = "checkpoint", 0
	}
	return params
}

func (c *Config) tokenizeStage(env *Env, inputs map[string]pipeline.Input, tokenizer []pipeline.Input) pipeline.Stage {
	files := append(pickInputs(inputs, "train", "dev"), tokenizer...)
	return pipeline.Stage{Name: Tokenize, Schema: 1, Params: c.tokenizeParams(), Files: files,
		Run: func(ctx context.Context, job *pipeline.Job) error { return tokenize(ctx, c, env, job.Log, job.Dir) }}
}

func (c *Config) fitParams(device, libtorch string) fitParams {
	p := fitParams{
		Model: c.Model, Seed: c.Seed,
		Epochs: c.Epochs, MaxSteps: c.MaxSteps, BatchSize: c.BatchSize, Accumulation: c.Accumulation,
		LR: c.LR, Schedule: c.Schedule, WarmupRatio: c.WarmupRatio, WarmupSteps: c.WarmupSteps,
		WeightDecay: c.WeightDecay, AdamBeta1: c.AdamBeta1, AdamBeta2: c.AdamBeta2, AdamEpsilon: c.AdamEpsilon, MaxGradNorm: c.MaxGradNorm,
		Dropout: c.Dropout, FreezeEmbeddings: c.FreezeEmbeddings, FreezeLayers: c.FreezeLayers,
		Patience: c.Patience, PatienceThreshold: c.PatienceThreshold,
		MaxLength: c.MaxLength, Device: device, Libtorch: libtorch,
	}
	if c.TrainPrecision != torchmodel.FP32 {
		p.TrainPrecision = c.TrainPrecision
	}
	if c.fromCheckpoint() {
		p.Model = "checkpoint" // what it is, its files tell
	}
	return p
}

func (c *Config) trainParams(device, libtorch string) trainParams {
	return trainParams{
		fitParams: c.fitParams(device, libtorch), Labels: c.Labels,
		LabelSmoothing: c.LabelSmoothing, ClassWeights: c.ClassWeights, WordDropout: c.WordDropout, Replacement: c.MentionReplacement, PieceDropout: c.PieceDropout,
		BestBy: c.BestBy, Choice: c.ThresholdChoice, Precision: c.ThresholdPrecision, Beta: c.ThresholdBeta,
		Stride: c.Stride, LabelAll: c.LabelAllTokens,
	}
}

// trainNeeds is what training reads of tokenize's outputs.
var trainNeeds = []pipeline.Need{{Stage: Tokenize, Path: "train.arrow"}, {Stage: Tokenize, Path: "dev.arrow"},
	{Stage: Tokenize, Path: "vocab.txt"}, {Stage: Tokenize, Path: "tokenizer.json"}}

func (c *Config) trainStage(env *Env, weights []pipeline.Input, device, libtorch string) pipeline.Stage {
	return pipeline.Stage{Name: Train, Schema: 7, Params: c.trainParams(device, libtorch), Files: weights, Needs: trainNeeds,
		Run: func(ctx context.Context, job *pipeline.Job) error {
			return trainTo(ctx, c, env, job.Log, job.Path(Tokenize, ""), job.Checkpoints, job.Dir)
		}}
}

func (c *Config) predictStage(env *Env, inputs map[string]pipeline.Input, by computing) pipeline.Stage {
	return pipeline.Stage{Name: Predict, Schema: predictSchema, Params: predictParams{c.findParams(), c.PredictBatchTokens, c.PredictBatchSize, by, nil},
		Files: append(pickInputs(inputs, c.judged()...), c.listInputs()...), Needs: []pipeline.Need{{Stage: Train, Path: modelFolder}},
		Late: c.latePrecision(by),
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
		total, err := predictFile(ctx, env, tagger, c.sets()[name], part, fewIDs, job.Log)
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
	return pipeline.Stage{Name: Evaluate, Schema: 4, Params: evaluateParams{c.Labels, c.SliceBy},
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

func (c *Config) benchmarkStage(env *Env, inputs map[string]pipeline.Input, libtorch, hardware string) pipeline.Stage {
	return pipeline.Stage{Name: Benchmark, Schema: 7, Params: benchmarkParams{c.Runs, c.findParams(),
		c.BenchmarkDevices, c.benchmarkPrecisions(), c.benchmarkBatches(), c.Threads, libtorch, hardware},
		Files: append(pickInputs(inputs, "dev"), c.listInputs()...), Needs: []pipeline.Need{{Stage: Train, Path: modelFolder}},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			result, err := benchmark(ctx, c, env, job.Log, job.Path(Train, modelFolder), c.Dev)
			if err != nil {
				return err
			}
			return writeJSON(filepath.Join(job.Dir, "benchmark.json"), result)
		}}
}

// tagger opens a model folder on the configured device.
func (e *Env) tagger(c *Config, dir string) (*Tagger, error) {
	tokenizer := sync.OnceValues(func() (*wordpiece.BERT, error) { return wordpiece.Load(dir) })
	go func() { _, _ = tokenizer() }() // while the model is read; readTagger sees what goes wrong
	session, err := e.session(c.Device, c.Threads)
	if err != nil {
		return nil, err
	}
	tagger, err := readTagger(session, dir, c, tokenizer)
	if err == nil && tagger.why != "" {
		e.Log.Printf("precision %s: %s", tagger.model.Precision(), tagger.why)
	}
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
	train, dev, tokenizer, err := readTokenized(tokenized)
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
	task := tagging{c, newAugmenter(c, set, tokenizer.Vocabulary(), train), judge}
	best, history, err := trainModel(ctx, c, logger, model, train, task, checkpoints)
	if err != nil {
		return err
	}
	out := filepath.Join(dir, modelFolder)
	if err := finishModel(best, out, tokenizer); err != nil {
		return err
	}
	if err := writeCard(out, modelCard); err != nil {
		return err
	}
	if err := writeJSONL(filepath.Join(dir, metricsName), history); err != nil {
		return err
	}
	calibrated, err := calibrateBest(ctx, c, session, logger, judge, out, modelCard)
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, calibrationName), calibrated)
}

// readTokenized reads what training needs of tokenize's outputs.
func readTokenized(dir string) (train, dev []Example, tokenizer *wordpiece.BERT, err error) {
	if train, err = readExamples(filepath.Join(dir, "train.arrow")); err != nil {
		return nil, nil, nil, err
	}
	if dev, err = readExamples(filepath.Join(dir, "dev.arrow")); err != nil {
		return nil, nil, nil, err
	}
	tokenizer, err = wordpiece.Load(dir)
	return train, dev, tokenizer, err
}

// finishModel puts the best epoch's weights and the tokenizer into one new model folder.
func finishModel(best, out string, tokenizer *wordpiece.BERT) error {
	if err := os.Mkdir(out, 0o777); err != nil {
		return err
	}
	if err := copyFolder(best, out); err != nil {
		return err
	}
	return tokenizer.Save(out)
}
