package stages

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Option is one setting of Config: a flag, a key of the configuration file, a variable of the environment.
type Option struct {
	Key   string   // as in the configuration file: batch_size
	Usage string   // one line of help
	Used  []string // the stages that read it
	field func(*Config) any
}

// Flag is the option's name on the command line, without dashes: batch-size.
func (o Option) Flag() string { return strings.ReplaceAll(o.Key, "_", "-") }

// target reports whether the option is a bound that figures are held against.
func (o Option) target() bool { return strings.HasPrefix(o.Key, "target_") }

// aliases are the names that run_ner.py and run_mlm.py of transformers have for settings of ours, and the singular of one that may
// be given several times.
var aliases = map[string]string{"learning_rate": "lr", "num_train_epochs": "epochs", "per_device_train_batch_size": "batch_size",
	"label_smoothing_factor": "label_smoothing", "max_seq_length": "max_length", "threshold": "thresholds",
	"mlm_probability": "mask_probability"}

// settingOf is the name of ours that a key stands for.
func settingOf(key string) string {
	if known, ok := aliases[key]; ok {
		return known
	}
	return key
}

// Aliases are the option's other names on the command line.
func (o Option) Aliases() []string {
	var flags []string
	for alias, key := range aliases {
		if key == o.Key {
			flags = append(flags, strings.ReplaceAll(alias, "_", "-"))
		}
	}
	return flags
}

// envPrefix begins the names of settings in the environment.
const envPrefix = "PII_"

// Env is the option's name in the environment: PII_BATCH_SIZE.
func (o Option) Env() string { return envPrefix + strings.ToUpper(o.Key) }

// Stage names.
const (
	Tokenize  = "tokenize"
	Train     = "train"
	Predict   = "predict"
	Evaluate  = "evaluate"
	Benchmark = "benchmark"

	Pretrain = "pretrain" // a command on files alone, no stage of a run
)

var (
	byAll       = []string{Tokenize, Train, Predict, Evaluate, Benchmark}
	byTaggers   = []string{Predict, Benchmark}
	byComputing = []string{Train, Predict, Benchmark, Pretrain}
	byLabelling = []string{Tokenize, Train}
	byLearning  = []string{Tokenize, Train, Pretrain}
	byTrain     = []string{Train}
	byFitting   = []string{Train, Pretrain}
	byPretrain  = []string{Pretrain}
	byEvaluate  = []string{Evaluate}
)

