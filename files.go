package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"pii/stages"
)

func trainCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "train", Usage: "train a model on files of your own",
		Description: "Writes a Hugging Face model folder. An interrupted training goes on when called again.\n\n" +
			"Example: pii train --train data/train.jsonl --dev data/dev.jsonl --out-dir out --epochs 5",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out-dir", Usage: "model `FOLDER` to write"},
			&cli.BoolFlag{Name: "force", Usage: "train again even if nothing changed"},
		}, optionFlags(stageOptions([]string{stages.Tokenize, stages.Train}, "test", "stress", "natural"))...),
		Action: func(c *cli.Context) error {
			config, _, err := prepareFiles(c, env, "out-dir")
			if err != nil {
				return err
			}
			return stages.TrainFiles(c.Context, config, env, c.String("out-dir"), fileOptions(c))
		},
	}
}

func pretrainCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "pretrain", Usage: "train a masked language model on transcripts without labels, for train to start from",
		Description: "Tokens are hidden at random and guessed from those around them. Writes a Hugging Face model folder, which\n" +
			"pii train --model takes. Labels in the transcripts are passed over. An interrupted training goes on when called again.\n\n" +
			"Example: pii pretrain --input calls.jsonl --dev held_out.jsonl --out-dir base --model distilbert-base-uncased",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "input", Usage: "transcripts to learn from: a JSONL `FILE` or builtin:NAME; may be given several times"},
			&cli.StringFlag{Name: "dev", Usage: "transcripts that choose the best epoch: a JSONL `FILE` or builtin:NAME"},
			&cli.StringFlag{Name: "out-dir", Usage: "model `FOLDER` to write"},
			&cli.BoolFlag{Name: "force", Usage: "train again even if nothing changed"},
		}, optionFlags(stageOptions([]string{stages.Pretrain}, "dev"))...),
		Action: func(c *cli.Context) error {
			if len(c.StringSlice("input")) == 0 {
				return &usageError{"--input is missing; pii pretrain --help has an example"}
			}
			config, _, err := prepareFiles(c, env, "out-dir")
			if err != nil {
				return err
			}
			return stages.PretrainFiles(c.Context, config, env, c.StringSlice("input"), c.String("out-dir"), fileOptions(c))
		},
	}
}

func predictCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "predict", Usage: "find spans in a file of transcripts",
		Description: "Writes JSONL with scores, or, where the output ends in .json, one object {id: [spans]}.\n" +
			"The output appears when it is whole; an interrupted prediction goes on when called again.\n\n" +
			"Example: pii predict --model-dir out --input data/dev.jsonl --output out/dev_pred.json --pii-threshold 0.7",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model-dir", Usage: "model `FOLDER` to read, builtin:small, or owner/name[@revision] on the hub"},
			&cli.StringFlag{Name: "input", Usage: "transcripts: a JSONL `FILE`, builtin:NAME or - for standard input"},
			&cli.StringFlag{Name: "output", Usage: "`FILE` to write, or - for standard output", Value: "-"},
			&cli.StringFlag{Name: "format", Usage: "json or jsonl (default: by the output's ending)"},
		}, optionFlags(stageOptions([]string{stages.Predict}, "dev", "test", "stress", "natural"))...),
		Action: func(c *cli.Context) error {
			config, model, err := prepareFiles(c, env, "model-dir", "input", "output")
			if err != nil {
				return err
			}
			format := c.String("format")
			if format != "" && format != stages.FormatJSON && format != stages.FormatJSONL {
				return &usageError{"--format must be json or jsonl" + stages.Nearest(format, []string{stages.FormatJSON, stages.FormatJSONL})}
			}
			return stages.PredictFiles(c.Context, config, env, stages.PredictOptions{FileOptions: fileOptions(c),
				ModelDir: model, Input: c.String("input"), Output: c.String("output"), Format: format})
		},
	}
}

func calibrateCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "calibrate", Usage: "fit the scores of a model folder to labelled transcripts, and choose thresholds by them",
		Description: "Writes temperature and thresholds into the folder's pii.json, as pii train does at its end, and what they are\n" +
			"based on into calibration.json.\n\nExample: pii calibrate --model-dir out --dev data/dev.jsonl",
		Flags: append([]cli.Flag{&cli.StringFlag{Name: "model-dir", Usage: "model `FOLDER` to change"}},
			optionFlags(stages.OptionsNamed("labels", "dev", "threshold_choice", "threshold_precision", "threshold_beta", "device",
				"threads", "precision"))...),
		Action: func(c *cli.Context) error {
			if err := errors.Join(noArgs(c), required(c, "model-dir")); err != nil {
				return err
			}
			config, err := readConfig(c)
			if err != nil {
				return err
			}
			return stages.CalibrateFiles(c.Context, config, env, c.String("model-dir"))
		},
	}
}

func evaluateCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "evaluate", Usage: "hold predictions against labelled transcripts",
		Description: "Exit code 4 when a target that was set is missed.\n\n" +
			"Example: pii evaluate --gold data/dev.jsonl --pred out/dev_pred.json --slices --errors 20",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "gold", Usage: "labelled transcripts: a JSONL `FILE` or builtin:NAME"},
			&cli.StringFlag{Name: "pred", Usage: "`FILE` that pii predict wrote, may be gzip or zstd; - for standard input"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON instead of a table"},
			&cli.BoolFlag{Name: "slices", Usage: "print the scores of parts of the file too: by length, numerals, style and so on"},
			&cli.IntFlag{Name: "errors", Usage: "print the `NUMBER` worst errors too, their texts masked"},
			&cli.StringFlag{Name: "errors-out", Usage: "write the errors to this JSONL `FILE` too, all of them without --errors"},
			&cli.BoolFlag{Name: "show-text", Usage: "let the errors quote the transcripts"},
		}, optionFlags(stageOptions([]string{stages.Evaluate}, "dev", "test", "stress", "natural"))...),
		Action: func(c *cli.Context) error {
			config, _, err := prepareFiles(c, env, "gold", "pred")
			if err != nil {
				return err
			}
			if c.String("gold") == "-" && c.String("pred") == "-" {
				return &usageError{"--gold and --pred cannot both be standard input"}
			}
			o := stages.EvaluateOptions{Gold: c.String("gold"), Pred: c.String("pred"), JSON: c.Bool("json"), Slices: c.Bool("slices"),
				Errors: c.Int("errors"), ErrorsOut: c.String("errors-out"), ShowText: c.Bool("show-text")}
			switch {
			case o.Errors < 0:
				return &usageError{"--errors must not be negative"}
			case o.ShowText && o.Errors == 0 && o.ErrorsOut == "":
				return &usageError{"--show-text is about errors; give --errors or --errors-out too"}
			}
			return stages.EvaluateFiles(c.Context, config, env, o)
		},
	}
}

func benchmarkCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "benchmark", Usage: "time a model, one transcript at a time and in batches, on each device, in each precision",
		Description: "Every combination is a row; rows take turns in rounds. Exit code 4 when target-p95 was set and is missed.\n\n" +
			"Example: pii benchmark --model-dir out --input data/dev.jsonl --device cpu,cuda --precision fp32,int8 --batch 1,8,32",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "model-dir", Usage: "model `FOLDER` to read, builtin:small, or owner/name[@revision] on the hub"},
			&cli.StringFlag{Name: "input", Usage: "transcripts: a JSONL `FILE` or builtin:NAME", Value: "builtin:dev"},
			&cli.StringSliceFlag{Name: "device", Usage: "`DEVICES` to time, comma-separated or given several times (default: benchmark-devices)"},
			&cli.StringSliceFlag{Name: "precision", Usage: "`PRECISIONS` to time, the same way (default: benchmark-precisions)"},
			&cli.StringSliceFlag{Name: "batch", Usage: "`NUMBERS` of texts in a call, the same way (default: benchmark-batches)"},
			&cli.StringFlag{Name: "compare", Usage: "`FILE` that --json wrote, or a run's benchmark.json, to set beside the figures"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON instead of a table"},
		}, optionFlags(stageOptions([]string{stages.Benchmark}, "dev", "device", "precision"))...),
		Action: func(c *cli.Context) error {
			config, model, err := prepareFiles(c, env, "model-dir", "input")
			if err != nil {
				return err
			}
			for flag, key := range map[string]string{"device": "benchmark_devices", "precision": "benchmark_precisions", "batch": "benchmark_batches"} {
				if values := c.StringSlice(flag); len(values) > 0 {
					if err := config.Set(key, strings.Join(values, ","), "--"+flag); err != nil {
						return err
					}
				}
			}
			if err := config.Resolve(); err != nil {
				return err
			}
			return stages.BenchmarkFiles(c.Context, config, env, stages.BenchmarkOptions{ModelDir: model, Input: c.String("input"),
				JSON: c.Bool("json"), Compare: c.String("compare")})
		},
	}
}

// prepareFiles reads the settings of a command on files that needs the given flags, and finds the folder of --model-dir.
func prepareFiles(c *cli.Context, env *stages.Env, flags ...string) (config *stages.Config, model string, err error) {
	if err := errors.Join(noArgs(c), required(c, flags...)); err != nil {
		return nil, "", err
	}
	if config, err = readConfig(c); err != nil {
		return nil, "", err
	}
	if name := c.String("model-dir"); name != "" {
		model, err = stages.ModelDir(c.Context, env, name)
	}
	return config, model, err
}

func fileOptions(c *cli.Context) stages.FileOptions {
	return stages.FileOptions{Force: c.Bool("force"), Versions: stages.Versions(version)}
}
