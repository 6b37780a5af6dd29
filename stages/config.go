package stages

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"pii/data"
	"pii/labels"
	"pii/rules"
	"pii/torchmodel"
)

// Config holds every setting. Each has one name everywhere: --batch-size, batch_size in the configuration file,
// PII_BATCH_SIZE in the environment. See options.go for what each means.
type Config struct {
	Seed   int64
	Labels []string

	Train, Dev, Test, Stress, Natural string

	VocabSize      int
	Lowercase      bool
	MaxLength      int
	Stride         int
	LabelAllTokens bool

	Model              string
	Epochs             int
	MaxSteps           int
	BatchSize          int
	Accumulation       int
	LR                 float64
	Schedule           string
	WarmupRatio        float64
	WarmupSteps        int
	WeightDecay        float64
	AdamBeta1          float64
	AdamBeta2          float64
	AdamEpsilon        float64
	MaxGradNorm        float64
	Dropout            float64
	LabelSmoothing     float64
	ClassWeights       string
	FreezeEmbeddings   bool
	FreezeLayers       int
	WordDropout        float64
	MentionReplacement float64
	PieceDropout       float64
	BestBy             string
	Patience           int
	PatienceThreshold  float64
	ThresholdChoice    string
	ThresholdPrecision float64
	ThresholdBeta      float64
	CheckpointEvery    time.Duration
	MaskProbability    float64
	TrainPrecision     string

	Device             string
	Threads            int
	Precision          string
	PredictBatchTokens int
	PredictBatchSize   int
	PIIThreshold       string // a number, or byModel; see piiThreshold
	Thresholds         []string
	Helpers            []string
	Allow, Deny        string
	Aggregation        string

	Runs               int
	BenchmarkDevices   []string
	BenchmarkPrecision []string // none: Precision
	BenchmarkBatches   []string
	TargetP95          time.Duration
	SliceBy            []string
	TargetPIIPrecision float64
	TargetPIIRecall    float64
	TargetPIIF1        float64
	TargetLeakRate     float64

	origins  map[string]string // key to where its value comes from
	file     string            // the file of settings that was read; "" for none
	snapshot string            // folder of a model of the hub, where FindModel has found it
}

// Default is the configuration where nothing is set. Settings that are empty in it get their value from the model or the
// data that is chosen; see Resolve.
func Default() *Config {
	return &Config{
		Seed: 42, Labels: labels.FormatTypes(labels.DefaultTypes()),
		Train: "builtin:train", Dev: "builtin:dev",
		VocabSize: 16000, Lowercase: true, MaxLength: 128, Stride: 32, LabelAllTokens: true,
		Model: shippedModel, BatchSize: 16, Accumulation: 1, Schedule: "linear", WarmupRatio: 0.1,
		AdamBeta1: 0.9, AdamBeta2: 0.999, AdamEpsilon: 1e-8, MaxGradNorm: 1, Dropout: 0.1, ClassWeights: none, BestBy: "loss",
		ThresholdChoice: byFBeta, ThresholdPrecision: 0.95, ThresholdBeta: 0.8,
		CheckpointEvery: time.Minute, MaskProbability: 0.15, TrainPrecision: torchmodel.FP32, Device: "auto", Precision: torchmodel.Auto, PredictBatchTokens: 2048, PIIThreshold: byModel, Helpers: rules.HelperNames(),
		Allow: none, Deny: none, Aggregation: viterbi,
		Runs: 200, BenchmarkDevices: []string{"cpu", "cuda"}, BenchmarkBatches: []string{"1", "32"},
		TargetP95: 20 * time.Millisecond, TargetPIIPrecision: 0.80, TargetLeakRate: 1,
		origins: map[string]string{},
	}
}

// preset holds what a model brings along where nothing else is said. The small models take larger steps than
// DistilBERT, and are shown the training set in more variations; from random weights they take more of them.
type preset struct {
	random                          bool // starts from random weights
	epochs                          int
	lr, weightDecay                 float64
	wordDropout, mentionReplacement float64
	pieceDropout                    float64
}

