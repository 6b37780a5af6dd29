package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pii/data/synth"
)

// project is a run on small files, with all that a test changes in a folder of its own.
type project struct {
	files
	t *testing.T
}

func newProject(t *testing.T) project {
	f := makeFiles(t)
	transcripts(t, f.path("test.jsonl"), synth.Test, 10)
	return project{f, t}
}

// args is a command on the run with settings that make it small. The threshold is 0 and O counts for little, because a model that
// has hardly been trained is sure of nothing else, and predictions without spans would all be equal.
func (p project) args(command []string, more ...string) []string {
	args := append(append([]string(nil), command...), "--runs-dir", p.path("runs"), "--train", p.train, "--dev", p.dev,
		"--test", p.path("test.jsonl"), "--stress", "none", "--benchmark-devices", "cpu", "--runs", "3",
		"--pii-threshold", "0", "--class-weights", "O=0.02")
	return append(append(args, small...), more...)
}

// all is `pii run all` with further flags; status is `pii status`.
func (p project) all(more ...string) result {
	return pii(p.t, p.args([]string{"run", "all"}, more...)...)
}

func (p project) status(more ...string) result {
	return pii(p.t, p.args([]string{"status"}, more...)...)
}

// ran lists the stages that a log says were run, by what --explain says of each.
func ran(log string) string {
	var stages []string
	for _, line := range strings.Split(log, "\n") {
		if name, _, ok := strings.Cut(line, ": runs because "); ok {
			stages = append(stages, name)
		}
	}
	return strings.Join(stages, " ")
}

func TestRunGoesOnlyWhereSomethingChanged(t *testing.T) {
	p := newProject(t)
	p.status().want(t, exitStale)
	first := p.all("--explain")
	first.want(t, exitDone, "tokenize: runs because it has no output yet")
	if !strings.Contains(first.out, "PII precision") || !strings.Contains(first.out, "target: cpu: p95") {
		t.Errorf("the summary says:\n%s", first.out)
	}
	expect := func(want string, more ...string) result {
		t.Helper()
		r := p.all(append(more, "--explain")...)
		r.want(t, exitDone)
		if got := ran(r.log); got != want {
			t.Fatalf("with %v ran %q, want %q\n%s", more, got, want, r.log)
		}
		return r
	}
	if again := expect(""); strings.Count(again.log, ": fresh") != 5 || again.out != first.out {
		t.Errorf("the second time:\n%s%s", again.log, again.out)
	}
	p.status().want(t, exitDone)
	later := time.Now().Add(time.Hour)
	for _, path := range []string{p.train, p.dev, p.path("test.jsonl")} {
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
	expect("")
	// Targets are no part of what is on disk: nothing runs again, and one that was set and is missed is still told.
	expect("", "--target-pii-precision", "0")
	for _, more := range [][]string{{"--target-pii-recall", "1"}, {"--target-p95", "1ns"}} {
		for range 2 {
			r := p.all(append(more, "--explain")...)
			r.want(t, exitMissed, "pii: missed: ", "evaluate: fresh", "benchmark: fresh")
			if !strings.Contains(r.out, "MISSED") {
				t.Errorf("with %v the summary says:\n%s", more, r.out)
			}
		}
		p.status(more...).want(t, exitDone)
		p.all(append(more, "--dry-run")...).want(t, exitDone)
	}
	p.all("--config", p.path("runs/default/pii.yaml")).want(t, exitMissed) // where the last call wrote what was set
	p.all("--target-p95", "1h").want(t, exitDone)
	expect("evaluate", "--slice-by", "source")
	expect("evaluate")

	dry := p.all("--epochs", "2", "--dry-run")
	dry.want(t, exitDone, "tokenize: fresh", "train: would run (epochs changed from 1 to 2)", "predict: may run (it waits for train)")
	if dry.out != "" {
		t.Errorf("a dry run prints results: %s", dry.out)
	}
	stale := p.status("--epochs", "2", "--json")
	stale.want(t, exitStale)
	var states []struct {
		Stage string
		Fresh bool
	}
	if err := json.Unmarshal([]byte(stale.out), &states); err != nil || len(states) != 5 || !states[0].Fresh || states[1].Fresh {
		t.Errorf("%v: %s", err, stale.out)
	}
	r := expect("train predict evaluate benchmark", "--epochs", "2")
	r.want(t, exitDone, "train: runs because epochs changed from 1 to 2", "predict: runs because content of train/model/ changed from")
	expect("", "--epochs", "2")
	p.status("--epochs", "2").want(t, exitDone)
	expect("predict", "--epochs", "2", "--force=predict") // equal output stops the wave
}

func TestRunSelections(t *testing.T) {
	p := newProject(t)
	expect := func(want string, more ...string) {
		t.Helper()
		r := p.all(append(more, "--explain")...)
		r.want(t, exitDone)
		if got := ran(r.log); got != want {
			t.Fatalf("with %v ran %q, want %q\n%s", more, got, want, r.log)
		}
	}
	p.all("--only", "predict").want(t, exitFailed, "run that stage first (pii run train)")
	expect("tokenize", "--until", "tokenize")
	expect("train predict", "--until", "predict")
	expect("evaluate benchmark", "--from", "evaluate")
	expect("predict", "--only", "predict", "--force")
	expect("tokenize", "--force=tokenize")
	expect("predict benchmark", "--from", "predict", "--force=predict,benchmark")
	r := pii(t, p.args([]string{"run", "train"}, "--epochs", "2")...)
	r.want(t, exitDone)
	if strings.Contains(r.out, "PII precision") {
		t.Errorf("the figures of another model are shown:\n%s", r.out)
	}
}

func TestRunNotesItsConfiguration(t *testing.T) {
	p := newProject(t)
	p.all("--until", "tokenize").want(t, exitDone)
	file := filepath.Join(p.path("runs"), "default", "pii.yaml")
	r := pii(t, "status", "--runs-dir", p.path("runs"), "--config", file)
	r.want(t, exitStale)
	if !strings.Contains(r.out, "tokenize   fresh") {
		t.Errorf("the run's own configuration is another:\n%s", r.out)
	}
}

// TestSameSeedSameBytes trains and predicts twice in two folders.
func TestSameSeedSameBytes(t *testing.T) {
	a, b := newProject(t), newProject(t)
	for _, p := range []project{a, b} {
		p.all("--until", "predict").want(t, exitDone)
	}
	runA, runB := a.path("runs/default"), b.path("runs/default")
	sameFiles(t, filepath.Join(runA, "tokenize"), filepath.Join(runB, "tokenize"), "train.arrow", "dev.arrow", "vocab.txt", "tokenizer.json")
	sameFiles(t, filepath.Join(runA, "train/model"), filepath.Join(runB, "train/model"), modelNames[:7]...)
	sameFiles(t, filepath.Join(runA, "predict"), filepath.Join(runB, "predict"), "dev.jsonl", "test.jsonl")
}
