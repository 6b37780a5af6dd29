package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pii/data/synth"
	"pii/stages"
)

// marker stands in the text of each malformed transcript; no message may quote it.
const marker = "xylophone"

// badInput is a file that is not one of good transcripts, and what must be said of it.
type badInput struct {
	name, content string
	want          []string
	unlabelled    bool // it is wrong for prediction too
}

func badInputs(t *testing.T) []badInput {
	line := func(id, entities string) string {
		return fmt.Sprintf(`{"id":%s,"text":"my %s is mine","entities":%s}`, id, marker, entities) + "\n"
	}
	good := line(`"a"`, "[]")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	if _, err := w.Write([]byte(good + strings.Repeat(" \n", 1000))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return []badInput{
		{"encoding", good + strings.Replace(line(`"b"`, "[]"), "mine", "m\xffne", 1), []string{":2", "UTF-8"}, true},
		{"json", good + good[:len(good)-4] + "\n", []string{":2", "JSON"}, true},
		{"words", good + marker + "\n", []string{":2", "JSON"}, true},
		{"array", `["` + marker + `"]`, []string{":1", "an array"}, true},
		{"id type", good + line("7", "[]"), []string{":2: id", "a number"}, true},
		{"text type", `{"id":"a","text":["` + marker + `"],"entities":[]}`, []string{":1: text", "an array"}, true},
		{"entities type", line(`"a"`, `"`+marker+`"`), []string{":1: entities", "a string"}, true},
		{"id missing", good + `{"text":"` + marker + `","entities":[]}`, []string{":2: id", "missing"}, true},
		{"id twice", good + good, []string{":2: id", "earlier"}, true},
		{"out of range", line(`"a"`, `[{"start":3,"end":99,"label":"CITY"}]`), []string{":1: entities[0].end", "99"}, true},
		{"empty span", line(`"a"`, `[{"start":3,"end":3,"label":"CITY"}]`), []string{":1: entities[0].end"}, true},
		{"overlap", line(`"a"`, `[{"start":3,"end":7,"label":"CITY"},{"start":5,"end":9,"label":"CITY"}]`), []string{":1: entities[1]", "overlaps"}, true},
		{"label", line(`"a"`, `[{"start":3,"end":7,"label":"CTIY"}]`), []string{":1: entities[0].label", "CITY"}, false},
		{"unlabelled", `{"id":"a","text":"` + marker + `"}`, []string{":1: entities", "missing"}, false},
		{"empty", "", []string{"is empty"}, true},
		{"blank", "\n \n", []string{"is empty"}, true},
		{"gzip", zipped.String()[:zipped.Len()-12], []string{"cut off"}, true},
	}
}

// wantFault checks that a call failed with one line that says all this, and quotes no transcript.
func wantFault(t *testing.T, r result, want ...string) {
	t.Helper()
	if r.code != exitFailed && r.code != exitUsage {
		t.Errorf("exit code %d", r.code)
	}
	said := strings.Split(strings.TrimSpace(r.log), "\n")
	last := said[len(said)-1]
	if !strings.HasPrefix(last, "pii: ") {
		t.Errorf("the last line is no error: %s", last)
	}
	for _, text := range want {
		if !strings.Contains(last, text) {
			t.Errorf("the error does not say %q", text)
		}
	}
	if strings.Contains(r.log+r.out, marker) {
		t.Error("a transcript is quoted")
	}
	if strings.Count("\n"+r.log, "\npii: ") != 1 {
		t.Error("there are several errors")
	}
	if t.Failed() {
		t.Logf("standard error:\n%s", r.log)
	}
}

func TestMalformedTranscripts(t *testing.T) {
	f := trained(t)
	good := makeFiles(t)
	out := good.path("out")
	must(t, good.trainArgs(out)...)
	none := write(t, good.path("none.jsonl"), `{"id":"a","entities":[]}`+"\n")
	predicted := good.path("pred.jsonl")
	must(t, "predict", "--model-dir", f.path("model"), "--input", good.dev, "--output", predicted)
	before, prediction := read(t, filepath.Join(out, "model.safetensors")), read(t, predicted)
	dir := t.TempDir()
	for _, bad := range badInputs(t) {
		t.Run(bad.name, func(t *testing.T) {
			path := write(t, filepath.Join(dir, bad.name+".jsonl"), bad.content)
			want := append([]string{path}, bad.want...)
			train := good
			train.train = path
			wantFault(t, pii(t, train.trainArgs(out)...), want...)
			dev := good
			dev.dev = path
			wantFault(t, pii(t, dev.trainArgs(out)...), want...)
			wantFault(t, pii(t, "evaluate", "--gold", path, "--pred", none), want...)
			predict := pii(t, "predict", "--model-dir", f.path("model"), "--input", path, "--output", filepath.Join(dir, "new.jsonl"))
			if bad.unlabelled {
				wantFault(t, predict, want...)
				leftovers(t, dir, bad.name+".jsonl")
				wantFault(t, pii(t, "predict", "--model-dir", f.path("model"), "--input", path, "--output", predicted), want...)
				wantFault(t, pii(t, "benchmark", "--model-dir", f.path("model"), "--input", path, "--device", "cpu"), want...)
			}
			os.RemoveAll(filepath.Join(dir, "new.jsonl"))
			os.Remove(path)
		})
	}
	if !bytes.Equal(before, read(t, filepath.Join(out, "model.safetensors"))) || !bytes.Equal(prediction, read(t, predicted)) {
		t.Error("the last good results were changed")
	}
}

func TestInputsThatAreNoFiles(t *testing.T) {
	f := trained(t)
	model, dir := f.path("model"), t.TempDir()
	missing := filepath.Join(dir, "missing.jsonl")
	for _, path := range []string{dir, missing} {
		other := f
		other.train = path
		wantFault(t, pii(t, other.trainArgs(filepath.Join(dir, "out"))...), path)
		for _, output := range []string{filepath.Join(dir, "p.jsonl"), "-"} {
			wantFault(t, pii(t, "predict", "--model-dir", model, "--input", path, "--output", output), path)
		}
		wantFault(t, pii(t, "evaluate", "--gold", path, "--pred", f.dev), path)
		wantFault(t, pii(t, "evaluate", "--gold", f.dev, "--pred", path), path)
		wantFault(t, pii(t, "data", "validate", path), path)
		wantFault(t, pii(t, "benchmark", "--model-dir", model, "--input", path), path)
		wantFault(t, pii(t, "status", "--runs-dir", dir, "--train", path), path)
	}
	wantFault(t, pii(t, "predict", "--model-dir", model, "--input", "builtin:tset"), "tset")
	other := f
	other.dev = missing
	wantFault(t, pii(t, other.trainArgs(filepath.Join(dir, "out"))...), "reading dev: there is no file "+missing)
	wantFault(t, pii(t, "train", "--out-dir", filepath.Join(dir, "out"), "--config", missing), missing)
}

func TestPipesAsInput(t *testing.T) {
	f := trained(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	content := read(t, f.dev)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(fifo, content, 0o666) }()
	r := must(t, "predict", "--model-dir", f.path("model"), "--input", fifo)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if strings.Count(r.out, "\n") != lines(content) {
		t.Errorf("%d predictions for %d transcripts", strings.Count(r.out, "\n"), lines(content))
	}
	other := f
	other.train = fifo
	wantFault(t, pii(t, other.trainArgs(filepath.Join(t.TempDir(), "out"))...), fifo, "a device or a pipe")
}

func TestPipesInAModelFolder(t *testing.T) {
	for _, name := range []string{"model.safetensors", "tokenizer.json", "config.json", "pii.json"} {
		dir := copyModel(t)
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o666)); err != nil {
			t.Fatal(err)
		}
		wantFault(t, pii(t, "predict", "--model-dir", dir, "--input", trained(t).dev), path)
	}
}

