package stages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"

	"pii/data"
	"pii/data/synth"
)

// DefaultSynthSeed is the seed of the shipped sets.
const DefaultSynthSeed = synth.DefaultSeed

// SynthOptions say which synthetic transcripts to make.
type SynthOptions struct {
	Dir   string   // where the files go
	Seed  int64    // what all randomness comes from
	Rates string   // a YAML file of rates over the shipped ones; empty for those
	Sets  []string // of SynthSets; empty for those that ship with the program
	Size  int      // transcripts of each set; 0 for what the rates say
	Force bool     // replaces files that are there with another content
}

// SynthSets lists the sets that can be made.
func SynthSets() []string {
	var names []string
	for _, set := range synth.AllSets() {
		names = append(names, string(set))
	}
	return names
}

// Synth writes synthetic sets into a folder, each as a JSONL file of its name, until the context is done.
func Synth(ctx context.Context, env *Env, opts SynthOptions) error {
	cfg, err := synthRates(opts.Rates)
	if err != nil {
		return err
	}
	sets := synth.Sets()
	if len(opts.Sets) > 0 {
		sets = nil
		for _, name := range opts.Sets {
			sets = append(sets, synth.Set(name))
		}
	}
	if opts.Size > 0 {
		cfg.Sizes = synth.Sizes{Train: opts.Size, Dev: opts.Size, Test: opts.Size, Stress: opts.Size, Numbers: opts.Size}
	}
	for _, set := range sets {
		if err := spare("--out-dir:", filepath.Join(opts.Dir, string(set)+".jsonl"), source{"the file of --rates", opts.Rates}); err != nil {
			return err
		}
	}
	err = synth.WriteSets(ctx, opts.Dir, opts.Seed, cfg, opts.Force, sets...)
	if err != nil && ctx.Err() != nil {
		return &InterruptedError{"no file is half written; the same command makes all sets anew", err}
	}
	var exists *synth.ExistsError
	if errors.As(err, &exists) {
		return &ConfigError{fmt.Sprintf("--out-dir: %v; --force replaces it", err)}
	}
	if err != nil {
		return err
	}
	for _, set := range sets {
		env.Log.Printf("wrote %s.jsonl to %s", set, opts.Dir)
	}
	return nil
}

// PrintSynthRates prints every rate of the generator, as a file that SynthOptions.Rates takes.
func PrintSynthRates(env *Env, path string) error {
	cfg, err := synthRates(path)
	if err != nil {
		return err
	}
	out, err := cfg.YAML()
	if err == nil {
		_, err = env.Out.Write(out)
	}
	return err
}

func synthRates(path string) (synth.Config, error) {
	if path == "" {
		return synth.DefaultConfig(), nil
	}
	return synth.ReadConfig(path)
}

// DataStats prints what files of transcripts hold, and what of each stands in an earlier one too. It prints no text.
func DataStats(cfg *Config, env *Env, paths []string, asJSON bool) error {
	set, err := cfg.LabelSet()
	if err != nil {
		return err
	}
	var all []*data.Stats
	for _, path := range paths {
		s, err := data.ReadStats(path, data.Options{Labels: set})
		if err != nil {
			return err
		}
		all = append(all, s)
	}
	overlaps := data.Overlaps(all)
	if asJSON {
		return PrintJSON(env.Out, map[string]any{"files": all, "overlaps": overlaps})
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "transcripts\twithout\twords\tmedian\tp95\tvocabulary\tcased\tpunctuated\tnames\tframes\tfile\t")
	for _, s := range all {
		fmt.Fprintf(w, "%d\t%d\t%.1f\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t\n", s.Transcripts, s.Without, s.Words.Mean, s.Words.Median, s.Words.P95,
			s.Vocabulary, s.Cased, s.Punctuated, s.Names, s.Frames, s.File)
	}
	fmt.Fprintln(w, "\nspans\tdistinct\twords\tspoken\tnumerals\ttype\tfile\t")
	for _, s := range all {
		for _, label := range slices.Sorted(maps.Keys(s.Types)) {
			c := s.Types[label]
			fmt.Fprintf(w, "%d\t%d\t%.1f\t%d\t%d\t%s\t%s\t\n", c.Spans, c.Distinct, c.Words, c.Spoken, c.Numerals, label, s.File)
		}
	}
	if len(overlaps) > 0 {
		fmt.Fprintln(w, "\nsame texts\tsame frames\tsame entities\tof\tin\t")
	}
	for _, o := range overlaps {
		fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t\n", o.Texts, o.Frames, counts(o.Entities), o.Of, o.File)
	}
	return w.Flush()
}

// counts lists counts by name: "CITY 3, DATE 1".
func counts(all map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, all[name]))
		}
	}
	return strings.Join(parts, ", ")
}

// Validate lists every problem of a file of transcripts and counts what is there. Problems make it an error.
func Validate(ctx context.Context, cfg *Config, env *Env, path string, unlabelled, asJSON bool) error {
	set, err := cfg.LabelSet()
	if err != nil {
		return err
	}
	summary, problems, err := validate(ctx, path, data.Options{Labels: set, RequireEntities: !unlabelled})
	if err != nil {
		return err
	}
	if summary.Askew > 0 {
		env.Log.Print(askewNote(path, summary.Askew, summary.FirstAskew))
	}
	if asJSON {
		err = PrintJSON(env.Out, map[string]any{"summary": summary, "problems": append([]*data.Problem{}, problems...)})
	} else {
		err = printSummary(env, summary, problems)
	}
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%s has %d problem%s", path, len(problems), map[bool]string{false: "s"}[len(problems) == 1])
	}
	return err
}

// askewNote says of a file that spans in it do not lie as words do, which is no error, as somebody may mean it so.
func askewNote(path string, n, firstLine int) string {
	return fmt.Sprintf("%s: spans that begin or end inside a word or with white space: %d, the first on line %d; offsets count code points, not bytes",
		path, n, firstLine)
}

// validate reads aside, as a reader that waits for standard input cannot be told to stop.
func validate(ctx context.Context, path string, opts data.Options) (summary data.Summary, problems []*data.Problem, err error) {
	done := make(chan struct{})
	var s data.Summary
	var list []*data.Problem
	var fault error
	go func() {
		s, fault = data.Validate(path, opts, func(p *data.Problem) { list = append(list, p) })
		close(done)
	}()
	select {
	case <-done:
		return s, list, fault
	case <-ctx.Done():
		return data.Summary{}, nil, ctx.Err()
	}
}

func printSummary(env *Env, s data.Summary, problems []*data.Problem) error {
	for _, p := range problems {
		fmt.Fprintln(env.Out, p)
	}
	w := tabwriter.NewWriter(env.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "transcripts\t%d\nlabelled\t%d\ncode points\t%d\n", s.Lines, s.Labelled, s.Characters)
	var names []string
	for name := range s.Spans {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "%s\t%d\n", name, s.Spans[name])
	}
	return w.Flush()
}