// seenBefore is the shipped model on the shipped training set, which is part of what it learned from: one gentle pass. Larger steps take
// from what it knows of the rest (docs/accuracy.md).
const seenBefore = shippedModel + " on builtin:train"

var presets = map[string]preset{
	shippedModel:      {epochs: 3, lr: 3e-4, weightDecay: 0.01, wordDropout: 0.05, mentionReplacement: 0.5, pieceDropout: 0.1},
	seenBefore:        {epochs: 1, lr: 5e-6, weightDecay: 0.01, wordDropout: 0.05, mentionReplacement: 0.5, pieceDropout: 0.1},
	"small":           {random: true, epochs: 7, lr: 1e-3, weightDecay: 0.01, wordDropout: 0.05, mentionReplacement: 0.5, pieceDropout: 0.1},
	"distilbert-base": {random: true, epochs: 5, lr: 5e-5},
}

// preset is what the chosen model brings along. A checkpoint of at most half of DistilBERT's width learns as the small one does.
func (c *Config) preset() preset {
	if c.Model == shippedModel && c.Train == "builtin:train" {
		return presets[seenBefore]
	}
	if p, known := presets[c.Model]; known {
		return p
	}
	if m, err := torchmodel.ReadConfig(c.Model); err == nil && m.Dim <= 384 {
		return presets[shippedModel]
	}
	return presets["distilbert-base"]
}

// none switches off what is optional: a data set, class weights.
const none = "none"

// Resolve fills in what depends on other settings, and checks every value. Errors name the setting and where it was set.
func (c *Config) Resolve() error {
	if err := c.checkZeros(); err != nil {
		return err
	}
	p := c.preset()
	if c.Epochs == 0 {
		c.Epochs = p.epochs
	}
	if c.LR == 0 {
		c.LR = p.lr
	}
	if c.origins["weight_decay"] == "" {
		c.WeightDecay = p.weightDecay
	}
	if c.origins["word_dropout"] == "" {
		c.WordDropout = p.wordDropout
	}
	if c.origins["mention_replacement"] == "" {
		c.MentionReplacement = p.mentionReplacement
	}
	if c.origins["piece_dropout"] == "" {
		c.PieceDropout = p.pieceDropout
	}
	if threshold, given := c.piiThreshold(); given {
		c.PIIThreshold = strconv.FormatFloat(threshold, 'g', -1, 64)
	}
	for _, set := range []struct {
		path    *string
		builtin string
	}{{&c.Test, "builtin:test"}, {&c.Stress, "builtin:stress"}, {&c.Natural, "builtin:natural"}} {
		if *set.path == "" {
			*set.path = none
			if c.Train == "builtin:train" {
				*set.path = set.builtin
			}
		}
	}
	return c.check()
}

// checkZeros refuses a 0 that somebody set where it stands for "not set".
func (c *Config) checkZeros() error {
	for key, zero := range map[string]bool{"epochs": c.Epochs == 0, "lr": c.LR == 0} {
		if zero && c.origins[key] != "" {
			return c.fault(key, "must be greater than 0")
		}
	}
	return nil
}