// copyModel is a model folder that a test may spoil.
func copyModel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(trained(t).path("model"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBadModels(t *testing.T) {
	f := trained(t)
	edit := func(name string, change func([]byte) []byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			write(t, path, string(change(read(t, path))))
		}
	}
	remove := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace := func(name, old, new string) func(t *testing.T, dir string) {
		return edit(name, func(content []byte) []byte {
			if !bytes.Contains(content, []byte(old)) {
				t.Fatalf("%s has no %s", name, old)
			}
			return bytes.Replace(content, []byte(old), []byte(new), 1)
		})
	}
	cut := func(name string, n int) func(t *testing.T, dir string) {
		return edit(name, func(content []byte) []byte { return content[:min(n, len(content))] })
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
	}{
		{"no weights", remove("model.safetensors"), "model.safetensors"},
		{"no configuration", remove("config.json"), "config.json"},
		{"weights without a header", cut("model.safetensors", 5), "model.safetensors"},
		{"weights cut in the header", cut("model.safetensors", 200), "model.safetensors"},
		{"weights cut off", cut("model.safetensors", 100_000), "model.safetensors"},
		{"no JSON", cut("config.json", 50), "config.json"},
		{"another model", replace("config.json", `"distilbert"`, `"bert"`), "model_type"},
		{"another shape", replace("config.json", `"n_layers": 3`, `"n_layers": 4`), "layer.3"},
		{"a smaller vocabulary", replace("config.json", `"vocab_size": 300`, `"vocab_size": 200`), "word_embeddings"},
		{"a tag that is not BIO", replace("config.json", `"B-PHONE"`, `"PHONE"`), "PHONE"},
		{"no tokenizer", func(t *testing.T, dir string) { remove("tokenizer.json")(t, dir); remove("vocab.txt")(t, dir) }, "vocab.txt"},
		{"a broken tokenizer", cut("tokenizer.json", 100), "tokenizer.json"},
		{"a larger tokenizer", func(t *testing.T, dir string) {
			remove("tokenizer.json")(t, dir)
			edit("vocab.txt", func(content []byte) []byte { return append(content, "[one]\n[more]\n"...) })(t, dir)
		}, "the tokenizer has 302 pieces, the model only 300"},
		{"a broken card", cut("pii.json", 10), "pii.json"},
		{"a card without sense", replace("pii.json", `"max_length": 64`, `"max_length": 0`), "pii.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyModel(t)
			c.spoil(t, dir)
			wantFault(t, pii(t, "predict", "--model-dir", dir, "--input", f.dev), dir, c.want)
			out := t.TempDir()
			wantFault(t, pii(t, "predict", "--model-dir", dir, "--input", f.dev, "--output", filepath.Join(out, "p.json")), dir, c.want)
			leftovers(t, out)
			wantFault(t, pii(t, "benchmark", "--model-dir", dir, "--input", f.dev, "--device", "cpu"), dir, c.want)
		})
	}
	wantFault(t, pii(t, "predict", "--model-dir", f.dev, "--input", f.dev), f.dev, "not a model folder")
	wantFault(t, pii(t, "predict", "--model-dir", t.TempDir(), "--input", f.dev), "config.json and no model.safetensors")
	nowhere := filepath.Join(t.TempDir(), "runs", "default", "train", "model")
	wantFault(t, pii(t, "predict", "--model-dir", nowhere, "--input", f.dev), "there is no folder "+nowhere, "pii train")
}

