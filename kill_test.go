package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is pii as a process of its own, whose log can be watched.
type process struct {
	*exec.Cmd
	mutex sync.Mutex
	log   strings.Builder
	ended chan struct{}
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: child(t, args...), ended: make(chan struct{})}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			p.mutex.Lock()
			p.log.WriteString(scanner.Text() + "\n")
			p.mutex.Unlock()
		}
		p.Wait() // the exit code tells
	}()
	t.Cleanup(func() { p.Process.Kill(); <-p.ended })
	return p
}

func (p *process) said() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.log.String()
}

// until looks every now and then whether the condition holds, and reports false if the process ended first.
func (p *process) until(condition func() bool) bool {
	tick := time.NewTicker(300 * time.Microsecond)
	defer tick.Stop()
	for {
		select {
		case <-p.ended:
			return false
		case <-tick.C:
			if condition() {
				return true
			}
		}
	}
}

func (p *process) untilSaid(t *testing.T, text string) {
	t.Helper()
	if !p.until(func() bool { return strings.Contains(p.said(), text) }) {
		t.Fatalf("the process ended without saying %q:\n%s", text, p.said())
	}
}

// end waits for the process and checks its exit code.
func (p *process) end(t *testing.T, code int) {
	t.Helper()
	<-p.ended
	if p.ProcessState.ExitCode() != code {
		t.Fatalf("%v, want exit code %d\n%s", p.ProcessState, code, p.said())
	}
}

// moment is when a run is killed: while it works on a stage, when something in its folder has appeared or was replaced so
// many times.
type moment struct {
	stage   string
	pattern string // in the run's folder
	times   int
}

// moments cover every stage: while it works, while it saves, and around its commit.
var moments = []moment{
	{"tokenize", "lock", 1}, {"tokenize", ".tmp-tokenize", 1}, {"tokenize", ".tmp-tokenize/train.arrow", 1},
	{"tokenize", ".tmp-tokenize/tokenize.json", 1}, {"tokenize", "tokenize/stage.json", 1},
	{"train", ".tmp-train", 1}, {"train", "checkpoints/train/*", 1}, {"train", "checkpoints/train/*/.state*", 1},
	{"train", "checkpoints/train/*/state.safetensors", 1}, {"train", "checkpoints/train/*/state.safetensors", 2},
	{"train", "checkpoints/train/*/best-1", 1}, {"train", "checkpoints/train/*/.state*", 2},
	{"train", "checkpoints/train/*/state.safetensors", 2}, {"train", "checkpoints/train/*/best-[2-9]/model.safetensors", 1},
	{"train", "checkpoints/train/*/state.safetensors", 1}, {"train", ".tmp-train/model/vocab.txt", 1}, {"train", "train/stage.json", 1},
	{"predict", ".tmp-predict", 1}, {"predict", "checkpoints/predict/*/dev.jsonl", 1}, {"predict", "checkpoints/predict/*/test.jsonl", 1},
	{"predict", "checkpoints/predict/*/test.jsonl", 1}, {"predict", ".tmp-predict/dev.jsonl", 1}, {"predict", "predict/stage.json", 1},
	{"evaluate", ".tmp-evaluate", 1}, {"evaluate", "evaluate/stage.json", 1}, {"benchmark", ".tmp-benchmark", 1},
}

// reached makes the condition that the moment has come, counting from now.
func (m moment) reached(dir string) func() bool {
	last := m.look(dir)
	seen := 0
	return func() bool {
		if now := m.look(dir); now != last {
			last = now
			if now != "" {
				seen++
			}
		}
		return seen >= m.times
	}
}

// look tells what is at the moment's place apart from what was there at another time.
func (m moment) look(dir string) string {
	found, _ := filepath.Glob(filepath.Join(dir, m.pattern)) // the patterns are good ones
	var marks strings.Builder
	for _, path := range found {
		if info, err := os.Stat(path); err == nil {
			inode := uint64(0)
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				inode = stat.Ino
			}
			fmt.Fprint(&marks, path, inode, info.ModTime().UnixNano(), " ")
		}
	}
	return marks.String()
}

// killArgs are a run with two chunks to predict and a checkpoint at every step of training.
func (p project) killArgs(run string) []string {
	return p.args([]string{"run", "all"}, "--run", run, "--epochs", "6", "--batch-size", "8", "--checkpoint-every", "1ns",
		"--predict-batch-tokens", "512")
}

func longTestSet(t *testing.T, path string, n int) {
	t.Helper()
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":"t%d","text":"call %d from boston","entities":[]}`+"\n", i, i)
	}
	write(t, path, b.String())
}

