package stages

import (
	"context"
	"errors"
	"io"
	"log"
	"math"

	"pii/data"
	"pii/metrics"
)

// BenchmarkResult is benchmark.json: the same texts through the same harness with each model, which is a device with a precision,
// and for each of these with each batch size, a row.
type BenchmarkResult struct {
	Hardware   string           `json:"hardware"`
	Texts      int              `json:"texts"`            // of the input
	Tokens     int              `json:"tokens,omitempty"` // of the input, as the model reads it: special tokens and overlaps of windows included
	Before     *float64         `json:"memory_before_mb"` // resident before any model; it is part of each peak_memory_mb
	Rounds     int              `json:"rounds"`
	Models     []BenchmarkModel `json:"models"`
	Rows       []BenchmarkRow   `json:"rows"`
	Crossovers []Crossover      `json:"crossovers,omitempty"`
}

// BenchmarkModel is the model on a device in a precision.
type BenchmarkModel struct {
	Device       string   `json:"device"`
	Precision    string   `json:"precision"`
	Auto         string   `json:"auto,omitempty"`        // why auto is this precision, where auto was asked for
	Products     string   `json:"products,omitempty"`    // what computes the large products: see torchmodel.Model.Products
	Missing      string   `json:"missing,omitempty"`     // why there is no measurement
	LoadMS       float64  `json:"load_ms,omitempty"`     // reading the model from disk and preparing it
	FirstMS      float64  `json:"first_ms,omitempty"`    // the first text after loading
	DeviceMemory *float64 `json:"peak_device_memory_mb"` // the most of its rows
	TagsEqual    *float64 `json:"tags_equal"`            // share of the input's tokens whose likeliest tag is that of fp32 on the first device
	PIIF1        *float64 `json:"pii_f1"`                // nil where the input has no labels, or others than the model
	F1Difference *float64 `json:"pii_f1_difference"`     // of PIIF1, from that of fp32 on the first device
}

// BenchmarkRow is what was measured of a model with a batch size. A batch size of 1 is one text at a time. Where Missing says why nothing
// was, there are no figures.
type BenchmarkRow struct {
	Device        string           `json:"device"`
	Precision     string           `json:"precision"`
	Batch         int              `json:"batch"` // texts in a call
	Missing       string           `json:"missing,omitempty"`
	WarmUp        *WarmUp          `json:"warm_up,omitempty"`
	Memory        *float64         `json:"peak_memory_mb"`         // resident, of a process with this model alone; nil where the system does not tell
	DeviceMemory  *float64         `json:"peak_device_memory_mb"`  // what libtorch has taken of a GPU's; nil on the CPU, and where it does not tell
	DeviceTensors *float64         `json:"peak_device_tensors_mb"` // what was in tensors of that
	Tokenize      *metrics.Latency `json:"tokenize,omitempty"`
	Forward       *metrics.Latency `json:"forward,omitempty"` // copies to and from the device included
	Copy          *metrics.Latency `json:"copy,omitempty"`    // of Forward, by the device's clock; nil on the CPU, and where libtorch does not tell
	Decode        *metrics.Latency `json:"decode,omitempty"`
	Total         *metrics.Latency `json:"total,omitempty"` // of a call: texts in, spans out
	Shares        *Shares          `json:"shares,omitempty"`
	Padding       *float64         `json:"padding,omitempty"`           // share of padding in these batches where they are padded; on the CPU they are not
	TextsPerS     float64          `json:"texts_per_second,omitempty"`  // texts of the input's mean number of tokens
	TokensPS      float64          `json:"tokens_per_second,omitempty"` // by the median of RoundUS
	SpeedUp       *metrics.Ratio   `json:"speed_up,omitempty"`          // TokensPS for each one of the first row
	RoundUS       []float64        `json:"round_us,omitempty"`          // microseconds a token in each round
}

// WarmUp is what went before the timing of a row.
type WarmUp struct {
	Calls  int  `json:"calls"`
	Stable bool `json:"stable"` // the last blocks of calls took alike long; see warmUp
}

// Shares are the parts of the time of all calls. Copy is part of Forward.
type Shares struct {
	Tokenize float64 `json:"tokenize"`
	Forward  float64 `json:"forward"`
	Decode   float64 `json:"decode"`
	Copy     float64 `json:"copy"`
}

// Crossover is the batch size from which Device is faster than Than, each with the precision that is its fastest there: the least
// that was timed such that it also is at all greater ones. Nil where there is none.
type Crossover struct {
	Device string `json:"device"`
	Than   string `json:"than"`
	Batch  *int   `json:"batch"`
}

