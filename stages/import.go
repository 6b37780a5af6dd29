package stages

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"pii/data"
	"pii/data/formats"
	"pii/labels"
	"pii/pipeline"
)

// ImportFormats lists what Import reads.
func ImportFormats() []string { return formats.Importable() }

// ImportOptions say what Import reads and how; "-" is standard input or output.
type ImportOptions struct {
	Format, Input, Output string
	Report                string   // JSON file for the report; "" for none
	LabelMap              string   // YAML file of labels; "" for none
	Map                   []string // "FROM=TO", which beat the file
	Merge                 []string // see formats.Options; "none" alone for no label, nothing for the format's own
	Trim, Strict          bool
	TokenColumn           int // of conll
	TagColumn             int
	TextField             string // of label-studio
}

// Import turns a file of another tool into transcripts, and says on the log what was left out and why.
func Import(ctx context.Context, cfg *Config, env *Env, o ImportOptions) error {
	if err := o.check(cfg); err != nil {
		return err
	}
	opts, err := o.formatOptions(cfg)
	if err != nil {
		return err
	}
	stream, err := env.openText(o.Input)
	if err != nil {
		return err
	}
	defer stream.Close()
	importer, err := formats.NewImporter(stream, o.Format, opts)
	if err != nil {
		return err
	}
	err = env.createWhole(o.Output, func(w io.Writer) error {
		return eachTranscript(ctx, importer.Next, func(t data.Transcript) error { return data.Write(w, t) })
	})
	if err != nil {
		return err
	}
	return o.tell(env, importer.Report())
}

func (o ImportOptions) check(cfg *Config) error {
	if !slices.Contains(ImportFormats(), o.Format) {
		return &ConfigError{fmt.Sprintf("--format must be one of %s%s", strings.Join(ImportFormats(), ", "), Nearest(o.Format, ImportFormats()))}
	}
	if o.Report == "-" {
		return &ConfigError{"--report must be a file; the report for people goes to standard error"}
	}
	reads := append(cfg.sources(), source{"the input", o.Input}, source{"the file of --label-map", o.LabelMap})
	if err := checkOutput(o.Output, reads...); err != nil || o.Report == "" {
		return err
	}
	if o.Output != "-" {
		reads = append(reads, source{"the output too", o.Output})
	}
	return spare("--report", o.Report, reads...)
}

// createWhole is create for what must not be written in part: to a stream nothing goes before all of it is there.
func (e *Env) createWhole(path string, write func(io.Writer) error) error {
	buffered := func(w io.Writer) error {
		b := bufio.NewWriter(w)
		return errors.Join(write(b), b.Flush())
	}
	if path != "-" && !isStream(path) {
		return e.create(path, buffered)
	}
	aside, err := os.CreateTemp("", "pii-*.tmp")
	if err != nil {
		return err
	}
	defer aside.Close()
	if err := os.Remove(aside.Name()); err != nil { // the file lives on while it is open, and no kill leaves it behind
		return err
	}
	if err := buffered(aside); err != nil {
		return err
	}
	if _, err := aside.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return e.create(path, func(w io.Writer) error {
		_, err := io.Copy(w, aside)
		return err
	})
}

// tell gives the report to people, and to machines where they asked for it.
func (o ImportOptions) tell(env *Env, report *formats.Report) error {
	if err := report.Print(env.Log.Writer()); err != nil || o.Report == "" {
		return err
	}
	return pipeline.CreateFile(o.Report, func(f *os.File) error { return PrintJSON(f, report) })
}

// formatOptions reads the label map and checks it against the label set.
func (o ImportOptions) formatOptions(cfg *Config) (formats.Options, error) {
	set, err := cfg.LabelSet()
	if err != nil {
		return formats.Options{}, err
	}
	opts := formats.Options{Labels: set, Map: map[string]string{}, Trim: o.Trim, Strict: o.Strict,
		TokenColumn: o.TokenColumn, TagColumn: o.TagColumn, TextField: o.TextField}
	if o.LabelMap != "" {
		err := readMapping(o.LabelMap, func(origin, from string, to ast.Node) error {
			text := ""
			if to.Type() != ast.NullType {
				if text, err = scalarText(to); err != nil {
					return &ConfigError{fmt.Sprintf("%s: %s: %v", origin, from, err)}
				}
			}
			return addLabel(opts.Map, set, from, text, origin)
		})
		if err != nil {
			return opts, err
		}
	}
	for _, pair := range o.Map {
		at := strings.LastIndexByte(pair, '=')
		if at < 1 {
			return opts, &ConfigError{fmt.Sprintf("--map %s is not of the form FROM=TO", pair)}
		}
		if err := addLabel(opts.Map, set, pair[:at], pair[at+1:], "--map"); err != nil {
			return opts, err
		}
	}
	opts.Merge, err = mergedLabels(o.Merge, set)
	return opts, err
}

// addLabel notes what a label of the file is called; nothing and "-" leave it out.
func addLabel(to map[string]string, set *labels.Set, from, name, origin string) error {
	if name == "-" {
		name = ""
	}
	if name != "" && !set.Has(name) {
		return &ConfigError{fmt.Sprintf("%s: %s is not one of the labels%s", origin, data.Quote(name), Nearest(name, typeNames(set)))}
	}
	to[from] = name
	return nil
}

func mergedLabels(names []string, set *labels.Set) ([]string, error) {
	if len(names) == 1 && names[0] == "none" {
		return []string{}, nil
	}
	for _, name := range names {
		if !set.Has(name) {
			return nil, &ConfigError{fmt.Sprintf("--merge: %s is not one of the labels%s", data.Quote(name), Nearest(name, typeNames(set)))}
		}
	}
	return names, nil
}

func typeNames(set *labels.Set) []string {
	var names []string
	for _, t := range set.Types() {
		names = append(names, t.Name)
	}
	return names
}