// Options lists every setting in the order in which help shows them.
var Options = []Option{
	{"seed", "`NUMBER` that all randomness comes from", byLearning, func(c *Config) any { return &c.Seed }},
	{"labels", "entity `TYPES`, comma-separated, personal data marked NAME:pii", byAll, func(c *Config) any { return &c.Labels }},

	{"train", "training transcripts: a JSONL `FILE` or builtin:train", byLabelling, func(c *Config) any { return &c.Train }},
	{"dev", "transcripts that choose the best epoch and the thresholds: a JSONL `FILE` or builtin:dev", slices.Concat(byAll, byPretrain), func(c *Config) any { return &c.Dev }},
	{"test", "transcripts to judge by: a JSONL `FILE`, builtin:test or none (default: builtin:test with builtin:train, else none)", []string{Predict, Evaluate}, func(c *Config) any { return &c.Test }},
	{"stress", "further transcripts to judge by: a JSONL `FILE`, builtin:stress or none (default: as test)", []string{Predict, Evaluate}, func(c *Config) any { return &c.Stress }},
	{"natural", "the same, for those written by hand: a JSONL `FILE`, builtin:natural or none (default: as test)", []string{Predict, Evaluate}, func(c *Config) any { return &c.Natural }},

	{"vocab_size", "`NUMBER` of WordPieces to learn where no checkpoint brings its own", byLearning, func(c *Config) any { return &c.VocabSize }},
	{"lowercase", "fold case and strip accents, where no checkpoint says otherwise", byLearning, func(c *Config) any { return &c.Lowercase }},
	{"max_length", "longest window in `TOKENS`, special tokens included; longer texts are read in overlapping windows", byLearning, func(c *Config) any { return &c.MaxLength }},
	{"stride", "`TOKENS` that neighbouring windows share", byLearning, func(c *Config) any { return &c.Stride }},
	{"label_all_tokens", "label every piece of a word, since decoding reads them all; false labels first pieces alone, as run_ner does, and decodes by them", byLabelling, func(c *Config) any { return &c.LabelAllTokens }},

	{"model", "what to train: builtin:small, the trained model inside the program; small or distilbert-base, with random weights; a checkpoint `DIR`; or owner/name[@revision] on the Hugging Face hub", byLearning, func(c *Config) any { return &c.Model }},
	{"epochs", "`NUMBER` of passes over the training set (default: 3 for builtin:small, but 1 on builtin:train, of which it has learned; 7 for small, 5 otherwise)", byFitting, func(c *Config) any { return &c.Epochs }},
	{"max_steps", "`NUMBER` of training steps, in as many epochs as they take; 0 for what epochs comes to", byFitting, func(c *Config) any { return &c.MaxSteps }},
	{"batch_size", "`NUMBER` of windows in a training batch", byFitting, func(c *Config) any { return &c.BatchSize }},
	{"gradient_accumulation_steps", "`NUMBER` of batches that make up a training step", byFitting, func(c *Config) any { return &c.Accumulation }},
	{"lr", "highest learning `RATE` (default: 3e-4 for builtin:small, but 5e-6 on builtin:train; 1e-3 for small, 5e-5 otherwise)", byFitting, func(c *Config) any { return &c.LR }},
	{"lr_scheduler_type", "`KIND` of learning rate schedule: linear, cosine, constant_with_warmup, or constant, which has no warm-up", byFitting, func(c *Config) any { return &c.Schedule }},
	{"warmup_ratio", "`SHARE` of the steps in which the learning rate rises", byFitting, func(c *Config) any { return &c.WarmupRatio }},
	{"warmup_steps", "`NUMBER` of steps in which the learning rate rises; 0 to go by warmup_ratio", byFitting, func(c *Config) any { return &c.WarmupSteps }},
	{"weight_decay", "AdamW's weight decay (default: 0.01 for builtin:small and small, 0 otherwise)", byFitting, func(c *Config) any { return &c.WeightDecay }},
	{"adam_beta1", "AdamW's decay `RATE` of the mean of gradients", byFitting, func(c *Config) any { return &c.AdamBeta1 }},
	{"adam_beta2", "AdamW's decay `RATE` of the mean of squared gradients", byFitting, func(c *Config) any { return &c.AdamBeta2 }},
	{"adam_epsilon", "what AdamW adds to the denominator", byFitting, func(c *Config) any { return &c.AdamEpsilon }},
	{"max_grad_norm", "`NORM` that gradients are clipped to; 0 for no clipping", byFitting, func(c *Config) any { return &c.MaxGradNorm }},
	{"dropout", "dropout `PROBABILITY` of a model trained from scratch", byFitting, func(c *Config) any { return &c.Dropout }},
	{"label_smoothing", "`SHARE` of the target spread over all tags", byTrain, func(c *Config) any { return &c.LabelSmoothing }},
	{"class_weights", "`WEIGHTS` of tags in the loss: none, balanced, or such as O=0.5,PHONE=2, where a type is its B- and I-", byTrain, func(c *Config) any { return &c.ClassWeights }},
	{"freeze_embeddings", "leave the embeddings as they are", byFitting, func(c *Config) any { return &c.FreezeEmbeddings }},
	{"freeze_layers", "`NUMBER` of transformer layers, from the lowest, to leave as they are", byFitting, func(c *Config) any { return &c.FreezeLayers }},
	{"word_dropout", "`PROBABILITY` that a token is hidden from the model in a training step (default: 0.05 for builtin:small and small, 0 otherwise)", byTrain, func(c *Config) any { return &c.WordDropout }},
	{"mention_replacement", "`PROBABILITY` that a training step sees another mention of the same type in a mention's place (default: 0.5 for builtin:small and small, 0 otherwise)", byTrain, func(c *Config) any { return &c.MentionReplacement }},
	{"piece_dropout", "`PROBABILITY` that a training step sees a WordPiece as the smaller ones that it is made of, as those of rare words are (default: 0.1 for builtin:small and small, 0 otherwise)", byTrain, func(c *Config) any { return &c.PieceDropout }},
	{"metric_for_best_model", "`METRIC` on dev that chooses the best epoch: loss, pii_f1 or f1, both before pii_threshold drops spans", byTrain, func(c *Config) any { return &c.BestBy }},
	{"early_stopping_patience", "`NUMBER` of epochs in a row without a better metric after which training stops; 0 for never", byFitting, func(c *Config) any { return &c.Patience }},
	{"early_stopping_threshold", "by how much the metric must be better for early_stopping_patience to count anew", byFitting, func(c *Config) any { return &c.PatienceThreshold }},
	{"threshold_choice", "`HOW` thresholds of the scores of personal data are chosen on dev: fbeta, for the best F-score; precision, for the highest recall at a precision; or none", byTrain, func(c *Config) any { return &c.ThresholdChoice }},
	{"threshold_precision", "`PRECISION` that threshold_choice precision aims at, for each type", byTrain, func(c *Config) any { return &c.ThresholdPrecision }},
	{"threshold_beta", "`BETA` of threshold_choice fbeta; below 1 precision counts more than recall", byTrain, func(c *Config) any { return &c.ThresholdBeta }},
	{"checkpoint_every", "`TIME` between checkpoints that a killed training goes on from", byFitting, func(c *Config) any { return &c.CheckpointEvery }},
	{"mask_probability", "`PROBABILITY` that pretrain hides a token, to be guessed from those around it", byPretrain, func(c *Config) any { return &c.MaskProbability }},
	{"train_precision", "`PRECISION` of the products of training: fp32; tf32, bf16 or fp16 on a GPU, with weights, AdamW and sums in float32; bf16 also on the CPU", byFitting, func(c *Config) any { return &c.TrainPrecision }},

	{"device", "`DEVICE` to compute on: auto, cpu, cuda or cuda:N", byComputing, func(c *Config) any { return &c.Device }},
	{"threads", "`NUMBER` of CPU threads; 0 for all cores", byComputing, func(c *Config) any { return &c.Threads }},
	{"precision", "`PRECISION` of the matrix products of predictions: fp32, bf16, int8 on the CPU; fp32, tf32, fp16, bf16 on a GPU; or auto for the fastest whose results were measured to be those of fp32, by calibration", byTaggers, func(c *Config) any { return &c.Precision }},
	{"predict_batch_tokens", "`NUMBER` of tokens computed at once when predicting; memory grows with it", byTaggers, func(c *Config) any { return &c.PredictBatchTokens }},
	{"predict_batch_size", "`NUMBER` of windows that are computed at once at most, however few tokens they have; 0 for no bound but predict_batch_tokens", byTaggers, func(c *Config) any { return &c.PredictBatchSize }},
	{"pii_threshold", "`SCORE` in [0, 1] below which a span of personal data is dropped, of whatever type; model goes by the thresholds that were chosen for it (0.75 where none were)", byTaggers, func(c *Config) any { return &c.PIIThreshold }},
	{"thresholds", "`LABEL=SCORE` below which a span of this one type is dropped, personal data or not; comma-separated or given several times", byTaggers, func(c *Config) any { return &c.Thresholds }},
	{"helpers", "`HELPERS` that make spans more or less sure by their form: any of card, phone and email, or none", byTaggers, func(c *Config) any { return &c.Helpers }},
	{"allow", "`FILE` of phrases that are never reported, one a line, or LABEL, a tab and the phrase; none for no file", byTaggers, func(c *Config) any { return &c.Allow }},
	{"deny", "`FILE` of phrases that are always reported, a line being LABEL, a tab and the phrase; none for no file", byTaggers, func(c *Config) any { return &c.Deny }},
	{"aggregation", "`HOW` tokens become spans: viterbi, or as in transformers' pipeline none, simple, first, average or max (with which nothing is dropped unless pii_threshold or thresholds say so)", byTaggers, func(c *Config) any { return &c.Aggregation }},

	{"runs", "`NUMBER` of texts that benchmark times for each row, in ten rounds; more where a batch takes more", []string{Benchmark}, func(c *Config) any { return &c.Runs }},
	{"benchmark_devices", "`DEVICES` to compare, comma-separated", []string{Benchmark}, func(c *Config) any { return &c.BenchmarkDevices }},
	{"benchmark_precisions", "`PRECISIONS` to compare, comma-separated (default: precision)", []string{Benchmark}, func(c *Config) any { return &c.BenchmarkPrecision }},
	{"benchmark_batches", "`NUMBERS` of texts in a call to compare, comma-separated; 1 is one text at a time", []string{Benchmark}, func(c *Config) any { return &c.BenchmarkBatches }},
	{"target_p95", "longest p95 `TIME` of one transcript that is good enough", []string{Benchmark}, func(c *Config) any { return &c.TargetP95 }},

	{"slice_by", "`FIELDS` of the labelled transcripts, comma-separated, by whose values evaluate tells scores apart, besides the slices it knows", byEvaluate, func(c *Config) any { return &c.SliceBy }},
	{"target_pii_precision", "least PII `PRECISION` that is good enough; 0 for none", byEvaluate, func(c *Config) any { return &c.TargetPIIPrecision }},
	{"target_pii_recall", "least PII `RECALL` that is good enough; 0 for none", byEvaluate, func(c *Config) any { return &c.TargetPIIRecall }},
	{"target_pii_f1", "least PII `F1` that is good enough; 0 for none", byEvaluate, func(c *Config) any { return &c.TargetPIIF1 }},
	{"target_leak_rate", "highest leak `RATE` that is good enough; 1 for none", byEvaluate, func(c *Config) any { return &c.TargetLeakRate }},
}

