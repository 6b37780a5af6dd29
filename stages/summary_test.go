package stages

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSummary puts sets side by side, tells of what is current alone, and fails where a target that was set is missed.
func TestSummary(t *testing.T) {
	run := t.TempDir()
	if err := os.Mkdir(filepath.Join(run, Evaluate), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"dev", "test", "stress", "natural"} {
		if err := writeJSON(filepath.Join(run, Evaluate, set+".json"), half(t)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		flags   map[string]string
		current string
		want    []string
		failed  string
	}{
		{nil, Train, nil, ""},
		{nil, Evaluate, []string{
			"   stress            2         1.0000      0.5000  0.6667     0.5000    0.6667    0.6667",
			"                test                      stress                      natural                    ",
			"        PHONE  1.000  0.500  0.667     2   1.000  0.500  0.667     2    1.000  0.500  0.667     2",
			"target: stress: PII precision ≥ 0.8: 1, met"}, ""},
		{map[string]string{"test": "none", "stress": "none", "natural": "none", "target_pii_recall": "0.6"}, Evaluate, []string{
			"                 dev                    ",
			"         CITY      -      -      -     0",
			"target: dev: PII recall ≥ 0.6: 0.5, MISSED"}, "missed: dev: PII recall ≥ 0.6: 0.5"},
	} {
		cfg, err := resolved(t, "", nil, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = Summary(&out, run, cfg, []string{c.current})
		var missed *MissedError
		if c.failed == "" && err != nil || c.failed != "" && (!errors.As(err, &missed) || err.Error() != c.failed) {
			t.Errorf("%v: %v", c.flags, err)
		}
		for _, want := range c.want {
			if !strings.Contains("\n"+out.String(), "\n"+want+"\n") {
				t.Errorf("%v: there is no line %q in\n%s", c.flags, want, &out)
			}
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if len(line) > 100 {
				t.Errorf("a line is %d wide: %s", len(line), line)
			}
		}
		if c.want == nil && out.String() != "" {
			t.Errorf("what is not current is told:\n%s", &out)
		}
	}
}
