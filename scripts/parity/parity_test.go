package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParity(t *testing.T) {
	var table bytes.Buffer
	passed, err := print(&table, check("testdata"), false)
	if err != nil || !passed {
		t.Errorf("%v\n%s", err, &table)
	}
	t.Logf("\n%s", &table)
}

// A comparison that cannot fail says nothing: each is shown fixtures with one thing wrong.
func TestEveryComparisonCanFail(t *testing.T) {
	for _, c := range []struct {
		file, from, to string
		check          func(string) []row
		fails          []string
	}{
		{"tokenization.jsonl", `"ids": [2, `, `"ids": [1, `, checkTokenization,
			[]string{"token ids and offsets, vocab.txt", "token ids and offsets, tokenizer.json"}},
		{"windows.jsonl", `"offsets": [[0, 0], [0, `, `"offsets": [[0, 0], [1, `, checkTokenization, []string{"windows with stride"}},
		{"logits.json", `"logits": [[[`, `"logits": [[[9`, checkModel,
			[]string{"logits, model.safetensors", "logits, pytorch_model.bin", "logits, saved and loaded again"}},
		{"training.json", `"warmup_steps": 3`, `"warmup_steps": 4`, checkTraining, []string{"training: learning rate, relative"}},
		{"training.json", `"grad_norm": `, `"grad_norm": 1`, checkTraining, []string{"training: gradient norm, relative"}},
		{"training.json", `"loss": `, `"loss": 1`, checkTraining, []string{"training: loss of each step, relative"}},
		{"training.json", `"logits": [[[`, `"logits": [[[9`, checkTraining, []string{"training: logits after the last step"}},
		{"metrics.json", `"support": 2`, `"support": 3`, checkScores, []string{"seqeval's report, strict, from tags"}},
		{"metrics.json", `"correct": 123`, `"correct": 124`, checkScores, []string{"SemEval counts, overall"}},
		{"metrics.json", `"correct": 15`, `"correct": 16`, checkScores, []string{"SemEval counts, by type"}},
		{"aggregation.json", `"start": 0`, `"start": 1`, checkAggregation, []string{"aggregation: spans, labels, words"}},
		{"aggregation.json", `"score": 0.`, `"score": 0.9`, checkAggregation, []string{"aggregation: scores"}},
	} {
		t.Run(c.file+" "+c.to, func(t *testing.T) {
			dir := spoilt(t, c.file, c.from, c.to)
			failed := map[string]bool{}
			for _, r := range c.check(dir) {
				failed[r.what] = !r.passes()
			}
			for _, what := range c.fails {
				if !failed[what] {
					t.Errorf("%s passes", what)
				}
			}
		})
	}
}

// spoilt is a copy of the fixtures in which one thing is wrong, and a part of a whole is still right.
func spoilt(t *testing.T, file, from, to string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(content), from, to, 1)
	if changed == string(content) {
		t.Fatalf("%s has no %s", file, from)
	}
	if err := os.WriteFile(path, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestFixturesThatAreMissing(t *testing.T) {
	rows := check(t.TempDir())
	for _, r := range rows {
		if r.passes() || r.err == nil {
			t.Errorf("%s passes without a fixture", r.what)
		}
	}
	for _, mayLack := range []bool{true, false} {
		if passed, err := print(io.Discard, rows, mayLack); passed || err != nil {
			t.Errorf("no fixture at all passes, %v", err)
		}
	}
	some := append(rows, row{what: "one that is there", compared: 1})
	for mayLack, want := range map[bool]bool{true: true, false: false} {
		if passed, err := print(io.Discard, some, mayLack); passed != want || err != nil {
			t.Errorf("fixtures may be missing is %v: passed is %v, %v", mayLack, passed, err)
		}
	}
}