// TestPredictSparesWhatItReads: the output must not replace a file that the prediction reads.
func TestPredictSparesWhatItReads(t *testing.T) {
	f, dir, model := trained(t), t.TempDir(), copyModel(t)
	allow, deny := write(t, filepath.Join(dir, "allow.txt"), "may\n"), write(t, filepath.Join(dir, "deny.txt"), "CITY\tLeeds\n")
	config, link := write(t, filepath.Join(dir, "settings.yaml"), "allow: "+allow+"\n"), filepath.Join(dir, "link")
	if err := os.Symlink(deny, link); err != nil {
		t.Fatal(err)
	}
	args := []string{"predict", "--model-dir", model, "--input", f.dev, "--deny", link, "--config", config}
	for path, what := range map[string]string{allow: "the file of --allow", deny: "the file of --deny", link: "the file of --deny",
		config: "the file of settings", filepath.Join(model, "config.json"): "config.json of the model",
		filepath.Join(model, "model.safetensors"): "model.safetensors of the model", filepath.Join(model, "pii.json"): "pii.json of the model",
		filepath.Join(model, "tokenizer.json"): "tokenizer.json of the model"} {
		before := read(t, path)
		pii(t, append(args, "--output", path)...).want(t, exitUsage, "--output "+path+" is "+what+"; it would be overwritten")
		if !bytes.Equal(read(t, path), before) {
			t.Errorf("%s was overwritten", path)
		}
	}
	missing := filepath.Join(model, "added_tokens.json") // which the next prediction would take for the tokenizer's
	pii(t, append(args, "--output", missing)...).want(t, exitUsage, "added_tokens.json of the model")
	for range 2 {
		must(t, append(args, "--output", filepath.Join(model, "pred.jsonl"))...) // beside the model's files there is room, again too
	}
}

