package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pii/stages"
)

// edited is a copy of the trained model whose card a function has changed.
func edited(t *testing.T, change func(card map[string]any)) string {
	t.Helper()
	trained(t)
	dir := copyModel(t)
	path := filepath.Join(dir, "pii.json")
	var card map[string]any
	if err := json.Unmarshal(read(t, path), &card); err != nil {
		t.Fatal(err)
	}
	change(card)
	content, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(content))
	return dir
}

func benchmarked(t *testing.T, model, precisions string) map[string]stages.BenchmarkModel {
	t.Helper()
	r := must(t, "benchmark", "--model-dir", model, "--input", trained(t).dev, "--runs", "1", "--batch", "1", "--device", "cpu",
		"--precision", precisions, "--helpers", "none", "--json")
	var result stages.BenchmarkResult
	if err := json.Unmarshal([]byte(r.out), &result); err != nil {
		t.Fatal(err)
	}
	models := map[string]stages.BenchmarkModel{}
	for _, m := range result.Models {
		models[m.Precision] = m
	}
	return models
}

// TestStoredPrecisions: what training stores of int8 is what benchmark measures, by another way, and auto goes by it.
func TestStoredPrecisions(t *testing.T) {
	var card struct {
		Precisions map[string]struct {
			Tags       int      `json:"tags"`
			Equal      float64  `json:"tags_equal"`
			Difference *float64 `json:"pii_f1_difference"`
		} `json:"precisions"`
	}
	if err := json.Unmarshal(read(t, trained(t).path("model/pii.json")), &card); err != nil {
		t.Fatal(err)
	}
	models := benchmarked(t, trained(t).path("model"), "fp32,int8,auto")
	int8, fp32 := models["int8"], models["fp32"]
	stored, ok := card.Precisions["int8"]
	if int8.Missing != "" {
		t.Skip("this processor has no int8: " + int8.Missing)
	}
	if !ok || stored.Tags == 0 || math.Abs(stored.Equal-*int8.TagsEqual) > 1e-9 {
		t.Errorf("stored is %+v, measured %v of the tags", stored, *int8.TagsEqual)
	}
	if measured := *int8.PIIF1 - *fp32.PIIF1; stored.Difference == nil || math.Abs(*stored.Difference-measured) > 1e-9 {
		t.Errorf("stored is %v, measured a difference of %v", stored.Difference, measured)
	}
	if fp32.Auto != "" && !strings.Contains(fp32.Auto, "too few tags") {
		t.Errorf("auto is fp32 because %s", fp32.Auto)
	}
}

func TestAutoByCard(t *testing.T) {
	var machine stages.DoctorReport
	if err := json.Unmarshal([]byte(pii(t, "doctor", "--json").out), &machine); err != nil {
		t.Fatal(err)
	}
	figures := func(equal float64) map[string]any {
		return map[string]any{"tags": 9000, "tags_equal": equal, "pii_f1_difference": 0.001, "input_bits": 7}
	}
	near := edited(t, func(card map[string]any) {
		card["precisions"] = map[string]any{"int8": figures(0.9985), "bf16": figures(0.5)}
	})
	want := "fp32"
	if len(machine.Auto) > 0 && strings.Contains(strings.Join(machine.Auto, " "), "int8") {
		want = "int8"
	}
	models := benchmarked(t, near, "fp32,auto")
	if m, ok := models[want]; !ok || m.Auto == "" || want == "int8" && !strings.Contains(m.Auto, "99.850 % of 9000 tags") {
		t.Errorf("auto is not %s: %+v", want, models)
	}
	out := filepath.Join(t.TempDir(), "out.jsonl")
	must(t, "predict", "--model-dir", near, "--input", trained(t).dev, "--output", out, "--device", "cpu").want(t, exitDone, "precision "+want+": ")
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	old := edited(t, func(card map[string]any) { delete(card, "precisions") })
	if m := benchmarked(t, old, "auto"); m["int8"].Precision != "" {
		t.Errorf("of a model that nobody measured, auto is %+v", m)
	}
}
