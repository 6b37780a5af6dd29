package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"pii/pipeline"
	"pii/stages"
)

// forceValue is --force or --force=STAGE, which may be given several times.
type forceValue struct{ stages []string }

func (f *forceValue) String() string   { return strings.Join(f.stages, ",") }
func (f *forceValue) IsBoolFlag() bool { return true }

func (f *forceValue) Set(text string) error {
	if text == "true" {
		text = "all"
	}
	f.stages = append(f.stages, strings.Split(text, ",")...)
	return nil
}

var stageNames = []string{stages.Tokenize, stages.Train, stages.Predict, stages.Evaluate, stages.Benchmark}

// runFlags say which run, and which of its stages. They are made anew for each command, as --force keeps its value.
func runFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "run", Usage: "`NAME` of the run", Value: "default"},
		&cli.StringFlag{Name: "runs-dir", Usage: "`FOLDER` that holds the runs", Value: "runs"},
		&cli.StringFlag{Name: "from", Usage: "take everything before `STAGE` as it is"},
		&cli.StringFlag{Name: "until", Usage: "leave out everything after `STAGE`"},
		&cli.StringFlag{Name: "only", Usage: "run only these `STAGES`, and take what they need as it is"},
		&cli.GenericFlag{Name: "force", Usage: "run also what is fresh: all selected stages, or with --force=STAGE that one", Value: &forceValue{}},
		&cli.BoolFlag{Name: "dry-run", Usage: "say what would run, and run nothing"},
		&cli.BoolFlag{Name: "explain", Usage: "say of each stage why it runs"},
		&cli.DurationFlag{Name: "lock-wait", Usage: "wait up to this `TIME` for another process that works on the run"},
	}
}

func runCommand(env *stages.Env) *cli.Command {
	command := &cli.Command{
		Name:  "run",
		Usage: "bring a run, or one of its stages, up to date",
		Description: "A stage runs when its settings, its inputs or its output changed since it last ran. A stage that was\n" +
			"interrupted goes on where it stopped. Exit code 4 when all is done and a target that was set is missed.\n\n" +
			"Example: pii run all --epochs 3 --explain",
	}
	for _, name := range append([]string{"all"}, stageNames...) {
		usage := "run every stage that is not fresh"
		var targets []string
		if name != "all" {
			usage, targets = "bring "+name+" and what it needs up to date", []string{name}
		}
		command.Subcommands = append(command.Subcommands, &cli.Command{
			Name: name, Usage: usage, Description: "Example: pii run " + name + " --run mine --explain",
			Flags:  append(runFlags(), optionFlags(stageOptions(stageNames))...),
			Action: func(c *cli.Context) error { return runStages(c, env, targets) },
		})
	}
	return command
}

// openRun reads the settings of a run. A model of the hub is taken as the cache has it.
func openRun(c *cli.Context, env *stages.Env) (*pipeline.Run, *stages.Config, error) {
	config, err := readConfig(c)
	if err != nil {
		return nil, nil, err
	}
	return openWith(c, env, config, false)
}

// openWith is openRun with settings that have been read, and with the model of the hub brought up to date if download says so.
func openWith(c *cli.Context, env *stages.Env, config *stages.Config, download bool) (*pipeline.Run, *stages.Config, error) {
	if name := c.String("run"); name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return nil, nil, &usageError{fmt.Sprintf("--run %q: a run's name must be able to name a folder", name)}
	}
	if info, err := os.Stat(c.String("runs-dir")); err == nil && !info.IsDir() {
		return nil, nil, &usageError{fmt.Sprintf("--runs-dir %s is a file, not a folder", c.String("runs-dir"))}
	}
	if err := config.FindModel(c.Context, env, download); err != nil {
		return nil, nil, err
	}
	list, err := config.Pipeline(env)
	if err != nil {
		return nil, nil, err
	}
	run, err := pipeline.Open(filepath.Join(c.String("runs-dir"), c.String("run")), list, stages.Versions(version), env.Log)
	return run, config, err
}

func runStages(c *cli.Context, env *stages.Env, targets []string) error {
	if err := noArgs(c); err != nil {
		return err
	}
	run, config, err := openRun(c, env)
	if err != nil {
		return err
	}
	selection := pipeline.Selection{Targets: targets, From: c.String("from"), Until: c.String("until")}
	if only := c.String("only"); only != "" {
		if targets != nil {
			return &usageError{"--only names the stages itself: pii run all --only " + only}
		}
		selection.Only = strings.Split(only, ",")
	}
	if force, ok := c.Generic("force").(*forceValue); ok {
		selection.Force = force.stages
	}
	learns, err := run.Selects(selection, stages.Tokenize, stages.Train)
	if err == nil && learns && !c.Bool("dry-run") {
		run, _, err = openWith(c, env, config, true)
	}
	if err != nil {
		return err
	}
	ran, err := run.Execute(c.Context, pipeline.Options{Selection: selection, DryRun: c.Bool("dry-run"), Explain: c.Bool("explain"),
		LockWait: c.Duration("lock-wait"), Prepare: func() error {
			return pipeline.WriteFile(filepath.Join(run.Dir(), stages.DefaultConfigFile), []byte(config.YAML(false)))
		}})
	if err != nil || c.Bool("dry-run") {
		return err
	}
	states, err := run.Status(c.Context)
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Fresh {
			ran = append(ran, s.Stage)
		}
	}
	return stages.Summary(env.Out, run.Dir(), config, ran)
}

func statusCommand(env *stages.Env) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "say which stages of a run are fresh or stale, and why",
		Description: "Exit code 0 when all are fresh, 3 when one is stale.\n\nExample: pii status --run mine --json",
		Flags: append([]cli.Flag{runFlags()[0], runFlags()[1], &cli.BoolFlag{Name: "json", Usage: "print JSON"}},
			optionFlags(stageOptions(stageNames))...),
		Action: func(c *cli.Context) error {
			if err := noArgs(c); err != nil {
				return err
			}
			run, _, err := openRun(c, env)
			if err != nil {
				return err
			}
			states, err := run.Status(c.Context)
			if err != nil {
				return err
			}
			return printStates(c, env, states)
		},
	}
}

func printStates(c *cli.Context, env *stages.Env, states []pipeline.State) error {
	if c.Bool("json") {
		if err := stages.PrintJSON(env.Out, states); err != nil {
			return err
		}
	}
	var stale error
	for _, s := range states {
		line := "fresh"
		if !s.Fresh {
			line, stale = "stale: "+s.Reason(), errStale
		}
		if !c.Bool("json") {
			fmt.Fprintf(env.Out, "%-10s %s\n", s.Stage, line)
		}
	}
	return stale
}
