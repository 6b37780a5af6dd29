package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pii/data"
	"pii/pipeline"
	"pii/torchmodel"
)

// FileOptions are what the commands on files share.
type FileOptions struct {
	Force    bool // also when a result of the same inputs is there
	Versions map[string]string
}

// TrainFiles trains on cfg.Train and cfg.Dev and writes a Hugging Face model folder. What an interrupted call leaves in
// out/.pii lets the next one go on, and tells it when there is nothing to do.
func TrainFiles(ctx context.Context, cfg *Config, env *Env, out string, opts FileOptions) error {
	if err := cfg.beginIn(ctx, env, out); err != nil {
		return err
	}
	all, err := cfg.Pipeline(env)
	if err != nil {
		return err
	}
	return trainInto(ctx, env, out, all[:2], opts, metricsName, calibrationName)
}

// beginIn finds the model that training starts from, and refuses a folder to write to that is the same one.
func (c *Config) beginIn(ctx context.Context, env *Env, out string) error {
	if info, err := os.Stat(out); err == nil && !info.IsDir() {
		return &ConfigError{fmt.Sprintf("--out-dir %s is a file, not a folder", out)}
	}
	if c.onHub() && sameName(out, c.Model) {
		return &ConfigError{fmt.Sprintf("--out-dir %s is named as the model of the hub that training starts from; the next call would "+
			"take the folder for it", out)}
	}
	if err := c.FindModel(ctx, env, true); err != nil {
		return err
	}
	if c.fromCheckpoint() && sameFile(out, c.checkpoint()) {
		return &ConfigError{fmt.Sprintf("--out-dir %s is the checkpoint that training starts from; it would be overwritten", out)}
	}
	return nil
}

// trainInto runs stages, the last of which trains a model, in a hidden folder of out, and puts the model into out, with the files
// beside it that are named.
func trainInto(ctx context.Context, env *Env, out string, stages []pipeline.Stage, opts FileOptions, beside ...string) error {
	run, err := pipeline.Open(filepath.Join(out, ".pii"), stages, opts.Versions, env.Log)
	if err != nil {
		return err
	}
	selection := pipeline.Selection{}
	if opts.Force {
		selection.Force = []string{"all"}
	}
	_, err = run.Execute(ctx, pipeline.Options{Selection: selection, Finish: func(err error) error {
		if err != nil {
			return err
		}
		return publishModel(run.Dir(), stages[len(stages)-1].Name, out, beside)
	}})
	return err
}

// PredictOptions say what PredictFiles reads and writes; "-" is standard input or output.
type PredictOptions struct {
	FileOptions
	ModelDir, Input, Output string
	Format                  string // FormatJSON, FormatJSONL, or "" to go by Output's ending
}

// PredictFiles tags the transcripts of one file. From file to file, what an interrupted call leaves in a hidden folder
// beside the output lets the next one go on; the output itself appears when it is whole.
func PredictFiles(ctx context.Context, cfg *Config, env *Env, o PredictOptions) error {
	reads, err := o.sources(cfg)
	if err != nil {
		return err
	}
	if err := checkOutput(o.Output, reads...); err != nil {
		return err
	}
	if isStream(o.Input) || isStream(o.Output) {
		return predictThrough(ctx, cfg, env, o)
	}
	work := filepath.Join(filepath.Dir(o.Output), "."+filepath.Base(o.Output)+".pii")
	stage, err := predictFileStage(cfg, env, o)
	if err != nil {
		return err
	}
	run, err := pipeline.Open(work, []pipeline.Stage{stage}, o.Versions, env.Log)
	if err != nil {
		return err
	}
	_, err = run.Execute(ctx, pipeline.Options{Finish: func(err error) error {
		if err == nil {
			err = writeOutput(filepath.Join(work, Predict, predictionsName), o)
		}
		if err == nil || !resumable(work, err) {
			err = errors.Join(err, os.RemoveAll(work))
		}
		return err
	}})
	return err
}

// checkOutput refuses what would be found out only after all the work, or would destroy what is read.
func checkOutput(output string, reads ...source) error {
	info, err := os.Stat(output)
	if err == nil && info.IsDir() || strings.HasSuffix(output, "/") {
		return &ConfigError{fmt.Sprintf("--output %s is a folder, not a file", output)}
	}
	if ending := filepath.Ext(output); ending == ".gz" || ending == ".zst" {
		return &ConfigError{fmt.Sprintf("--output %s: output is not compressed; write to - and pipe it into gzip or zstd", output)}
	}
	return spare("--output", output, reads...)
}

