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
	summary, problems, err := validate(ctx, path, data.Options{Labels: set, RequireEntities: !unlabelled})
	if err != nil {
		return err
	}
	if asJSON {
		err = PrintJSON(env.Out, map[string]any{"summary": summary, "problems": problems})
	} else {
		err = printSummary(env, summary, problems)
	}
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%s has %d problem%s", path, len(problems), map[bool]string{false: "s"}[len(problems) == 1])
	}
	return err
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