// TestKilledRunsEndAlike kills a run at many moments and lets it go on each time. What comes out in the end is what comes
// out of a run that was never killed, byte for byte.
func TestKilledRunsEndAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some thirty processes")
	}
	p := newProject(t)
	longTestSet(t, p.path("test.jsonl"), 700)
	must(t, p.killArgs("whole")...)
	dir := p.path("runs/killed")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, m := range moments {
		condition := m.reached(dir)
		process := start(t, append(p.killArgs("killed"), "--until", m.stage)...)
		if !process.until(condition) {
			process.end(t, exitDone)
			t.Logf("%v never came", m)
			continue
		}
		process.Process.Kill()
		<-process.ended
		if process.ProcessState.ExitCode() == -1 {
			killed++
		}
		if halves, _ := filepath.Glob(filepath.Join(dir, "checkpoints/*/*/.*")); len(halves) > 1 { // a good pattern
			t.Errorf("what kills leave half-written adds up: %v", halves)
		}
	}
	if killed < 20 {
		t.Errorf("only %d of %d moments came", killed, len(moments))
	}
	r := must(t, p.killArgs("killed")...)
	t.Logf("killed %d times; the last run said:\n%s", killed, r.log)
	whole := p.path("runs/whole")
	sameFiles(t, filepath.Join(whole, "predict"), filepath.Join(dir, "predict"), "dev.jsonl", "test.jsonl")
	sameFiles(t, filepath.Join(whole, "train/model"), filepath.Join(dir, "train/model"), modelNames[:7]...)
	sameFiles(t, filepath.Join(whole, "train"), filepath.Join(dir, "train"), "metrics.jsonl")
	sameFiles(t, filepath.Join(whole, "evaluate"), filepath.Join(dir, "evaluate"), "dev.json", "test.json")
	noTemporaries(t, dir)
}

// noTemporaries checks that neither hidden files nor checkpoints are left in a run.
func noTemporaries(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (entry.Name()[0] == '.' || filepath.Base(filepath.Dir(path)) == "checkpoints") {
			t.Errorf("%s is left behind", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignalsEndATrainingThatGoesOn(t *testing.T) {
	f := makeFiles(t)
	long := []string{"--epochs", "5", "--batch-size", "8", "--gradient-accumulation-steps", "2", "--lr-scheduler-type", "cosine",
		"--class-weights", "balanced", "--freeze-layers", "1", "--metric-for-best-model", "f1", "--early-stopping-patience", "4"}
	must(t, f.trainArgs(f.path("whole"), long...)...)
	for i, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		process := start(t, f.trainArgs(f.path("stopped"), long...)...)
		process.untilSaid(t, fmt.Sprintf("epoch %d of", 2+i))
		process.Process.Signal(signal)
		process.end(t, exitInterrupted)
		if !strings.Contains(process.said(), "interrupted; the same command goes on") {
			t.Errorf("%v: the log says:\n%s", signal, process.said())
		}
	}
	r := must(t, f.trainArgs(f.path("stopped"), long...)...)
	if !strings.Contains(r.log, "going on from step") {
		t.Errorf("the log says:\n%s", r.log)
	}
	sameFiles(t, f.path("whole"), f.path("stopped"), modelNames...)
}

// TestSignalEndsWaitingForInput stops a prediction whose standard input stays open and silent.
func TestSignalEndsWaitingForInput(t *testing.T) {
	f := trained(t)
	for _, args := range [][]string{{"predict", "--model-dir", f.path("model"), "--input", "-"}, {"data", "validate", "-"}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := &process{Cmd: child(t, args...)}
		p.Stdin = reader
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		reader.Close()
		// What is written must be read before the signal comes: then the process waits for more.
		if _, err := writer.Write(bytes.Repeat([]byte(" \n"), 1<<19)); err != nil {
			t.Fatal(err)
		}
		p.Process.Signal(os.Interrupt)
		p.Wait() // the exit code tells
		writer.Close()
		if p.ProcessState.ExitCode() != exitInterrupted {
			t.Errorf("%v: %v", args, p.ProcessState)
		}
	}
}

// TestSignalEndsSynth stops the making of transcripts, of which far more are asked for than anybody waits for.
func TestSignalEndsSynth(t *testing.T) {
	dir := t.TempDir()
	former := write(t, filepath.Join(dir, "train.jsonl"), "former")
	p := start(t, "data", "synth", "--set", "train", "--size", "1000000000", "--out-dir", dir)
	if !p.until(func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, ".train.jsonl.*")) // the pattern is a good one
		return len(found) > 0
	}) {
		t.Fatalf("the process ended:\n%s", p.said())
	}
	p.Process.Signal(syscall.SIGTERM)
	p.end(t, exitInterrupted)
	if !strings.Contains(p.said(), "interrupted; no file is half written") {
		t.Errorf("the log says:\n%s", p.said())
	}
	noTemporaries(t, dir)
	if string(read(t, former)) != "former" {
		t.Error("the former file was touched")
	}
}

