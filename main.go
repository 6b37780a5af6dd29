// Command pii finds personal data in noisy speech-to-text transcripts: it trains and runs DistilBERT as a pipeline of
// stages that pass artifacts on disk.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"pii/pipeline"
	"pii/stages"
)

// version is set by the linker for releases.
var version = "0.1.0-dev"

// Exit codes, as the help text lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitStale       = 3
	exitMissed      = 4
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	env := stages.NewEnv(ctx)
	defer env.Close()
	app := newApp(env)
	help := &helpWriter{w: env.Out}
	app.Writer = help
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		err = help.err
	}
	return exitCode(ctx, err)
}

// helpWriter keeps the first error of writing help, which the library passes over.
type helpWriter struct {
	w   io.Writer
	err error
}

func (h *helpWriter) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	if h.err == nil {
		h.err = err
	}
	return n, err
}

// exitCode says what went wrong in one place, and maps it to the exit code.
func exitCode(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	var usage *usageError
	var wrong *pipeline.UsageError
	var config *stages.ConfigError
	var missed *stages.MissedError
	var interrupted *stages.InterruptedError
	switch {
	case errors.Is(err, errStale):
		return exitStale
	case errors.As(err, &interrupted) && ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "pii: %s\n", oneLine(interrupted))
		return exitInterrupted
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "pii: interrupted; the same command goes on from what was saved")
		return exitInterrupted
	case errors.As(err, &missed):
		fmt.Fprintf(os.Stderr, "pii: %s\n", oneLine(err))
		return exitMissed
	case errors.As(err, &usage), errors.As(err, &wrong), errors.As(err, &config):
		fmt.Fprintf(os.Stderr, "pii: %s\n", oneLine(err))
		return exitUsage
	}
	fmt.Fprintf(os.Stderr, "pii: %s\n", oneLine(err))
	return exitFailed
}

// oneLine is an error's message, that of several joined errors too, on one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// errStale ends `pii status` when a stage is stale.
var errStale = errors.New("a stage is stale")

// usageError is a command line that cannot be understood.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

const description = `Transcripts are JSONL: {"id":"…","text":"…","entities":[{"start":0,"end":4,"label":"CITY"}]}, offsets in
code points. Each setting is a flag (--batch-size), a key of pii.yaml (batch_size) and a variable
(PII_BATCH_SIZE); flags beat the environment, the environment beats the file.

Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed,
2 wrong usage, 3 stale (status), 4 done but a target that was set is missed, 130 interrupted.`

// training are the commands that multiply matrices with OpenBLAS: predictions have an engine of their own. Doctor says how it would be.
var training = []string{"run", "train", "pretrain", "doctor"}

func newApp(env *stages.Env) *cli.App {
	app := &cli.App{
		Name:                 "pii",
		Usage:                "find personal data in speech-to-text transcripts",
		Description:          description,
		Version:              version,
		HideVersion:          true,
		EnableBashCompletion: true,
		Suggest:              true,
		ExitErrHandler:       func(*cli.Context, error) {}, // exitCode does it
		OnUsageError:         onUsageError,
		Commands: []*cli.Command{
			runCommand(env), statusCommand(env), trainCommand(env), pretrainCommand(env), predictCommand(env), evaluateCommand(env),
			calibrateCommand(env), benchmarkCommand(env), dataCommand(env), configCommand(env), doctorCommand(env),
			versionCommand(env), completionCommand(env),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return unknownCommand(c, c.App.Commands)
			}
			return cli.ShowAppHelp(c)
		},
	}
	for _, command := range app.Commands {
		prepare(command)
		if slices.Contains(training, command.Name) {
			command.Before = func(*cli.Context) error { return stages.Reexec() }
		}
	}
	return app
}

// prepare gives a command and those below it the same behaviour on wrong usage.
func prepare(command *cli.Command) {
	command.OnUsageError = onUsageError
	command.UseShortOptionHandling = false
	for _, sub := range command.Subcommands {
		prepare(sub)
	}
	if len(command.Subcommands) > 0 && command.Action == nil {
		command.Action = func(c *cli.Context) error {
			if c.NArg() > 0 {
				return unknownCommand(c, c.Command.Subcommands)
			}
			return cli.ShowSubcommandHelp(c)
		}
	}
}

func unknownCommand(c *cli.Context, commands []*cli.Command) error {
	var names []string
	for _, command := range commands {
		names = append(names, command.Names()...)
	}
	name := c.Args().First()
	return &usageError{fmt.Sprintf("there is no command %q%s", name, stages.Nearest(name, names))}
}

// onUsageError adds the nearest flag to what the flag parser says.
func onUsageError(c *cli.Context, err error, _ bool) error {
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "flag provided but not defined: -"); ok {
		var known []string
		flags := c.App.Flags
		if c.Command != nil {
			flags = c.Command.Flags
		}
		for _, flag := range flags {
			known = append(known, flag.Names()...)
		}
		message = fmt.Sprintf("there is no flag --%s%s", strings.TrimLeft(name, "-"), stages.Nearest(strings.TrimLeft(name, "-"), known))
	}
	return &usageError{message}
}

// required refuses a command line that lacks one of the flags.
func required(c *cli.Context, flags ...string) error {
	for _, name := range flags {
		if c.String(name) == "" {
			return &usageError{fmt.Sprintf("--%s is missing; %s --help has an example", name, c.Command.HelpName)}
		}
	}
	return nil
}

// noArgs refuses arguments that a command does not take.
func noArgs(c *cli.Context) error {
	if c.NArg() > 0 {
		return &usageError{fmt.Sprintf("%s takes no argument %q", c.Command.FullName(), c.Args().First())}
	}
	return nil
}
