package stages

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pii/metrics"
)

// calibrated trains a small model and calibrates it.
func calibrated(t *testing.T, s *school) (*devReading, calibration) {
	t.Helper()
	model := s.model(t)
	defer model.Close()
	task := s.task(t)
	task.batch = batchLimit{tokens: 1} // a window each, so that there is a batch to be interrupted after
	if _, _, err := trainModel(context.Background(), s.cfg, s.env.Log, model, s.train, task, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	reading, err := task.read(context.Background(), model)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := task.read(&countdown{context.Background(), 1}, model); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	return reading, reading.calibrate(s.cfg)
}

func TestCalibration(t *testing.T) {
	s := newSchool(t, map[string]string{"epochs": "6"})
	reading, c := calibrated(t, s)
	if *c.NLL.After > *c.NLL.Before || c.Temperature <= 0 || c.ECE.Tokens.After == nil || c.ECE.Spans.Before == nil {
		t.Errorf("%+v", c)
	}
	spans := reading.spans(c.Temperature)
	if c.Reliability.Tokens.Count != len(reading.logits.Targets) || c.Reliability.Spans.Count != len(spans) || len(spans) == 0 {
		t.Errorf("%d tokens of %d, %d spans of %d", c.Reliability.Tokens.Count, len(reading.logits.Targets), c.Reliability.Spans.Count, len(spans))
	}
	if len(c.Thresholds) != 1 || c.Thresholds[0].Label != "X" || c.Thresholds[0].Support != reading.gold()["X"] {
		t.Errorf("thresholds %+v", c.Thresholds)
	}
	if again := reading.calibrate(s.cfg); !reflect.DeepEqual(again, c) {
		t.Errorf("the second time %+v, not %+v", again, c)
	}
	for _, word := range []string{"temperature", "ECE", "thresholds X "} {
		if !strings.Contains(c.String(), word) {
			t.Errorf("%q lacks %q", c, word)
		}
	}
	s.cfg.ThresholdChoice = none
	if c := reading.calibrate(s.cfg); len(c.Thresholds) != 0 || c.Pooled != nil {
		t.Errorf("without a choice %+v", c.Thresholds)
	}
}

// TestFewSpansShareAThreshold chooses for three types of personal data, of one of which few spans were found.
func TestFewSpansShareAThreshold(t *testing.T) {
	cfg, err := resolved(t, "", nil, map[string]string{"labels": "A:pii,B:pii,C:pii,D", "threshold_choice": "precision", "threshold_precision": "0.8"})
	if err != nil {
		t.Fatal(err)
	}
	set, err := cfg.LabelSet()
	if err != nil {
		t.Fatal(err)
	}
	var spans []foundSpan
	add := func(label string, score float64, right, wrong int) {
		for i := range right + wrong {
			spans = append(spans, foundSpan{label, metrics.Judged{Score: score, Right: i < right}})
		}
	}
	add("A", 0.9, 30, 0)
	add("A", 0.5, 5, 20)
	add("B", 0.9, fewSpans-1, 0)
	add("C", 0.6, 5, 20)
	add("C", 0.5, 5, 20)
	add("D", 0.1, 50, 0)
	var c calibration
	c.chooseThresholds(cfg, set, spans, map[string]int{"A": 36, "B": 20, "C": 30, "D": 50})
	want := map[string]float64{"A": 0.9, "B": 0.9, "C": 0.6}
	var to card
	c.apply(&to)
	if !reflect.DeepEqual(to.Thresholds, want) || c.Thresholds[0].Pooled || !c.Thresholds[1].Pooled || !c.Thresholds[0].Reached || c.Thresholds[2].Reached {
		t.Errorf("%+v, want %v", c.Thresholds, want)
	}
	if a := c.Thresholds[0]; a.TruePositives != 30 || a.FalseNegatives != 6 {
		t.Errorf("%+v", a)
	}
	if !strings.Contains(c.String(), "C 0.6 (short of its aim)") {
		t.Error(c)
	}
	var nothing calibration
	nothing.chooseThresholds(cfg, set, spans[len(spans)-50:], nil)
	if nothing.apply(&to); to.Thresholds != nil || nothing.Pooled != nil {
		t.Errorf("of no personal data %v", to.Thresholds)
	}
}

func TestCardsWithoutSense(t *testing.T) {
	good := card{Labels: []string{"A:pii"}, MaxLength: 64, Stride: 16, Temperature: 1.5, Thresholds: map[string]float64{"A": 0.5}}
	dir := t.TempDir()
	read := func(c map[string]any) error {
		content, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, cardName), content, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err = readCard(dir, Default())
		return err
	}
	if err := writeCard(dir, good); err != nil {
		t.Fatal(err)
	}
	if back, err := readCard(dir, Default()); err != nil || !reflect.DeepEqual(back, good) {
		t.Errorf("%+v, %v", back, err)
	}
	for key, values := range map[string][]any{"temperature": {-1, 1e300, 1e-300, "hot"}, "thresholds": {map[string]any{"A": 1.5}, map[string]any{"A": -0.1}, 3},
		"max_length": {0}} {
		for _, value := range values {
			c := map[string]any{"labels": []string{"A:pii"}, "max_length": 64, "stride": 16}
			if err := read(c); err != nil {
				t.Fatal(err)
			}
			c[key] = value
			if err := read(c); err == nil || !strings.Contains(err.Error(), cardName) {
				t.Errorf("%s %v: %v", key, value, err)
			}
		}
	}
	if got := scaled([]float32{2, -3}, 4); got[0] != 0.5 || math.Abs(float64(got[1])+0.75) > 1e-7 {
		t.Error(got)
	}
}
