package stages

import (
	"context"
	"fmt"
	"sort"
	"text/tabwriter"

	"pii/data"
	"pii/data/synth"
)

// DefaultSynthSeed is the seed of the shipped sets.
const DefaultSynthSeed = synth.DefaultSeed

// Synth writes the synthetic sets train, dev, test and stress into a folder.
func Synth(env *Env, dir string, seed int64) error {
	if err := synth.WriteSets(dir, seed, synth.DefaultConfig()); err != nil {
		return err
	}
	env.Log.Printf("wrote train.jsonl, dev.jsonl, test.jsonl and stress.jsonl to %s", dir)
	return nil
}

// Validate lists every problem of a file of transcripts and counts what is there. Problems make it an error.
func Validate(ctx context.Context, cfg *Config, env *Env, path string, unlabelled, asJSON bool) error {
	set, err := cfg.LabelSet()
	if err != nil {
		return err
	}
	var problems []*data.Problem
	summary, err := data.Validate(path, data.Options{Labels: set, RequireEntities: !unlabelled},
		func(p *data.Problem) { problems = append(problems, p) })
	if err != nil {
		return err
	}
	if asJSON {
		err = PrintJSON(env.Out, map[string]any{"summary": summary, "problems": problems})
	} else {
		err = printSummary(env, summary, problems)
	}
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%s has %d problems", path, len(problems))
	}
	return err
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