// isStream reports whether a path is "-", a pipe or a device: what can be neither gone back to nor renamed to.
func isStream(path string) bool {
	info, err := os.Stat(path)
	return path == "-" || err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// predictionsName is the file of predictions in a work folder.
const predictionsName = "predictions.jsonl"

// resumable reports whether there is something in a work folder that the same command can go on from after err.
func resumable(work string, err error) bool {
	var wrong *data.Problem
	if errors.As(err, &wrong) {
		return false // another input is needed, and with it another beginning
	}
	parts := []string{filepath.Join(work, Predict, predictionsName)}
	found, _ := filepath.Glob(filepath.Join(work, "checkpoints", Predict, "*", predictionsName)) // the pattern is a good one
	for _, part := range append(parts, found...) {
		if info, err := os.Stat(part); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

func writeOutput(part string, o PredictOptions) error {
	lines, err := os.Open(part)
	if err != nil {
		return err
	}
	defer lines.Close()
	return pipeline.CreateFile(o.Output, func(f *os.File) error { return convert(lines, f, formatOf(o.Format, o.Output)) })
}

func predictFileStage(cfg *Config, env *Env, o PredictOptions) (pipeline.Stage, error) {
	by, err := cfg.computing()
	if err != nil {
		return pipeline.Stage{}, err
	}
	input, err := setInput("input", o.Input)
	if err != nil {
		return pipeline.Stage{}, err
	}
	modelCard, err := readCard(o.ModelDir, cfg)
	if err != nil {
		return pipeline.Stage{}, err
	}
	var stand *card
	if _, err := os.Stat(filepath.Join(o.ModelDir, cardName)); err != nil {
		stand = &modelCard
	}
	chosen, err := cfg.precisionOf(o.ModelDir, modelCard, by.Device)
	if err != nil {
		return pipeline.Stage{}, err
	}
	by.Precision = chosen.precision
	names, err := modelFiles(o.ModelDir)
	if err != nil {
		return pipeline.Stage{}, err
	}
	files := append(checkpointInputs(o.ModelDir, slices.Concat(names, tokenizerFiles, []string{cardName})...), input)
	return pipeline.Stage{Name: Predict, Schema: predictSchema, Files: append(files, cfg.listInputs()...),
		Params: predictParams{cfg.findParams(), cfg.PredictBatchTokens, cfg.PredictBatchSize, by, stand},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			tagger, err := env.tagger(cfg, o.ModelDir)
			if err != nil {
				return err
			}
			part := filepath.Join(job.Checkpoints, predictionsName)
			total, err := predictFile(ctx, env, tagger, o.Input, part, o.readerOptions(), job.Log)
			if err := errors.Join(err, tagger.Close()); err != nil {
				return err
			}
			job.Log.Printf("%d transcripts, written to %s", total, o.Output)
			return copyFile(part, filepath.Join(job.Dir, predictionsName))
		}}, nil
}

// predictThrough tags from or to a stream.
func predictThrough(ctx context.Context, cfg *Config, env *Env, o PredictOptions) (err error) {
	tagger, err := env.tagger(cfg, o.ModelDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tagger.Close()) }()
	f := newFlow(ctx)
	defer f.end()
	reader, err := env.openUntil(f.ctx, o.Input, o.readerOptions())
	if err != nil {
		return err
	}
	defer reader.Close()
	written := 0
	err = env.create(o.Output, func(w io.Writer) (err error) {
		if formatOf(o.Format, o.Output) == FormatJSONL {
			written, err = predictStream(f, tagger, reader, isStream(o.Input), w, env.Log)
			return err
		}
		return predictObject(f, tagger, reader, w, env.Log)
	})
	if errors.Is(err, context.Canceled) {
		err = &InterruptedError{o.leftUndone(written), err}
	}
	return err
}

// fewIDs is for what writes a line for each transcript: it needs no memory of all ids.
var fewIDs = data.Options{RecentIDs: 1 << 19}

// readerOptions are those of the input. An object by ids cannot have one twice.
func (o PredictOptions) readerOptions() data.Options {
	if formatOf(o.Format, o.Output) == FormatJSONL {
		return fewIDs
	}
	return data.Options{}
}

// create writes to a path: a file, which appears when it is whole, a pipe or a device, or "-" for standard output.
func (e *Env) create(path string, write func(io.Writer) error) error {
	switch {
	case path == "-":
		return write(e.Out)
	case isStream(path):
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return pipeline.CreateFile(path, func(f *os.File) error { return write(f) })
}

// predictObject writes the predictions for a reader as a JSON object, when all are there.
func predictObject(f *flow, tagger *Tagger, reader *data.Reader, w io.Writer, logger *log.Logger) error {
	lines, err := os.CreateTemp("", "pii-predict-*.jsonl")
	if err != nil {
		return err
	}
	defer lines.Close()
	if err := os.Remove(lines.Name()); err != nil { // the file lives on while it is open, and no kill leaves it behind
		return err
	}
	if _, err := predictStream(f, tagger, reader, false, lines, logger); err != nil {
		return err
	}
	if _, err := lines.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return convert(lines, w, FormatJSON)
}

// CheckModelDir reports what is wrong with a folder that is to be read as a model, before anything is done with it.
func CheckModelDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(dir, data.BuiltinPrefix):
		return &ConfigError{fmt.Sprintf("there is no model %s in the program, only %s", dir, shippedModel)}
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("model: there is no folder %s; pii train writes one, pii run keeps it in RUN/train/model, and %s is the model inside the program",
			dir, shippedModel)
	case err != nil:
		return fmt.Errorf("model: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("model: %s is a file, not a model folder", dir)
	}
	if err := regularFiles(dir); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	names, err := modelFiles(dir)
	var missing []string
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			missing = append(missing, name)
		}
	}
	if errors.Is(err, torchmodel.ErrNoWeights) {
		missing, err = append(missing, "model.safetensors (nor pytorch_model.bin)"), nil
	}
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if len(missing) > 0 {
		return fmt.Errorf("model: %s has no %s; a model folder is what pii train writes, or a DistilBERT of Hugging Face", dir, strings.Join(missing, " and no "))
	}
	return nil
}

// regularFiles refuses a folder in which something is neither a file nor a folder: reading from a pipe or a device may never end.
func regularFiles(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
	}
	return nil
}
