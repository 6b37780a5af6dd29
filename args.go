package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst puts the flags of each command before its arguments, because the flag parser stops at the first argument:
// `pii data validate FILE --json` is what people type. A flag that another one follows where its value should be is an error: the parser
// would take that for the value, as of --model-dir in `pii predict --model-dir $UNSET --input FILE`.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args, nil
	}
	out, rest := []string{args[0]}, args[1:]
	commands, flags := app.Commands, app.Flags
	for len(rest) > 0 {
		command := find(commands, rest[0])
		if command == nil {
			break
		}
		out, rest = append(out, rest[0]), rest[1:]
		commands, flags = command.Subcommands, command.Flags
	}
	if len(commands) > 0 {
		return append(out, rest...), nil
	}
	var moved, stay []string
	for len(rest) > 0 {
		arg := rest[0]
		rest = rest[1:]
		if arg == "--" {
			stay = append(append(stay, arg), rest...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			stay = append(stay, arg)
			continue
		}
		moved = append(moved, arg)
		if len(rest) > 0 && takesValue(flags, arg) {
			if strings.HasPrefix(rest[0], "--") && named(flags, rest[0]) != nil {
				return nil, &usageError{fmt.Sprintf("--%s needs a value, but %s follows it", strings.TrimLeft(arg, "-"), rest[0])}
			}
			moved, rest = append(moved, rest[0]), rest[1:]
		}
	}
	return append(append(out, moved...), stay...), nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, command := range commands {
		if command.HasName(name) {
			return command
		}
	}
	return nil
}

// takesValue reports whether the flag in arg takes the next argument as its value.
func takesValue(flags []cli.Flag, arg string) bool {
	f := named(flags, arg)
	return f != nil && !strings.Contains(arg, "=") && !isSwitch(f)
}

// named is the flag that an argument such as --name or --name=value sets; nil where there is none.
func named(flags []cli.Flag, arg string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// isSwitch reports whether a flag takes a value only after an equals sign.
func isSwitch(f cli.Flag) bool {
	if generic, ok := f.(*cli.GenericFlag); ok {
		b, isBool := generic.Value.(interface {
			flag.Value
			IsBoolFlag() bool
		})
		return isBool && b.IsBoolFlag()
	}
	_, isBool := f.(*cli.BoolFlag)
	return isBool
}