// BenchmarkOptions are what BenchmarkFiles times, and how it tells.
type BenchmarkOptions struct {
	ModelDir, Input string
	JSON            bool
	Compare         string // a former benchmark.json to set beside the figures; "" for none
}

// BenchmarkFiles times a model folder and prints the figures. The error is a MissedError where all is printed and a target that
// was set is missed.
func BenchmarkFiles(ctx context.Context, cfg *Config, env *Env, o BenchmarkOptions) error {
	former, err := readBenchmark(o.Compare)
	if err != nil {
		return err
	}
	result, err := benchmark(ctx, cfg, env, env.Log, o.ModelDir, o.Input)
	if err != nil {
		return err
	}
	targets := cfg.timeTargets(result)
	var comparison *Comparison
	if former != nil {
		comparison = compareBenchmarks(o.Compare, former, result)
	}
	if o.JSON {
		err = PrintJSON(env.Out, struct {
			*BenchmarkResult
			Comparison *Comparison      `json:"comparison,omitempty"`
			Targets    []metrics.Target `json:"targets"`
		}{result, comparison, targets})
	} else {
		err = errors.Join(result.Table(env.Out), comparison.Table(env.Out), printTargets(env.Out, targets))
	}
	if err != nil {
		return err
	}
	if !result.measured(0) {
		return errors.New("nothing was timed: no device that was asked for has a precision that was asked for (the lines above say why)")
	}
	return missed(targets)
}

// benchmarkRounds is how many times the rows take turns. As many numbers of each row are what intervals and comparisons rest on.
const benchmarkRounds = 10

func benchmark(ctx context.Context, cfg *Config, env *Env, logger *log.Logger, modelDir, input string) (result *BenchmarkResult, err error) {
	transcripts, err := readTranscripts(env, input)
	if err != nil {
		return nil, err
	}
	hardware, err := cfg.hardware()
	if err != nil {
		return nil, err
	}
	bench := &bench{cfg: cfg, env: env, log: logger, modelDir: modelDir, hardware: hardware,
		texts: make([]string, len(transcripts)), rounds: min(benchmarkRounds, cfg.Runs)}
	for i, t := range transcripts {
		bench.texts[i] = t.Text
	}
	defer func() { err = errors.Join(err, bench.close()) }()
	if err := bench.openAll(ctx); err != nil {
		return nil, err
	}
	if err := bench.timeAll(ctx); err != nil {
		return nil, err
	}
	if err := bench.judge(ctx, transcripts); err != nil {
		return nil, err
	}
	return bench.result(), nil
}

func readTranscripts(env *Env, input string) ([]data.Transcript, error) {
	reader, err := env.open(input, data.Options{})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var list []data.Transcript
	for {
		t, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
}

// result gathers what was measured.
func (b *bench) result() *BenchmarkResult {
	r := &BenchmarkResult{Hardware: b.hardware, Texts: len(b.texts), Tokens: b.tokens, Before: b.memory.started(), Rounds: b.rounds}
	var first *BenchmarkRow
	for _, s := range b.subjects {
		r.Models = append(r.Models, s.BenchmarkModel)
		for _, row := range s.rows {
			if first == nil && row.Missing == "" {
				first = &row.BenchmarkRow
			}
			if row.Missing == "" {
				speedUp := metrics.PairedRatio(first.RoundUS, row.RoundUS)
				row.SpeedUp = &speedUp
			}
			r.Rows = append(r.Rows, row.BenchmarkRow)
		}
	}
	r.Crossovers = crossovers(r.Rows)
	return r
}

// crossovers compare each further device with the first that was timed.
func crossovers(rows []BenchmarkRow) []Crossover {
	fastest := map[string]map[int]float64{} // texts per second by device and batch size
	var devices []string
	for _, row := range rows {
		if row.Missing != "" {
			continue
		}
		if fastest[row.Device] == nil {
			fastest[row.Device] = map[int]float64{}
			devices = append(devices, row.Device)
		}
		fastest[row.Device][row.Batch] = max(fastest[row.Device][row.Batch], row.TextsPerS)
	}
	var list []Crossover
	for i, device := range devices {
		if i > 0 {
			list = append(list, Crossover{device, devices[0], faster(fastest[device], fastest[devices[0]])})
		}
	}
	return list
}

// faster is the least batch size such that a has more texts per second there and at all greater ones that both have.
func faster(a, b map[int]float64) *int {
	won, lost := math.MaxInt, 0
	for batch, speed := range a {
		if other, both := b[batch]; both && speed <= other {
			lost = max(lost, batch)
		}
	}
	for batch := range a {
		if _, both := b[batch]; both && batch > lost {
			won = min(won, batch)
		}
	}
	if won == math.MaxInt {
		return nil
	}
	return &won
}