func TestModelWithoutCard(t *testing.T) {
	f := trained(t)
	dir := copyModel(t)
	if err := os.Remove(filepath.Join(dir, "pii.json")); err != nil {
		t.Fatal(err)
	}
	must(t, "predict", "--model-dir", dir, "--input", f.dev, "--output", filepath.Join(t.TempDir(), "p.json"))
}

func TestOutputsThatCannotBeWritten(t *testing.T) {
	f := trained(t)
	blocked := write(t, filepath.Join(t.TempDir(), "file"), "")
	wantFault(t, pii(t, f.trainArgs(filepath.Join(blocked, "out"))...), blocked)
	wantFault(t, pii(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--output", filepath.Join(blocked, "p.json")), blocked)
	wantFault(t, pii(t, "run", "all", "--runs-dir", blocked, "--train", f.train, "--dev", f.dev), blocked)
	if os.Getuid() == 0 {
		return // may write everywhere
	}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	wantFault(t, pii(t, f.trainArgs(filepath.Join(closed, "out"))...), closed)
	wantFault(t, pii(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--output", filepath.Join(closed, "p.json")), closed)
}

// TestResultsThatCannotBeWritten has standard output on a full device.
func TestResultsThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("there is no full device here: %v", err)
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"help"}, {}, {"--help"}, {"predict", "--help"}, {"data"}, {"config"}, {"completion", "bash"},
		{"data", "synth", "--print-rates"}} {
		var log bytes.Buffer
		command := child(t, args...)
		command.Stdout, command.Stderr = full, &log
		err := command.Run()
		if command.ProcessState.ExitCode() != exitFailed || !strings.Contains(log.String(), "no space left on device") {
			t.Errorf("pii %v: %v\n%s", args, err, &log)
		}
	}
}

// smallDisk mounts a file system of the given size, or skips the test where that is not permitted.
func smallDisk(t *testing.T, kilobytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dk", kilobytes)); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk trains where the disk is full at various moments: there is one clear error, and a model that was there
// before is still whole. With room again, the same command works.
func TestFullDisk(t *testing.T) {
	f := makeFiles(t)
	disk := smallDisk(t, 64<<10)
	out := filepath.Join(disk, "out")
	must(t, f.trainArgs(out)...)
	must(t, "predict", "--model-dir", out, "--input", f.dev, "--output", filepath.Join(disk, "p.jsonl"))
	model, prediction := read(t, filepath.Join(out, "model.safetensors")), read(t, filepath.Join(disk, "p.jsonl"))
	ballast := filepath.Join(disk, "ballast")
	for _, free := range []int{0, 4 << 10, 2 << 20, 8 << 20, 14 << 20, 18 << 20, 22 << 20} {
		fill(t, ballast, disk, free)
		r := pii(t, f.trainArgs(out, "--seed", "9")...)
		if r.code == exitDone {
			break // there was enough room
		}
		wantFault(t, r, "no space left on device", disk)
		if free == 0 {
			wantFault(t, pii(t, "predict", "--model-dir", out, "--input", f.dev, "--output", filepath.Join(disk, "p.jsonl")), "no space left on device", disk)
			wantFault(t, pii(t, "data", "synth", "--out-dir", filepath.Join(disk, "synth")), "no space left on device", disk)
		}
		if !bytes.Equal(model, read(t, filepath.Join(out, "model.safetensors"))) || !bytes.Equal(prediction, read(t, filepath.Join(disk, "p.jsonl"))) {
			t.Fatalf("with %d bytes free: the last good results were changed", free)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		must(t, "predict", "--model-dir", out, "--input", f.dev, "--output", filepath.Join(disk, "p.jsonl"))
	}
	if err := os.RemoveAll(ballast); err != nil {
		t.Fatal(err)
	}
	must(t, f.trainArgs(out, "--seed", "9")...)
	if bytes.Equal(model, read(t, filepath.Join(out, "model.safetensors"))) {
		t.Error("with room again, no new model was written")
	}
}

// fill leaves so many bytes free on a disk.
func fill(t *testing.T, ballast, disk string, free int) {
	t.Helper()
	var stat syscall.Statfs_t
	if err := syscall.Statfs(disk, &stat); err != nil {
		t.Fatal(err)
	}
	size := int(stat.Bavail)*int(stat.Bsize) - free
	if err := os.WriteFile(ballast, make([]byte, max(0, size)), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestDivergedTraining(t *testing.T) {
	f := makeFiles(t)
	wantFault(t, pii(t, f.trainArgs(f.path("out"), "--lr", "1e30", "--epochs", "3", "--max-grad-norm", "0")...), "diverged", "lower lr")
}

func TestPredictionsOfOtherTranscripts(t *testing.T) {
	f := trained(t)
	pred := filepath.Join(t.TempDir(), "p.jsonl")
	must(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--output", pred)
	other := transcripts(t, filepath.Join(t.TempDir(), "other.jsonl"), synth.Dev, 13)
	wantFault(t, pii(t, "evaluate", "--gold", other, "--pred", pred), pred, "no prediction for transcript", ids(t, other)[12])
	fewer := transcripts(t, filepath.Join(t.TempDir(), "fewer.jsonl"), synth.Dev, 11)
	wantFault(t, pii(t, "evaluate", "--gold", fewer, "--pred", pred), pred, "1 predictions are of transcripts")
	wantFault(t, pii(t, "evaluate", "--gold", f.dev, "--pred", pred, "--labels", "NOTHING"), f.dev, ":")
}

// TestNothingTimed: a benchmark of which no row has figures is none, as where the driver of a GPU is gone.
func TestNothingTimed(t *testing.T) {
	f := trained(t)
	r := pii(t, "benchmark", "--model-dir", f.path("model"), "--input", f.dev, "--device", "cpu", "--precision", "fp16")
	wantFault(t, r, "nothing was timed")
	if !strings.Contains(r.out, "on the CPU there are") {
		t.Errorf("it does not say why:\n%s", r.out)
	}
}

// TestInterruptedWithoutSaving: only a command that saves something says that it goes on from there.
func TestInterruptedWithoutSaving(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"pii", "data", "validate", "builtin:train"}, "begins anew"},
		{[]string{"pii", "run", "all"}, "goes on"},
	} {
		in, log := openTemp(t, ""), openTemp(t, "")
		stdin, stderr := os.Stdin, os.Stderr
		os.Stdin, os.Stderr = in, log
		env := stages.NewEnv(ctx)
		code := exitCode(ctx, newApp(env).RunContext(ctx, c.args))
		env.Close()
		os.Stdin, os.Stderr = stdin, stderr
		if said := readBack(t, log); code != exitInterrupted || !strings.Contains(said, c.want) {
			t.Errorf("%v: exit code %d, %s", c.args, code, said)
		}
	}
}

// TestOffsetsThatCountBytes: spans beside the words are said to be there by whatever reads labelled transcripts.
func TestOffsetsThatCountBytes(t *testing.T) {
	f := makeFiles(t)
	f.train = write(t, f.path("bytes.jsonl"), `{"id":"a","text":"zoë: i am `+marker+` then","entities":[{"start":11,"end":20,"label":"CITY"}]}`+"\n")
	must(t, "data", "validate", f.train).want(t, exitDone, f.train+": spans that begin or end inside a word or with white space: 1, the first on line 1")
	must(t, f.trainArgs(f.path("out"))...).want(t, exitDone, "white space: 1, the first on line 1; offsets count code points")
}
