package stages

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"pii/metrics"
)

// judgement is what evaluate found out about one set.
type judgement struct {
	set string
	*metrics.Scores
}

// of is the score of a type.
func (j judgement) of(typ string) metrics.Score {
	for _, t := range j.Types {
		if t.Type == typ {
			return t.Score
		}
	}
	return metrics.Score{}
}

// Summary prints what a run has found out: a line for each judged set, then what it found of each type, the times and the
// targets. Only the stages in current are told of; what the others found is about another model. The error is a MissedError
// where all is printed and a target that was set is missed.
func Summary(w io.Writer, runDir string, cfg *Config, current []string) error {
	var targets []metrics.Target
	var judged []judgement
	var err error
	if slices.Contains(current, Evaluate) {
		if judged, err = readJudgements(runDir, cfg.judged()); err != nil {
			return err
		}
	}
	if err := printJudgements(w, judged); err != nil {
		return err
	}
	for _, j := range judged {
		for _, t := range cfg.scoreTargets(j.Scores) {
			t.Name = j.set + ": " + t.Name
			targets = append(targets, t)
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
		targets = append(targets, cfg.timeTargets(&b)...)
	}
	if len(targets) > 0 {
		fmt.Fprintln(w)
	}
	if err := printTargets(w, targets); err != nil {
		return err
	}
	return missed(targets)
}

func readJudgements(runDir string, sets []string) ([]judgement, error) {
	var list []judgement
	for _, name := range sets {
		scores := new(metrics.Scores)
		ok, err := readJSON(filepath.Join(runDir, Evaluate, name+".json"), scores)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, judgement{name, scores})
		}
	}
	return list, nil
}

func printJudgements(w io.Writer, judged []judgement) error {
	if len(judged) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "set\ttranscripts\tPII precision\tPII recall\tPII F1\tleak rate\tmicro F1\tmacro F1\t")
	for _, j := range judged {
		fmt.Fprintf(table, "%s\t%d\t", j.set, j.Documents)
		for _, value := range []*float64{j.PII.Precision, j.PII.Recall, j.PII.F1, j.Redaction.LeakRate, j.Micro.F1, j.Macro.F1} {
			fmt.Fprintf(table, "%s\t", metrics.Figure("%.4f", value))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return printTypes(w, judged)
}

// printTypes puts the sets that a model is judged by side by side; dev, by which it was chosen, only where it is alone.
func printTypes(w io.Writer, judged []judgement) error {
	if len(judged) > 1 {
		judged = slices.DeleteFunc(slices.Clone(judged), func(j judgement) bool { return j.set == "dev" })
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var sets, columns strings.Builder
	for _, j := range judged {
		sets.WriteString("\t" + j.set + "\t\t\t")
		columns.WriteString("\tP\tR\tF1\tgold")
	}
	fmt.Fprintf(table, "%s\t\ntype%s\t\n", &sets, &columns)
	for _, typ := range judged[0].Types {
		fmt.Fprintf(table, "%s", typ.Type)
		for _, j := range judged {
			s := j.of(typ.Type)
			fmt.Fprintf(table, "\t%s\t%s\t%s\t%d", metrics.Figure("%.3f", s.Precision), metrics.Figure("%.3f", s.Recall),
				metrics.Figure("%.3f", s.F1), s.Support)
		}
		fmt.Fprintln(table, "\t")
	}
	return table.Flush()
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
