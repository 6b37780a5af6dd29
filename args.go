package main

import (
	"flag"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst puts the flags of each command before its arguments, because the flag parser stops at the first argument:
// `pii data validate FILE --json` is what people type.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args
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
		return append(out, rest...)
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
			moved, rest = append(moved, rest[0]), rest[1:]
		}
	}
	return append(append(out, moved...), stay...)
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
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range flags {
		for _, known := range f.Names() {
			if known != name {
				continue
			}
			if generic, ok := f.(*cli.GenericFlag); ok {
				b, isBool := generic.Value.(interface {
					flag.Value
					IsBoolFlag() bool
				})
				return !isBool || !b.IsBoolFlag()
			}
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
