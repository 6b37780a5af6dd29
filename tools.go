package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pii/stages"
)

func configCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "config", Usage: "print every setting, with where its value comes from",
		Description: "The output is a configuration file.\n\nExample: pii config --model distilbert-base > pii.yaml",
		Flags:       optionFlags(stages.Options),
		Action: func(c *cli.Context) error {
			config, _, err := prepareFiles(c, env)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(env.Out, config.YAML(true))
			return err
		},
	}
}

func versionCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the versions of pii and what it is built on",
		Description: "Example: pii version",
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			versions, table := stages.Versions(version), ""
			for _, name := range []string{"pii", "go", "gotch", "libtorch"} {
				table += fmt.Sprintf("%-9s %s\n", name, versions[name])
			}
			_, err := fmt.Fprint(env.Out, table)
			return err
		},
	}
}

func doctorCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "say what this machine has, and what of it will be slow",
		Description: "Example: pii doctor --json",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON"}},
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			report := stages.Doctor(version)
			if !c.Bool("json") {
				return report.Print(env.Out)
			}
			return stages.PrintJSON(env.Out, report)
		},
	}
}

func dataCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "data", Usage: "check and count transcripts, bring them from and to other tools, or make synthetic ones",
		Subcommands: []*cli.Command{
			{
				Name: "validate", Usage: "list every problem of a file, and count what is there", ArgsUsage: "FILE",
				Description: "Example: pii data validate data/train.jsonl",
				Flags: append(optionFlags(labelOption()),
					&cli.BoolFlag{Name: "json", Usage: "print JSON"},
					&cli.BoolFlag{Name: "unlabelled", Usage: "allow lines without entities"}),
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return &usageError{"data validate takes one file"}
					}
					config, err := readConfig(c)
					if err != nil {
						return err
					}
					return stages.Validate(c.Context, config, env, c.Args().First(), c.Bool("unlabelled"), c.Bool("json"))
				},
			},
			importCommand(env),
			exportCommand(env),
			{
				Name: "stats", Usage: "count what files of transcripts hold, and what they share", ArgsUsage: "FILE…",
				Description: "Counts alone are printed, no text. Texts and entities are compared without casing, spacing and punctuation; a frame is " +
					"a text whose entities are replaced by their types.\n\nExample: pii data stats builtin:train builtin:stress",
				Flags: append(optionFlags(labelOption()),
					&cli.BoolFlag{Name: "json", Usage: "print JSON"}),
				Action: func(c *cli.Context) error {
					if c.NArg() == 0 {
						return &usageError{"data stats takes files"}
					}
					config, err := readConfig(c)
					if err != nil {
						return err
					}
					return stages.DataStats(config, env, c.Args().Slice(), c.Bool("json"))
				},
			},
			{
				Name: "synth", Usage: "write synthetic sets: train, dev, test and stress, or those named",
				Description: "The same seed gives the same bytes. A file of a set's name that has others is not replaced without --force. The set numbers is talk full of numbers without any entity: all that is found " +
					"there is found wrongly.\n\nExample: pii data synth --seed 7 --out-dir synthetic --set numbers --size 2000",
				Flags: []cli.Flag{
					&cli.Int64Flag{Name: "seed", Usage: "`NUMBER` that all randomness comes from", Value: stages.DefaultSynthSeed},
					&cli.StringFlag{Name: "out-dir", Usage: "`FOLDER` to write to"},
					&cli.StringSliceFlag{Name: "set", Usage: "`NAME` of a set, again for more: " + strings.Join(stages.SynthSets(), ", ")},
					&cli.IntFlag{Name: "size", Usage: "`NUMBER` of transcripts of each set; 0 for as many as the shipped one has"},
					&cli.StringFlag{Name: "rates", Usage: "YAML `FILE` of rates that replace those of the shipped sets"},
					&cli.BoolFlag{Name: "force", Usage: "replace files of the folder that are there with another content"},
					&cli.BoolFlag{Name: "print-rates", Usage: "print every rate and stop; the output is a file for --rates"},
				},
				Action: func(c *cli.Context) error { return synthesize(c, env) },
			},
		},
	}
}

func synthesize(c *cli.Context, env *stages.Env) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if c.Bool("print-rates") {
		return stages.PrintSynthRates(env, c.String("rates"))
	}
	if err := required(c, "out-dir"); err != nil {
		return err
	}
	for _, name := range c.StringSlice("set") {
		if !slices.Contains(stages.SynthSets(), name) {
			return &usageError{fmt.Sprintf("--set: there is no set %q%s", name, stages.Nearest(name, stages.SynthSets()))}
		}
	}
	if c.Int("size") < 0 {
		return &usageError{"--size is below 0"}
	}
	return stages.Synth(c.Context, env, stages.SynthOptions{Dir: c.String("out-dir"), Seed: c.Int64("seed"), Rates: c.String("rates"),
		Sets: c.StringSlice("set"), Size: c.Int("size"), Force: c.Bool("force")})
}

const bashCompletion = `_pii() {
  local cur=${COMP_WORDS[COMP_CWORD]}
  local typed=$cur
  if [ "$typed" = -- ]; then typed=-; fi
  local opts=$("${COMP_WORDS[@]:0:COMP_CWORD}" ${typed:+"$typed"} --generate-bash-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$opts" -- "$cur"))
}
complete -o default -F _pii pii
`

const zshCompletion = `#compdef pii
_pii() {
  local -a opts
  local typed=${words[-1]}
  if [[ $typed == -- ]]; then typed=-; fi
  opts=("${(@f)$(${words[@]:0:#words[@]-1} ${typed:+"$typed"} --generate-bash-completion 2>/dev/null)}")
  compadd -- $opts || _files
}
compdef _pii pii
`

func completionCommand(env *stages.Env) *cli.Command {
	scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion}
	return &cli.Command{
		Name: "completion", Usage: "print the script that completes pii's commands and flags", ArgsUsage: "bash|zsh",
		Description: "Example: source <(pii completion bash)",
		Action: func(c *cli.Context) error {
			script, ok := scripts[c.Args().First()]
			if !ok {
				return &usageError{"completion takes bash or zsh"}
			}
			_, err := fmt.Fprint(env.Out, script)
			return err
		},
	}
}
