package metrics

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Table writes the scores as an aligned plain-text table, ratios with four decimals and - for those that are null.
func (s Scores) Table(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, score Score) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t\n", name, decimals(score.Precision), decimals(score.Recall),
			decimals(score.F1), score.Support, score.Predicted)
	}
	fmt.Fprintln(table, "type\tprecision\trecall\tF1\tgold\tpredicted\t")
	for _, t := range s.Types {
		row(t.Type, t.Score)
	}
	row("micro", s.Micro)
	fmt.Fprintf(table, "macro\t\t\t%s\t\t\t\n", decimals(s.MacroF1))
	row("PII, typed", s.PIIStrict)
	row("PII", s.PII)
	row("non-PII", s.NonPII)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}

func decimals(value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf("%.4f", *value)
}
