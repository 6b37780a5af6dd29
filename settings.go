package main

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"pii/stages"
)

// configFlag names the configuration file.
var configFlag = &cli.StringFlag{Name: "config", Usage: "read settings from this YAML `FILE` (default: pii.yaml, if there is one)"}

// optionFlags are the flags of some settings, with their defaults in the help text.
func optionFlags(options []stages.Option) []cli.Flag {
	defaults := stages.Default()
	flags := []cli.Flag{configFlag}
	for _, o := range options {
		value := defaults.Get(o)
		switch {
		case o.Repeats():
			flags = append(flags, &cli.StringSliceFlag{Name: o.Flag(), Aliases: o.Aliases(), Usage: o.Usage, DefaultText: value})
		case value == "true" || value == "false":
			flags = append(flags, &cli.BoolFlag{Name: o.Flag(), Aliases: o.Aliases(), Usage: o.Usage, Value: value == "true"})
		case value == "" || value == "0":
			flags = append(flags, &cli.StringFlag{Name: o.Flag(), Aliases: o.Aliases(), Usage: o.Usage})
		default:
			flags = append(flags, &cli.StringFlag{Name: o.Flag(), Aliases: o.Aliases(), Usage: o.Usage, DefaultText: value})
		}
	}
	return flags
}

// stageOptions are the settings that any of the stages reads, in the order of stages.Options, less those called without.
func stageOptions(names []string, without ...string) []stages.Option {
	var list []stages.Option
	for _, o := range stages.Options {
		if slices.Contains(without, o.Key) {
			continue
		}
		for _, name := range names {
			if slices.Contains(o.Used, name) {
				list = append(list, o)
				break
			}
		}
	}
	return list
}

// readConfig gathers the settings: defaults, then the file, then the environment, then flags.
func readConfig(c *cli.Context) (*stages.Config, error) {
	config := stages.Default()
	path := c.String("config")
	if path == "" {
		if _, err := os.Stat(stages.DefaultConfigFile); !errors.Is(err, fs.ErrNotExist) {
			path = stages.DefaultConfigFile
		}
	}
	if path != "" {
		if err := config.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if err := config.ReadEnv(os.Environ()); err != nil {
		return nil, err
	}
	for _, o := range stages.Options {
		if !c.IsSet(o.Flag()) {
			continue
		}
		value := c.Value(o.Flag())
		text, ok := value.(string)
		if b, isBool := value.(bool); isBool {
			text, ok = map[bool]string{true: "true", false: "false"}[b], true
		}
		if o.Repeats() {
			text, ok = strings.Join(c.StringSlice(o.Flag()), ","), true
		}
		if !ok {
			continue
		}
		if err := config.Set(o.Key, text, "--"+o.Flag()); err != nil {
			return nil, err
		}
	}
	return config, config.Resolve()
}
