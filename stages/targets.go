package stages

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"pii/metrics"
)

// Targets are held against figures whenever those are shown, and are no part of them: to change one makes no stage stale.

// scoreTargets are the targets of evaluate for the scores of one set.
func (c *Config) scoreTargets(s *metrics.Scores) []metrics.Target {
	var targets []metrics.Target
	for _, t := range []struct {
		key, name string
		value     *float64
		bound     float64
	}{{"target_pii_precision", "PII precision", s.PII.Precision, c.TargetPIIPrecision},
		{"target_pii_recall", "PII recall", s.PII.Recall, c.TargetPIIRecall},
		{"target_pii_f1", "PII F1", s.PII.F1, c.TargetPIIF1}} {
		if t.bound > 0 {
			targets = append(targets, c.required(t.key, metrics.AtLeast(t.name, t.value, t.bound)))
		}
	}
	if c.TargetLeakRate < 1 {
		targets = append(targets, c.required("target_leak_rate", metrics.AtMost("leak rate", s.Redaction.LeakRate, c.TargetLeakRate)))
	}
	return targets
}

// timeTargets hold p95 of one text at a time, of each model that was timed, against the target of benchmark. Where none was, none
// reached it.
func (c *Config) timeTargets(r *BenchmarkResult) []metrics.Target {
	var timed, missing []metrics.Target
	for _, row := range r.Rows {
		name, bound := r.modelName(row)+": p95 in ms", milliseconds(c.TargetP95)
		switch {
		case row.Batch == 1 && row.Missing == "":
			timed = append(timed, c.required("target_p95", metrics.AtMost(name, &row.Total.P95.Value, bound)))
		case row.Batch == 1 || !r.hasBatch(1) && !slices.ContainsFunc(missing, func(t metrics.Target) bool { return t.Name == name }):
			missing = append(missing, c.required("target_p95", metrics.AtMost(name, nil, bound)))
		}
	}
	if len(timed) == 0 {
		return missing
	}
	return timed
}

// required marks a target whose bound somebody set. A default is a yardstick: to miss it is said, and no failure.
func (c *Config) required(key string, t metrics.Target) metrics.Target {
	t.Required = c.origins[key] != ""
	return t
}

func printTargets(w io.Writer, targets []metrics.Target) error {
	for _, t := range targets {
		verdict := "not defined"
		if t.Met != nil {
			verdict = map[bool]string{true: "met", false: "MISSED"}[*t.Met]
		}
		if _, err := fmt.Fprintf(w, "target: %s, %s\n", sentence(t), verdict); err != nil {
			return err
		}
	}
	return nil
}

// sentence says what was to be reached, and what was.
func sentence(t metrics.Target) string {
	relation := map[string]string{">=": "≥", "<=": "≤"}[t.Relation]
	return fmt.Sprintf("%s %s %s: %s", t.Name, relation, metrics.Figure("%.4g", &t.Bound), metrics.Figure("%.4g", t.Value))
}

// MissedError says that all went well, but that a figure misses a target which somebody set.
type MissedError struct{ Targets []metrics.Target }

func (e *MissedError) Error() string {
	var missed []string
	for _, t := range e.Targets {
		missed = append(missed, sentence(t))
	}
	return fmt.Sprintf("missed: %s", strings.Join(missed, "; "))
}

// missed is a MissedError with the targets that failed, nil where none did.
func missed(targets []metrics.Target) error {
	var failed []metrics.Target
	for _, t := range targets {
		if t.Failed() {
			failed = append(failed, t)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &MissedError{failed}
}