// OptionsOf lists the settings that a stage reads.
func OptionsOf(stage string) []Option {
	var list []Option
	for _, o := range Options {
		if slices.Contains(o.Used, stage) {
			list = append(list, o)
		}
	}
	return list
}

// OptionsNamed lists the settings with these keys.
func OptionsNamed(keys ...string) []Option {
	return slices.DeleteFunc(slices.Clone(Options), func(o Option) bool { return !slices.Contains(keys, o.Key) })
}

// Repeats reports whether the option takes several values, so that its flag may be given several times.
func (o Option) Repeats() bool {
	_, list := o.field(&Config{}).(*[]string)
	return list
}

func keys() []string {
	names := make([]string, len(Options))
	for i, o := range Options {
		names[i] = o.Key
	}
	return names
}

// Set parses text as the value of the setting key, which may be an alias. origin says where it comes from: "--lr", "PII_LR", "pii.yaml:3".
func (c *Config) Set(key, text, origin string) error {
	key = settingOf(key)
	index := slices.Index(keys(), key)
	if index < 0 {
		return &ConfigError{fmt.Sprintf("%s: there is no setting %q%s", origin, key, Nearest(key, keys()))}
	}
	if err := parseInto(Options[index].field(c), text); err != nil {
		return &ConfigError{fmt.Sprintf("%s: %s: %v", origin, key, err)}
	}
	c.origins[key] = origin
	return nil
}

func parseInto(field any, text string) (err error) {
	switch p := field.(type) {
	case *string:
		*p = text
	case *bool:
		*p, err = strconv.ParseBool(text)
	case *int:
		*p, err = strconv.Atoi(text)
	case *int64:
		*p, err = strconv.ParseInt(text, 10, 64)
	case *float64:
		*p, err = strconv.ParseFloat(text, 64)
	case *time.Duration:
		*p, err = time.ParseDuration(text)
	case *[]string:
		*p = splitList(text)
	default:
		err = fmt.Errorf("settings of type %T cannot be read", field)
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", text, kindOf(field))
	}
	return nil
}

func kindOf(field any) string {
	switch field.(type) {
	case *bool:
		return "truth value (true or false)"
	case *int, *int64:
		return "whole number"
	case *time.Duration:
		return "time (such as 20ms or 5m)"
	}
	return "number"
}

func splitList(text string) []string {
	var list []string
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// Get is the value of the setting as Set would read it.
func (c *Config) Get(o Option) string {
	switch p := o.field(c).(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		return strconv.FormatInt(*p, 10)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *time.Duration:
		return p.String()
	case *[]string:
		return strings.Join(*p, ",")
	}
	return ""
}