func (c *Config) check() error {
	positive := map[string]float64{"vocab_size": float64(c.VocabSize), "epochs": float64(c.Epochs), "lr": c.LR,
		"batch_size": float64(c.BatchSize), "gradient_accumulation_steps": float64(c.Accumulation), "adam_epsilon": c.AdamEpsilon,
		"predict_batch_tokens": float64(c.PredictBatchTokens), "mask_probability": c.MaskProbability, "runs": float64(c.Runs),
		"checkpoint_every": float64(c.CheckpointEvery), "threshold_beta": c.ThresholdBeta, "target_p95": float64(c.TargetP95)}
	shares := map[string]float64{"mention_replacement": c.MentionReplacement, "piece_dropout": c.PieceDropout, "warmup_ratio": c.WarmupRatio,
		"target_pii_precision": c.TargetPIIPrecision, "target_pii_recall": c.TargetPIIRecall, "target_pii_f1": c.TargetPIIF1,
		"target_leak_rate": c.TargetLeakRate, "threshold_precision": c.ThresholdPrecision}
	below1 := map[string]float64{"dropout": c.Dropout, "label_smoothing": c.LabelSmoothing, "word_dropout": c.WordDropout,
		"mask_probability": c.MaskProbability, "adam_beta1": c.AdamBeta1, "adam_beta2": c.AdamBeta2}
	notNegative := map[string]float64{"weight_decay": c.WeightDecay, "max_grad_norm": c.MaxGradNorm,
		"threads": float64(c.Threads), "predict_batch_size": float64(c.PredictBatchSize), "stride": float64(c.Stride), "warmup_steps": float64(c.WarmupSteps),
		"max_steps": float64(c.MaxSteps), "freeze_layers": float64(c.FreezeLayers),
		"early_stopping_patience": float64(c.Patience), "early_stopping_threshold": c.PatienceThreshold}
	for _, key := range keys() {
		if v, ok := positive[key]; ok && (!(v > 0) || math.IsInf(v, 1)) {
			return c.fault(key, "must be greater than 0")
		}
		if v, ok := below1[key]; ok && !(v >= 0 && v < 1) {
			return c.fault(key, "must be at least 0 and below 1")
		}
		if v, ok := shares[key]; ok && !(v >= 0 && v <= 1) {
			return c.fault(key, "must be between 0 and 1")
		}
		if v, ok := notNegative[key]; ok && (!(v >= 0) || math.IsInf(v, 1)) {
			return c.fault(key, "must not be negative")
		}
	}
	if c.PredictBatchTokens > mostBatchTokens {
		return c.fault("predict_batch_tokens", fmt.Sprintf("must be at most %d", mostBatchTokens))
	}
	if most := torchmodel.MostThreads(); c.Threads > most {
		return c.fault("threads", fmt.Sprintf("must be at most %d, four for each processor", most))
	}
	if c.MaxLength < 8 {
		return c.fault("max_length", "must be at least 8")
	}
	if c.Stride > c.MaxLength-4 {
		return c.fault("stride", fmt.Sprintf("must be at least 4 below max_length, which is %d", c.MaxLength))
	}
	set, err := c.LabelSet()
	if err != nil {
		return c.fault("labels", "is wrong: "+err.Error())
	}
	if _, err := parseClassWeights(c.ClassWeights, set); err != nil {
		return c.fault("class_weights", "is wrong: "+err.Error())
	}
	return errors.Join(c.checkSets(), c.checkChoices(), c.checkSlices(), c.checkScores(), c.checkNames())
}

// checkSets checks how the sets are named; whether the files are there shows when they are read.
func (c *Config) checkSets() error {
	for _, set := range [][2]string{{"train", c.Train}, {"dev", c.Dev}, {"test", c.Test}, {"stress", c.Stress}, {"natural", c.Natural}} {
		key, path := set[0], set[1]
		name, builtin := builtinName(path)
		switch {
		case path == "" || path == none && (key == "train" || key == "dev"):
			return c.fault(key, "must name a file")
		case path == "-":
			return c.fault(key, "cannot be standard input: it is read several times")
		case builtin && !slices.Contains(data.BuiltinNames(), name):
			return c.fault(key, fmt.Sprintf("%q is not a built-in set%s", path, Nearest(name, data.BuiltinNames())))
		}
	}
	return nil
}

