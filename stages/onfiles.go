package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	all, err := cfg.Pipeline(env)
	if err != nil {
		return err
	}
	run, err := pipeline.Open(filepath.Join(out, ".pii"), all[:2], opts.Versions, env.Log)
	if err != nil {
		return err
	}
	selection := pipeline.Selection{}
	if opts.Force {
		selection.Force = []string{"all"}
	}
	if _, err := run.Execute(ctx, pipeline.Options{Selection: selection}); err != nil {
		return err
	}
	model := filepath.Join(run.Dir(), Train, modelFolder)
	entries, err := os.ReadDir(model)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := publish(filepath.Join(model, entry.Name()), filepath.Join(out, entry.Name())); err != nil {
			return err
		}
	}
	return publish(filepath.Join(run.Dir(), Train, metricsName), filepath.Join(out, metricsName))
}

// publish copies a file to where the user wants it, at once or not at all.
func publish(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return pipeline.CreateFile(to, func(f *os.File) error {
		_, err := io.Copy(f, source)
		return err
	})
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
	if o.Input == "-" || o.Output == "-" {
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
	if _, err := run.Execute(ctx, pipeline.Options{}); err != nil {
		return err
	}
	part, err := os.Open(filepath.Join(work, Predict, "predictions.jsonl"))
	if err != nil {
		return err
	}
	defer part.Close()
	err = pipeline.CreateFile(o.Output, func(f *os.File) error { return convert(part, f, formatOf(o.Format, o.Output)) })
	if err != nil {
		return err
	}
	return os.RemoveAll(work)
}

func predictFileStage(cfg *Config, env *Env, o PredictOptions) (pipeline.Stage, error) {
	device, err := torchmodel.ResolveDevice(cfg.Device)
	if err != nil {
		return pipeline.Stage{}, err
	}
	built, err := torchmodel.Built()
	if err != nil {
		return pipeline.Stage{}, err
	}
	input, err := setInput("input", o.Input)
	if err != nil {
		return pipeline.Stage{}, err
	}
	files := append(checkpointInputs(o.ModelDir, append(tokenizerFiles, "config.json", "model.safetensors", cardName)...), input)
	return pipeline.Stage{Name: Predict, Schema: 1, Files: files,
		Params: predictParams{cfg.PIIThreshold, cfg.PredictBatchSize, device, built.Libtorch},
		Run: func(ctx context.Context, job *pipeline.Job) error {
			tagger, err := env.tagger(cfg, o.ModelDir)
			if err != nil {
				return err
			}
			part := filepath.Join(job.Checkpoints, "predictions.jsonl")
			total, err := predictFile(ctx, env, tagger, o.Input, part, job.Log)
			if err := errors.Join(err, tagger.Close()); err != nil {
				return err
			}
			job.Log.Printf("%d transcripts, written to %s", total, o.Output)
			return copyFile(part, filepath.Join(job.Dir, "predictions.jsonl"))
		}}, nil
}

// predictThrough tags from or to a stream, which cannot be gone back to.
func predictThrough(ctx context.Context, cfg *Config, env *Env, o PredictOptions) (err error) {
	tagger, err := env.tagger(cfg, o.ModelDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tagger.Close()) }()
	reader, err := env.open(o.Input, data.Options{})
	if err != nil {
		return err
	}
	defer reader.Close()
	format := formatOf(o.Format, o.Output)
	if o.Output == "-" && format == FormatJSONL {
		_, err = predictStream(ctx, tagger, reader, 0, env.Out, env.Log)
		return err
	}
	lines, err := os.CreateTemp("", "pii-predict-*.jsonl")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lines.Close(), os.Remove(lines.Name())) }()
	if _, err := predictStream(ctx, tagger, reader, 0, lines, env.Log); err != nil {
		return err
	}
	if _, err := lines.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if o.Output == "-" {
		return convert(lines, env.Out, format)
	}
	return pipeline.CreateFile(o.Output, func(f *os.File) error { return convert(lines, f, format) })
}

// CheckModelDir reports what is wrong with a folder that is to be read as a model, before anything is done with it.
func CheckModelDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("model: %s is a file, not a model folder", dir)
	}
	var missing []string
	for _, name := range []string{"config.json", "model.safetensors"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("model: %s has no %s; a model folder is what pii train writes to --out-dir", dir, strings.Join(missing, " and no "))
	}
	return nil
}