// TestInterruptedStream stops predictions of a stream that goes on. What is said of them is true: lines that have gone out are counted, and
// of a file that would have been written there is nothing.
func TestInterruptedStream(t *testing.T) {
	f := trained(t)
	file := f.path("interrupted.jsonl")
	for _, c := range []struct{ output, said string }{
		{"-", "the predictions of the first 3 transcripts are written; to go on, give it those from number 4 on"},
		{file, "no prediction is written, and the whole input is to be read again"},
	} {
		input, theirs, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := &process{Cmd: child(t, "predict", "--model-dir", f.path("model"), "--input", "-", "--output", c.output)}
		p.Stdin, p.Stderr = input, &p.log
		out, err := p.StdoutPipe()
		if err == nil {
			err = p.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		input.Close()
		for n := range 3 {
			fmt.Fprintf(theirs, `{"id":"%d","text":"hello"}`+"\n", n)
		}
		if lines := bufio.NewScanner(out); c.output == "-" {
			for range 3 {
				lines.Scan()
			}
		} else if _, err := theirs.Write(bytes.Repeat([]byte(" \n"), 1<<19)); err != nil { // all is read when the signal comes
			t.Fatal(err)
		}
		p.Process.Signal(os.Interrupt)
		p.Wait() // the exit code tells
		theirs.Close()
		if p.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(p.log.String(), "interrupted; "+c.said) {
			t.Errorf("to %s: %v\n%s", c.output, p.ProcessState, &p.log)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is there", file)
		}
	}
}

func TestTwoAtOnce(t *testing.T) {
	p := newProject(t)
	first := start(t, p.args([]string{"run", "all"}, "--epochs", "10000")...)
	first.untilSaid(t, "epoch 1 of")
	p.all().want(t, exitFailed, "is in use by process", fmt.Sprint(first.Process.Pid), "--lock-wait")
	p.status().want(t, exitStale) // status needs no lock
	waiting := start(t, p.args([]string{"run", "all"}, "--until", "tokenize", "--lock-wait", "5m")...)
	waiting.untilSaid(t, "waiting up to")
	first.Process.Signal(os.Interrupt)
	first.end(t, exitInterrupted)
	waiting.end(t, exitDone)
	if !strings.Contains(waiting.said(), "tokenize: fresh") {
		t.Errorf("after waiting, the log says:\n%s", waiting.said())
	}
}

// TestKilledPublishing checks that what a kill leaves between the renames of a model is no model, and that the next call
// mends it.
func TestKilledPublishing(t *testing.T) {
	f := makeFiles(t)
	out := f.path("out")
	must(t, f.trainArgs(out)...)
	want := read(t, filepath.Join(out, "config.json"))
	if err := os.Remove(filepath.Join(out, "config.json")); err != nil {
		t.Fatal(err)
	}
	pii(t, "predict", "--model-dir", out, "--input", f.dev).want(t, exitFailed, "has no config.json")
	must(t, f.trainArgs(out)...)
	if !bytes.Equal(read(t, filepath.Join(out, "config.json")), want) {
		t.Error("the model was not mended")
	}
}

// TestPredictGoesOn predicts a file whose work folder holds the first chunk of an interrupted call.
func TestPredictGoesOn(t *testing.T) {
	f := trained(t)
	dir := t.TempDir()
	input := filepath.Join(dir, "in.jsonl")
	longTestSet(t, input, 1600)
	args := []string{"predict", "--pii-threshold", "0", "--predict-batch-tokens", "512", "--model-dir", f.path("model"), "--input", input, "--output"}
	must(t, append(args, filepath.Join(dir, "whole.jsonl"))...)
	output := filepath.Join(dir, "out.jsonl")
	process := start(t, append(args, output)...)
	half := func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, ".out.jsonl.pii/checkpoints/predict/*/predictions.jsonl")) // a good pattern
		return len(found) == 1 && len(read(t, found[0])) > 0
	}
	if process.until(half) {
		process.Process.Kill()
		<-process.ended
		if _, err := os.Stat(output); err == nil {
			t.Error("the output is there before it is whole")
		}
	}
	r := must(t, append(args, output)...)
	if !strings.Contains(r.log, "going on after ") {
		t.Logf("the kill came too late or too early:\n%s", r.log)
	}
	if !bytes.Equal(read(t, output), read(t, filepath.Join(dir, "whole.jsonl"))) {
		t.Error("another result after a kill")
	}
	leftovers(t, dir, "in.jsonl", "out.jsonl", "whole.jsonl")
}
