package stages

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pii/labels"
	"pii/metrics"
)

// half are scores with one of two phone numbers found, and nothing else.
func half(t *testing.T) *metrics.Scores {
	t.Helper()
	set, err := Default().LabelSet()
	if err != nil {
		t.Fatal(err)
	}
	counter := metrics.NewCounter(set)
	phone := labels.Span{Start: 0, End: 4, Label: "PHONE"}
	for _, predicted := range [][]labels.Span{{phone}, nil} {
		if err := counter.Add([]labels.Span{phone}, predicted); err != nil {
			t.Fatal(err)
		}
	}
	scores := counter.Scores()
	return &scores
}

func TestScoreTargets(t *testing.T) {
	for _, c := range []struct {
		flags         map[string]string
		shown, failed string
	}{
		{nil, "PII precision ≥ 0.8: 1, met", ""},
		{map[string]string{"target_pii_precision": "0"}, "", ""},
		{map[string]string{"target_pii_precision": "1"}, "PII precision ≥ 1: 1, met", ""},
		{map[string]string{"target_pii_recall": "0.5", "target_leak_rate": "0.5"},
			"PII precision ≥ 0.8: 1, met|PII recall ≥ 0.5: 0.5, met|leak rate ≤ 0.5: 0.5, met", ""},
		{map[string]string{"target_pii_f1": "0.7", "target_leak_rate": "0"},
			"PII precision ≥ 0.8: 1, met|PII F1 ≥ 0.7: 0.6667, MISSED|leak rate ≤ 0: 0.5, MISSED",
			"missed: PII F1 ≥ 0.7: 0.6667; leak rate ≤ 0: 0.5"},
	} {
		cfg, err := resolved(t, "", nil, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		said, failed := verdicts(t, cfg.scoreTargets(half(t)))
		if said != c.shown || failed != c.failed {
			t.Errorf("%v: %q and %q", c.flags, said, failed)
		}
	}
}

// verdicts are what is printed of targets, and the error that they make.
func verdicts(t *testing.T, targets []metrics.Target) (said, failed string) {
	t.Helper()
	var out strings.Builder
	if err := printTargets(&out, targets); err != nil {
		t.Fatal(err)
	}
	said = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(out.String(), "target: "), "\n"), "\ntarget: ", "|")
	if err := missed(targets); err != nil {
		var wanted *MissedError
		if !errors.As(err, &wanted) {
			t.Errorf("the error is a %T", err)
		}
		failed = err.Error()
	}
	return said, failed
}

// TestADefaultIsNoRequirement: what nobody set is held against, and fails nobody; nor does it when it was written to a file.
func TestADefaultIsNoRequirement(t *testing.T) {
	empty := &metrics.Scores{}
	unset, err := resolved(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, failed string }{{"", ""}, {unset.YAML(false), ""}, {unset.YAML(true), ""},
		{"target_pii_precision: 0.8\n", "missed: PII precision ≥ 0.8: -"}} {
		cfg, err := resolved(t, c.file, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if said, failed := verdicts(t, cfg.scoreTargets(empty)); said != "PII precision ≥ 0.8: -, not defined" || failed != c.failed {
			t.Errorf("after %q: %q and %q", c.file, said, failed)
		}
	}
	set, err := resolved(t, "", []string{"PII_TARGET_LEAK_RATE=0.02"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := set.YAML(false); !strings.Contains(text, "\ntarget_leak_rate: 0.02\n") || !strings.Contains(text, "\n# target_p95: 20ms\n") {
		t.Errorf("the settings are written as\n%s", text)
	}
}

func TestTimeTargets(t *testing.T) {
	timed := func(ms int) *metrics.Latency {
		l := metrics.NewLatency([]time.Duration{time.Duration(ms) * time.Millisecond})
		return &l
	}
	row := func(device, precision string, batch, ms int) BenchmarkRow {
		return BenchmarkRow{Device: device, Precision: precision, Batch: batch, Total: timed(ms)}
	}
	cpu, cuda := row("cpu", "fp32", 1, 30), BenchmarkRow{Device: "cuda", Precision: "fp32", Batch: 1, Missing: "none"}
	for _, c := range []struct {
		target        string
		rows          []BenchmarkRow
		shown, failed string
	}{
		{"", []BenchmarkRow{cpu, cuda}, "cpu: p95 in ms ≤ 20: 30, MISSED", ""},
		{"30ms", []BenchmarkRow{cpu, cuda}, "cpu: p95 in ms ≤ 30: 30, met", ""},
		{"25ms", []BenchmarkRow{cpu, cuda}, "cpu: p95 in ms ≤ 25: 30, MISSED", "missed: cpu: p95 in ms ≤ 25: 30"},
		{"25ms", []BenchmarkRow{cuda}, "cuda: p95 in ms ≤ 25: -, not defined", "missed: cuda: p95 in ms ≤ 25: -"},
		{"25ms", []BenchmarkRow{cpu, row("cpu", "int8", 1, 20), row("cpu", "int8", 8, 90)},
			"cpu fp32: p95 in ms ≤ 25: 30, MISSED|cpu int8: p95 in ms ≤ 25: 20, met", "missed: cpu fp32: p95 in ms ≤ 25: 30"},
		{"25ms", []BenchmarkRow{row("cpu", "fp32", 8, 90), row("cpu", "fp32", 32, 90)}, "cpu: p95 in ms ≤ 25: -, not defined",
			"missed: cpu: p95 in ms ≤ 25: -"},
	} {
		flags := map[string]string{}
		if c.target != "" {
			flags["target_p95"] = c.target
		}
		cfg, err := resolved(t, "", nil, flags)
		if err != nil {
			t.Fatal(err)
		}
		result := &BenchmarkResult{Rows: c.rows}
		for _, row := range c.rows {
			result.Models = append(result.Models, BenchmarkModel{Device: row.Device, Precision: row.Precision})
		}
		if said, failed := verdicts(t, cfg.timeTargets(result)); said != c.shown || failed != c.failed {
			t.Errorf("%s, %v: %q and %q", c.target, c.rows, said, failed)
		}
	}
}

func TestSliceBy(t *testing.T) {
	for fields, want := range map[string]string{"noise,source": "", "text": "slice_by names text", "entities": "entities", "length": "length",
		"a,b,a": "names a twice"} {
		_, err := resolved(t, "", nil, map[string]string{"slice_by": fields})
		if fmt.Sprint(err) != "<nil>" && want == "" || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", fields, err)
		}
	}
}
