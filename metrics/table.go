package metrics

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
)

// Table writes the scores as aligned plain-text tables, ratios with four decimals and - for those that are null.
func (s Scores) Table(w io.Writer) error {
	var out bytes.Buffer
	parts := []func(io.Writer){s.exact, s.personal, s.schemes}
	if len(s.Mistakes) > 0 {
		parts = append(parts, s.mistakes)
	}
	for i, part := range parts {
		if i > 0 {
			fmt.Fprintln(&out)
		}
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
		part(table)
		if err := table.Flush(); err != nil {
			return fmt.Errorf("write scores: %w", err)
		}
	}
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}

func (s Scores) exact(table io.Writer) {
	row := func(name string, score Score) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t\n", name, decimals(score.Precision), decimals(score.Recall),
			decimals(score.F1), score.Support, score.Predicted)
	}
	mean := func(name string, average Average) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\t\t\n", name, decimals(average.Precision), decimals(average.Recall),
			decimals(average.F1))
	}
	fmt.Fprintln(table, "type\tprecision\trecall\tF1\tgold\tpredicted\t")
	for _, t := range s.Types {
		row(t.Type, t.Score)
	}
	row("micro", s.Micro)
	mean("macro", s.Macro)
	mean("weighted", s.Weighted)
	row("PII, typed", s.PIIStrict)
	row("PII", s.PII)
	row("non-PII", s.NonPII)
}

// personal is the table of what the program is for.
func (s Scores) personal(table io.Writer) {
	fmt.Fprintln(table, "personal data\t\t95% interval\t")
	for _, row := range []struct {
		name     string
		value    *float64
		interval *Interval
	}{
		{"precision", s.PII.Precision, s.Intervals.PIIPrecision},
		{"recall", s.PII.Recall, s.Intervals.PIIRecall},
		{"F1", s.PII.F1, s.Intervals.PIIF1},
		{"F2", s.Redaction.F2, s.Intervals.PIIF2},
		{"leak rate", s.Redaction.LeakRate, s.Intervals.LeakRate},
		{"character recall", s.Redaction.CharacterRecall, s.Intervals.CharacterRecall},
	} {
		bounds := "-"
		if row.interval != nil {
			bounds = fmt.Sprintf("%s to %s", decimals(&row.interval.Low), decimals(&row.interval.High))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", row.name, decimals(row.value), bounds)
	}
}

func (s Scores) schemes(table io.Writer) {
	fmt.Fprintln(table, "SemEval-2013\tcorrect\tincorrect\tpartial\tmissed\tspurious\tprecision\trecall\tF1\t")
	for _, row := range []struct {
		name  string
		score SchemeScore
	}{
		{"strict", s.SemEval.Overall.Strict}, {"exact", s.SemEval.Overall.Exact},
		{"partial", s.SemEval.Overall.Partial}, {"type", s.SemEval.Overall.Type},
	} {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", row.name, row.score.Correct, row.score.Incorrect,
			row.score.Partial, row.score.Missed, row.score.Spurious, decimals(row.score.Precision), decimals(row.score.Recall),
			decimals(row.score.F1))
	}
}

// mistakesShown keeps the table of mistakes on a screen.
const mistakesShown = 5

func (s Scores) mistakes(table io.Writer) {
	fmt.Fprintln(table, "type\ttaken for\tspans\t")
	others := 0
	for i, m := range s.Mistakes {
		if i < mistakesShown {
			fmt.Fprintf(table, "%s\t%s\t%d\t\n", m.Gold, m.Predicted, m.Count)
		} else {
			others += m.Count
		}
	}
	if others > 0 {
		fmt.Fprintf(table, "any\tother\t%d\t\n", others)
	}
}

func decimals(value *float64) string { return Figure("%.4f", value) }

// Figure formats a figure as the verb of fmt says, - where it is null.
func Figure(verb string, value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf(verb, *value)
}
