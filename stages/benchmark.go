package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"text/tabwriter"
	"time"

	"pii/metrics"
	"pii/pipeline"
	"pii/torchmodel"
)

// BenchmarkResult is benchmark.json: the same texts through the same harness on each device.
type BenchmarkResult struct {
	Hardware string            `json:"hardware"`
	Texts    int               `json:"texts"`
	Devices  []DeviceBenchmark `json:"devices"`
}

// DeviceBenchmark is what was measured on one device, or why nothing was.
type DeviceBenchmark struct {
	Device    string           `json:"device"`
	Precision string           `json:"precision,omitempty"` // of the large matrix products
	Products  string           `json:"products,omitempty"`  // what computes them: libtorch, oneDNN, or loops for AVX2 or any processor
	Missing   string           `json:"missing,omitempty"`   // why there is no measurement
	LoadMS    float64          `json:"load_ms"`             // reading the model from disk
	FirstMS   float64          `json:"first_ms"`            // the first text after loading
	WarmUp    int              `json:"warm_up"`             // texts tagged before timing began
	Tokenize  *metrics.Latency `json:"tokenize,omitempty"`
	Forward   *metrics.Latency `json:"forward,omitempty"` // copies to and from the device included
	Decode    *metrics.Latency `json:"decode,omitempty"`
	Total     *metrics.Latency `json:"total,omitempty"` // text in, spans out, one text at a time
	TextsPerS float64          `json:"texts_per_second"`
	BatchSize int              `json:"batch_size"` // of texts_per_second
}

// BenchmarkFiles times a model folder and prints the figures. The error is a MissedError where all is printed and a target that
// was set is missed.
func BenchmarkFiles(ctx context.Context, cfg *Config, env *Env, modelDir, input string, asJSON bool) error {
	result, err := benchmark(ctx, cfg, env, env.Log, modelDir, input)
	if err != nil {
		return err
	}
	targets := cfg.timeTargets(result)
	if asJSON {
		err = PrintJSON(env.Out, struct {
			*BenchmarkResult
			Targets []metrics.Target `json:"targets"`
		}{result, targets})
	} else if err = result.Table(env.Out); err == nil {
		err = printTargets(env.Out, targets)
	}
	if err != nil {
		return err
	}
	return missed(targets)
}

func benchmark(ctx context.Context, cfg *Config, env *Env, logger *log.Logger, modelDir, input string) (*BenchmarkResult, error) {
	texts, err := readTexts(env, input)
	if err != nil {
		return nil, err
	}
	result := &BenchmarkResult{Hardware: hardware(), Texts: len(texts)}
	for _, device := range cfg.BenchmarkDevices {
		one, err := benchmarkDevice(ctx, cfg, env, logger, modelDir, texts, device)
		if why := missing(err); why != "" {
			one, err = DeviceBenchmark{Device: device, Missing: why}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("benchmark on %s: %w", device, err)
		}
		result.Devices = append(result.Devices, one)
	}
	return result, nil
}

// missing is why a device cannot be timed; "" for another error and for none.
func missing(err error) string {
	var device *torchmodel.NoDeviceError
	var precision *torchmodel.NoPrecisionError
	switch {
	case errors.As(err, &device):
		return device.Reason
	case errors.As(err, &precision):
		return precision.Error()
	}
	return ""
}

func readTexts(env *Env, input string) ([]string, error) {
	var fault error
	var list []string
	for text := range texts(env, input, &fault) {
		list = append(list, text)
	}
	if fault == nil && len(list) == 0 {
		fault = fmt.Errorf("%s: is empty", input)
	}
	return list, fault
}

// warmUpRuns is how many texts are tagged before timing begins.
const warmUpRuns = 20

func benchmarkDevice(ctx context.Context, cfg *Config, env *Env, logger *log.Logger, modelDir string, texts []string, device string) (b DeviceBenchmark, err error) {
	session, err := env.session(device, cfg.Threads)
	if err != nil {
		return b, err
	}
	b.Device, b.BatchSize, b.WarmUp = session.Device(), cfg.PredictBatchSize, warmUpRuns
	start := time.Now()
	tagger, err := openTagger(session, modelDir, cfg)
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, tagger.Close()) }()
	b.LoadMS = milliseconds(time.Since(start))
	b.Precision, b.Products = tagger.model.Precision(), tagger.model.Products()
	first, err := timeOne(ctx, tagger, texts[0])
	if err != nil {
		return b, err
	}
	b.FirstMS = milliseconds(first.total)
	if err := b.latency(ctx, tagger, texts, cfg.Runs, logger); err != nil {
		return b, err
	}
	start = time.Now()
	if _, err := tagger.Tag(ctx, texts); err != nil {
		return b, err
	}
	b.TextsPerS = float64(len(texts)) / time.Since(start).Seconds()
	return b, nil
}

// phases are the times of one text.
type phases struct{ tokenize, forward, decode, total time.Duration }

func timeOne(ctx context.Context, t *Tagger, text string) (p phases, err error) {
	start := time.Now()
	prep, err := t.prepare(text)
	if err != nil {
		return p, err
	}
	tokenized := time.Now()
	list := []prepared{prep}
	if err := t.compute(ctx, list); err != nil { // returns when the logits are in memory: the device is done
		return p, err
	}
	computed := time.Now()
	if _, err := t.decode(list[0]); err != nil {
		return p, err
	}
	end := time.Now()
	return phases{tokenized.Sub(start), computed.Sub(tokenized), end.Sub(computed), end.Sub(start)}, nil
}

func (b *DeviceBenchmark) latency(ctx context.Context, t *Tagger, texts []string, runs int, logger *log.Logger) error {
	var each [4][]time.Duration
	progress := pipeline.NewProgress(logger, "timing on "+b.Device, int64(runs))
	defer progress.Close()
	for i := -warmUpRuns; i < runs; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := timeOne(ctx, t, texts[(i+warmUpRuns)%len(texts)])
		if err != nil {
			return err
		}
		if i < 0 {
			continue
		}
		for k, d := range []time.Duration{p.tokenize, p.forward, p.decode, p.total} {
			each[k] = append(each[k], d)
		}
		progress.Add(1)
	}
	for k, into := range []**metrics.Latency{&b.Tokenize, &b.Forward, &b.Decode, &b.Total} {
		l := metrics.NewLatency(each[k])
		*into = &l
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Table prints a line per device.
func (r *BenchmarkResult) Table(w io.Writer) error {
	fmt.Fprintf(w, "one transcript at a time, milliseconds; %s\n", r.Hardware)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "device\tprecision\tp50\tp95\tp99\ttokenize p50\tforward p50\tdecode p50\tload\tfirst\ttexts/s\t")
	for _, d := range r.Devices {
		if d.Missing != "" {
			fmt.Fprintf(table, "%s\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t\n", d.Device)
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.0f\t%.2f\t%.0f\t\n", d.Device, d.Precision, d.Total.P50.Value,
			d.Total.P95.Value, d.Total.P99.Value, d.Tokenize.P50.Value, d.Forward.P50.Value, d.Decode.P50.Value, d.LoadMS,
			d.FirstMS, d.TextsPerS)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range r.Devices {
		if d.Missing != "" {
			fmt.Fprintf(w, "%s: %s\n", d.Device, d.Missing)
			continue
		}
		for _, note := range d.Total.Notes {
			fmt.Fprintf(w, "%s: %s\n", d.Device, note)
		}
	}
	return nil
}
