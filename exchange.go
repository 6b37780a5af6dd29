package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"pii/stages"
)

func importCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "import", Usage: "make transcripts of what another tool wrote",
		Description: "Says on standard error what was read, written and left out, and why. Labels are those of --label-map and\n" +
			"--map, else those of the label set, else what the tools' usual names stand for (PERSON, FIRSTNAME,\n" +
			"EMAIL_ADDRESS …); spans of others are left out. Of spans that overlap the longer one stays.\n\n" +
			"Example: pii data import --format ai4privacy --input rows.jsonl --output train.jsonl --map AGE=-",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the input: " + strings.Join(stages.ImportFormats(), ", ")},
			&cli.StringFlag{Name: "input", Usage: "`FILE` to read, may be gzip or zstd; - for standard input"},
			&cli.StringFlag{Name: "output", Usage: "`FILE` to write, or - for standard output", Value: "-"},
			&cli.StringFlag{Name: "report", Usage: "write what was left out, and why, to this JSON `FILE` too"},
			&cli.StringFlag{Name: "label-map", Usage: "YAML `FILE` of lines \"label of the file: label of the set\"; - leaves a label out"},
			&cli.StringSliceFlag{Name: "map", Usage: "one label, as `FROM=TO`, before --label-map; may be given several times"},
			&cli.StringSliceFlag{Name: "merge", Usage: "`LABEL` whose spans become one where only white space is between them, or none " +
				"(default: PERSON_NAME for ai4privacy, which labels first and last names apart)"},
			&cli.BoolFlag{Name: "trim", Usage: "move the borders of spans off white space"},
			&cli.BoolFlag{Name: "strict", Usage: "take it for an error where something would be left out that the map does not leave out"},
			&cli.IntFlag{Name: "token-column", Usage: "conll: `COLUMN` of the token, from 1, or from the end with -1", Value: 1},
			&cli.IntFlag{Name: "tag-column", Usage: "conll: `COLUMN` of the tag", Value: -1},
			&cli.StringFlag{Name: "text-field", Usage: "label-studio: `FIELD` of the data that has the text (default: text, or the only one)"},
		}, optionFlags(labelOption())...),
		Action: func(c *cli.Context) error {
			if err := errors.Join(noArgs(c), required(c, "format", "input", "output")); err != nil {
				return err
			}
			config, err := readConfig(c)
			if err != nil {
				return err
			}
			if c.Int("token-column") == 0 || c.Int("tag-column") == 0 {
				return &usageError{"columns are counted from 1, or from the end with -1"}
			}
			return stages.Import(c.Context, config, env, stages.ImportOptions{Format: c.String("format"),
				Input: c.String("input"), Output: c.String("output"), Report: c.String("report"), LabelMap: c.String("label-map"),
				Map: c.StringSlice("map"), Merge: c.StringSlice("merge"), Trim: c.Bool("trim"), Strict: c.Bool("strict"),
				TokenColumn: c.Int("token-column"), TagColumn: c.Int("tag-column"), TextField: c.String("text-field")})
		},
	}
}

func exportCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write transcripts as another tool reads them",
		Description: "conll has a token, a tab and an IOB2 tag on each line; a token ends where a span does. It keeps neither white\n" +
			"space nor, without --ids, ids. doccano is JSONL; transcripts without entities are for labelling there.\n\n" +
			"Example: pii data export --format doccano --input data/dev.jsonl --output dev_doccano.jsonl",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the output: " + strings.Join(stages.ExportFormats(), ", ")},
			&cli.StringFlag{Name: "input", Usage: "transcripts: a JSONL `FILE`, builtin:NAME or - for standard input"},
			&cli.StringFlag{Name: "output", Usage: "`FILE` to write, or - for standard output", Value: "-"},
			&cli.BoolFlag{Name: "ids", Usage: "conll: write \"# id = …\" before each sentence, as CoNLL-U has it"},
		},
		Action: func(c *cli.Context) error {
			if err := errors.Join(noArgs(c), required(c, "format", "input", "output")); err != nil {
				return err
			}
			return stages.Export(c.Context, env, stages.ExportOptions{Format: c.String("format"),
				Input: c.String("input"), Output: c.String("output"), IDs: c.Bool("ids")})
		},
	}
}

// labelOption is the setting that says which labels there are.
func labelOption() []stages.Option {
	for _, o := range stages.Options {
		if o.Key == "labels" {
			return []stages.Option{o}
		}
	}
	return nil
}
