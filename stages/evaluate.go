package stages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"pii/data"
	"pii/labels"
	"pii/metrics"
)

// Evaluation is how predictions agree with gold spans, and whether that is enough.
type Evaluation struct {
	metrics.Scores
	Targets []metrics.Target `json:"targets"`
}

// EvaluateFiles holds a file of predictions against labelled transcripts and prints the figures.
func EvaluateFiles(ctx context.Context, cfg *Config, env *Env, gold, pred string, asJSON bool) error {
	evaluation, err := evaluateFiles(ctx, cfg, env, gold, pred)
	if err != nil {
		return err
	}
	if asJSON {
		return PrintJSON(env.Out, evaluation)
	}
	if err := evaluation.Table(env.Out); err != nil {
		return err
	}
	fmt.Fprintln(env.Out)
	return printTargets(env.Out, evaluation.Targets)
}

func evaluateFiles(ctx context.Context, cfg *Config, env *Env, gold, pred string) (*Evaluation, error) {
	set, err := cfg.LabelSet()
	if err != nil {
		return nil, err
	}
	predictions, err := readPredictions(pred, env.In)
	if err != nil {
		return nil, err
	}
	counter := metrics.NewCounter(set)
	if err := countFile(ctx, env, set, counter, gold, pred, predictions); err != nil {
		return nil, err
	}
	scores := counter.Scores()
	return &Evaluation{scores, []metrics.Target{
		metrics.AtLeast("PII precision", scores.PII.Precision, cfg.TargetPIIPrecision)}}, nil
}

// countFile counts transcript by transcript. A transcript without a prediction, or a prediction without a transcript, is an
// error: a score over part of a file would pass for one over all of it.
func countFile(ctx context.Context, env *Env, set *labels.Set, counter *metrics.Counter, gold, pred string,
	predictions map[string][]PredictedEntity) error {
	reader, err := env.open(gold, data.Options{Labels: set, RequireEntities: true})
	if err != nil {
		return err
	}
	defer reader.Close()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		transcript, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		entities, ok := predictions[transcript.ID]
		if !ok {
			return fmt.Errorf("%s: there is no prediction for transcript %q of %s", pred, transcript.ID, gold)
		}
		delete(predictions, transcript.ID)
		if err := counter.Add(transcript.Entities, spansOf(entities)); err != nil {
			return fmt.Errorf("%s: transcript %q: %w", pred, transcript.ID, err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(predictions)) {
		return fmt.Errorf("%s: %d predictions are of transcripts that %s does not have, such as %q", pred, len(predictions), gold, id)
	}
	return nil
}

func spansOf(entities []PredictedEntity) []labels.Span {
	spans := make([]labels.Span, len(entities))
	for i, e := range entities {
		spans[i] = labels.Span{Start: e.Start, End: e.End, Label: e.Label}
	}
	return spans
}

func printTargets(w io.Writer, targets []metrics.Target) error {
	for _, t := range targets {
		verdict := "not defined"
		if t.Met != nil {
			verdict = map[bool]string{true: "met", false: "MISSED"}[*t.Met]
		}
		bound, value := metrics.Figure("%.4g", &t.Bound), metrics.Figure("%.4g", t.Value)
		if _, err := fmt.Fprintf(w, "target: %s %s %s: %s, %s\n", t.Name, relation(t), bound, value, verdict); err != nil {
			return err
		}
	}
	return nil
}

func relation(t metrics.Target) string {
	return map[string]string{">=": "≥", "<=": "≤"}[t.Relation]
}

// Summary prints what a run has found out: a line for each judged set, then the times, then the targets. Only the stages in
// current are told of; what the others found is about another model.
func Summary(w io.Writer, runDir string, cfg *Config, current []string) error {
	var targets []metrics.Target
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "set\ttranscripts\tPII precision\tPII recall\tPII F1\tmicro F1\tmacro F1\t")
	found := false
	for _, name := range cfg.judged() {
		if !slices.Contains(current, Evaluate) {
			break
		}
		var e Evaluation
		if ok, err := readJSON(filepath.Join(runDir, Evaluate, name+".json"), &e); err != nil {
			return err
		} else if !ok {
			continue
		}
		found = true
		fmt.Fprintf(table, "%s\t%d\t", name, e.Documents)
		for _, value := range []*float64{e.PII.Precision, e.PII.Recall, e.PII.F1, e.Micro.F1, e.Macro.F1} {
			fmt.Fprintf(table, "%s\t", metrics.Figure("%.4f", value))
		}
		fmt.Fprintln(table)
		for _, t := range e.Targets {
			t.Name = name + ": " + t.Name
			targets = append(targets, t)
		}
	}
	if found {
		if err := table.Flush(); err != nil {
			return err
		}
	}
	var b BenchmarkResult
	if ok, err := readJSON(filepath.Join(runDir, Benchmark, "benchmark.json"), &b); err != nil {
		return err
	} else if ok && slices.Contains(current, Benchmark) {
		fmt.Fprintln(w)
		if err := b.Table(w); err != nil {
			return err
		}
		targets = append(targets, b.Targets()...)
	}
	if len(targets) > 0 {
		fmt.Fprintln(w)
	}
	return printTargets(w, targets)
}

// readJSON reports false where there is no such file.
func readJSON(path string, into any) (bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(content, into)
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", path, err)
	}
	return true, nil
}
