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
	args, err := flagsFirst(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
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
	var anew *anewError
	switch {
	case errors.Is(err, errStale):
		return exitStale
	case errors.As(err, &interrupted) && ctx.Err() != nil:
		fmt.Fprintf(os.Stderr, "pii: %s\n", oneLine(interrupted))
		return exitInterrupted
	case errors.As(err, &anew) && errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "pii: interrupted; nothing was saved, the same command begins anew")
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

// resuming are the commands that go on, when called again, from what an interrupted call saved.
var resuming = []string{"run", "train", "pretrain", "predict"}

// anewError is how a command ended that would begin anew.
type anewError struct{ error }

func (e *anewError) Unwrap() error { return e.error }

// beginsAnew marks the errors of a command that saves nothing to go on from, and of those below it.
func beginsAnew(command *cli.Command) {
	for _, sub := range command.Subcommands {
		beginsAnew(sub)
	}
	if action := command.Action; action != nil {
		command.Action = func(c *cli.Context) error {
			if err := action(c); err != nil {
				return &anewError{err}
			}
			return nil
		}
	}
}

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
		if !slices.Contains(resuming, command.Name) {
			beginsAnew(command)
		}
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
		name = strings.TrimLeft(name, "-")
		hint := elsewhere(c, name)
		if hint == "" {
			hint = stages.Nearest(name, known)
		}
		message = fmt.Sprintf("there is no flag --%s%s", name, hint)
	}
	return &usageError{plainly(c, message)}
}

// elsewhere says of a flag that stands before the command it belongs to where it is to stand.
func elsewhere(c *cli.Context, name string) string {
	path, commands := c.App.Name, c.App.Commands
	if c.Command != nil && len(c.Command.Subcommands) > 0 {
		path, commands = c.Command.HelpName, c.Command.Subcommands
	}
	if c.Command != nil && len(c.Command.Subcommands) == 0 && len(c.Command.Flags) > 0 {
		return ""
	}
	if name == "version" || name == "v" {
		return "; pii version prints the version"
	}
	for _, command := range commands {
		if named(command.Flags, name) != nil {
			return fmt.Sprintf("; it comes after the command, as in %s %s --%s", path, command.Name, name)
		}
	}
	return ""
}

// plainly says in the program's words what the flag parser says of a value.
func plainly(c *cli.Context, message string) string {
	if name, ok := strings.CutPrefix(message, "flag needs an argument: -"); ok {
		return fmt.Sprintf("--%s needs a value", strings.TrimLeft(name, "-"))
	}
	var value, name string
	for _, form := range []string{"invalid value %q for flag -%s", "invalid boolean value %q for -%s"} {
		if n, _ := fmt.Sscanf(message, form, &value, &name); n < 2 || c.Command == nil {
			continue
		}
		name = strings.TrimSuffix(name, ":")
		switch named(c.Command.Flags, name).(type) {
		case *cli.DurationFlag:
			return fmt.Sprintf("--%s: %q is not a time (such as 20ms or 5m)", name, value)
		case *cli.IntFlag, *cli.Int64Flag:
			return fmt.Sprintf("--%s: %q is not a whole number", name, value)
		case *cli.BoolFlag:
			return fmt.Sprintf("--%s: %q is neither true nor false", name, value)
		}
	}
	return message
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
		return &usageError{fmt.Sprintf("%s takes no argument %q%s", strings.TrimPrefix(c.Command.HelpName, "pii "), c.Args().First(),
			switchHint(c))}
	}
	return nil
}

// switchHint says how a switch that was given takes a value: people type --lowercase false, and false is an argument then.
func switchHint(c *cli.Context) string {
	value := c.Args().First()
	for _, f := range c.Command.Flags {
		_, ok := f.(*cli.BoolFlag)
		meant := ok && (value == "true" || value == "false") || isSwitch(f) && !ok && slices.Contains(stageNames, value)
		if meant && c.IsSet(f.Names()[0]) {
			name := f.Names()[0]
			return fmt.Sprintf("; if it is the value of --%s, write --%s=%s", name, name, value)
		}
	}
	return ""
}