// checkChoices checks the settings that are one of a few words.
func (c *Config) checkChoices() error {
	for _, choice := range []struct {
		key, value string
		known      []string
	}{{"lr_scheduler_type", c.Schedule, torchmodel.Schedules}, {"metric_for_best_model", c.BestBy, bestMetrics},
		{"threshold_choice", c.ThresholdChoice, thresholdChoices},
		{"aggregation", c.Aggregation, aggregationNames()}, {"train_precision", c.TrainPrecision, torchmodel.TrainPrecisions}} {
		if !slices.Contains(choice.known, choice.value) {
			return c.fault(choice.key, fmt.Sprintf("is %q; it must be one of %s%s", choice.value, strings.Join(choice.known, ", "),
				Nearest(choice.value, choice.known)))
		}
	}
	return nil
}

// checkSlices refuses names that mean something else, and would put transcripts into the results.
func (c *Config) checkSlices() error {
	for i, name := range c.SliceBy {
		switch {
		case slices.Contains([]string{"id", "text", "entities"}, name):
			return c.fault("slice_by", fmt.Sprintf("names %s, which is not a field to tell parts of a file apart by", name))
		case slices.Contains(data.TraitNames, name), name == data.NoiseKinds:
			return c.fault("slice_by", fmt.Sprintf("names %s, by which there are slices of themselves", name))
		case slices.Contains(c.SliceBy[:i], name):
			return c.fault("slice_by", fmt.Sprintf("names %s twice", name))
		}
	}
	return nil
}

func (c *Config) checkNames() error {
	if err := torchmodel.CheckDevice(c.Device); err != nil {
		return c.fault("device", "is wrong: "+err.Error())
	}
	if err := torchmodel.CheckPrecision(c.Precision); err != nil {
		return c.fault("precision", "is wrong: "+err.Error())
	}
	for _, device := range c.BenchmarkDevices {
		if err := torchmodel.CheckDevice(device); err != nil {
			return c.fault("benchmark_devices", "is wrong: "+err.Error())
		}
	}
	for _, precision := range c.BenchmarkPrecision {
		if err := torchmodel.CheckPrecision(precision); err != nil {
			return c.fault("benchmark_precisions", "is wrong: "+err.Error())
		}
	}
	for _, size := range c.BenchmarkBatches {
		if n, err := strconv.Atoi(size); err != nil || n < 1 || n > mostBatchTexts {
			return c.fault("benchmark_batches", fmt.Sprintf("is wrong: %q is not a whole number from 1 to %d", size, mostBatchTexts))
		}
	}
	return c.checkModel()
}

// benchmarkPrecisions are those to compare.
func (c *Config) benchmarkPrecisions() []string {
	if len(c.BenchmarkPrecision) == 0 {
		return []string{c.Precision}
	}
	return c.BenchmarkPrecision
}

// mostBatchTexts bounds what benchmark tags in a call.
const mostBatchTexts = 1 << 16

// benchmarkBatches are the numbers of texts in a call to compare, each once.
func (c *Config) benchmarkBatches() []int {
	var sizes []int
	for _, size := range c.BenchmarkBatches {
		if n, _ := strconv.Atoi(size); !slices.Contains(sizes, n) { // check has seen them
			sizes = append(sizes, n)
		}
	}
	return sizes
}

func (c *Config) fault(key, problem string) error {
	text := fmt.Sprintf("%s %s", key, problem)
	if origin := c.origins[key]; origin != "" {
		text += " (set by " + origin + ")"
	}
	return &ConfigError{text}
}

// ConfigError is a setting that cannot be used.
type ConfigError struct{ Message string }

func (e *ConfigError) Error() string { return e.Message }

// LabelSet is the set of labels that the configuration names.
func (c *Config) LabelSet() (*labels.Set, error) {
	types, err := labels.ParseTypes(c.Labels)
	if err != nil {
		return nil, err
	}
	return labels.NewSet(types)
}

// fromCheckpoint reports whether the model starts from a checkpoint, and so brings its own vocabulary.
func (c *Config) fromCheckpoint() bool {
	return !presets[c.Model].random
}

// builtinName is the name of a shipped data set, if path names one.
func builtinName(path string) (string, bool) { return strings.CutPrefix(path, "builtin:") }
