package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode"
)

// unlabelled is a copy of a file of transcripts without labels.
func unlabelled(t *testing.T, from, to string) string {
	t.Helper()
	var out bytes.Buffer
	for line := range bytes.Lines(read(t, from)) {
		var transcript struct {
			ID   string `json:"id"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(line, &transcript); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(transcript)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(text, '\n'))
	}
	return write(t, to, out.String())
}

// pretrainArgs learn from two files, one of them without labels.
func (f files) pretrainArgs(t *testing.T, out string, more ...string) []string {
	t.Helper()
	args := append([]string{"pretrain", "--input", unlabelled(t, f.train, f.path("texts.jsonl")), "--input", f.train, "--dev", f.dev,
		"--max-steps", "12", "--out-dir", out}, small...)
	return append(args, more...)
}

// TestPretrainThenTrain holds what pretrain writes, and trains from it.
func TestPretrainThenTrain(t *testing.T) {
	f := makeFiles(t)
	base, out := f.path("base"), f.path("out")
	args := f.pretrainArgs(t, base)
	must(t, args...).want(t, exitDone, "learned a vocabulary of 300 WordPieces", "dev perplexity")
	leftovers(t, base, ".pii", "config.json", "metrics.jsonl", "model.safetensors", "special_tokens_map.json", "tokenizer.json",
		"tokenizer_config.json", "vocab.txt")
	var config struct{ Architectures []string }
	if err := json.Unmarshal(read(t, filepath.Join(base, "config.json")), &config); err != nil ||
		!slices.Equal(config.Architectures, []string{"DistilBertForMaskedLM"}) {
		t.Errorf("the architectures are %v, %v", config.Architectures, err)
	}
	var heads []string
	for _, name := range tensorNames(t, filepath.Join(base, "model.safetensors")) {
		if !strings.HasPrefix(name, "distilbert.") {
			heads = append(heads, name)
		}
	}
	if want := []string{"vocab_layer_norm.bias", "vocab_layer_norm.weight", "vocab_projector.bias", "vocab_transform.bias",
		"vocab_transform.weight"}; !slices.Equal(heads, want) {
		t.Errorf("beside the body there are %v", heads)
	}
	checkPretrainMetrics(t, filepath.Join(base, "metrics.jsonl"))
	must(t, args...).want(t, exitDone, "tokenize: fresh", "pretrain: fresh")

	must(t, f.trainArgs(out, "--model", base)...).want(t, exitDone, "training goes on from "+base+", with a new classifier",
		"without what else the checkpoint has (vocab_layer_norm.bias, ")
	must(t, "predict", "--model-dir", out, "--input", f.dev)
	sameFiles(t, base, out, "vocab.txt")
	pii(t, "predict", "--model-dir", base, "--input", f.dev).want(t, exitFailed, "it is a base model", "pii train --model "+base)
	// And pretraining goes on from what there is.
	must(t, f.pretrainArgs(t, f.path("more"), "--model", base, "--mlm-probability", "0.3")...).want(t, exitDone,
		"training goes on from "+base+", with its head of masked language modelling")
	must(t, f.pretrainArgs(t, f.path("again"), "--model", out)...).want(t, exitDone,
		"whose classifier is not kept", "with a new head of masked language modelling", "(classifier.bias, classifier.weight)")
}

// tensorNames are the names in a safetensors file, sorted.
func tensorNames(t *testing.T, path string) []string {
	t.Helper()
	content := read(t, path)
	size := int(content[0]) | int(content[1])<<8 | int(content[2])<<16
	var header map[string]any
	if err := json.Unmarshal(content[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	var names []string
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func checkPretrainMetrics(t *testing.T, path string) {
	t.Helper()
	var line map[string]float64
	content := bytes.ReplaceAll(read(t, path), []byte(`,"best":true`), nil)
	first, _, _ := bytes.Cut(content, []byte("\n"))
	if err := json.Unmarshal(first, &line); err != nil {
		t.Fatal(err)
	}
	if loss := line["dev_loss"]; !(loss > 1 && loss < 7) || math.Abs(line["dev_perplexity"]-math.Exp(loss)) > 1e-9*math.Exp(loss) {
		t.Errorf("dev loss %v, perplexity %v", loss, line["dev_perplexity"])
	}
	if line["train_loss"] == 0 || line["step"] == 0 || line["lr"] == 0 {
		t.Errorf("the metrics are %s", first)
	}
}

func TestPretrainOptions(t *testing.T) {
	f := makeFiles(t)
	for _, c := range []struct{ args, said string }{
		{"--dev x --out-dir y", "--input is missing"},
		{"--input x --dev y", "--out-dir is missing"},
		{"--input x --out-dir y", "--dev is missing"},
		{"--input - --dev x --out-dir y", "read several times"},
		{"--input x --dev none --out-dir y", "dev must name a file"},
		{"--input x --dev y --out-dir z --mask-probability 0", "mask_probability must be greater than 0"},
		{"--input x --dev y --out-dir z --mask-probability 1", "mask_probability must be at least 0 and below 1"},
		{"--input x --dev y --out-dir z --labels A", "no flag --labels"},
	} {
		pii(t, append([]string{"pretrain"}, strings.Fields(c.args)...)...).want(t, exitUsage, c.said)
	}
	pii(t, "pretrain", "--input", f.path("none.jsonl"), "--dev", f.dev, "--out-dir", f.path("out")).want(t, exitFailed, "none.jsonl")
	bad := write(t, f.path("bad.jsonl"), `{"id":"a","text":"fine marker"}`+"\n"+`{"id":"b","txt":"marker"}`+"\n")
	r := pii(t, "pretrain", "--input", bad, "--dev", f.dev, "--out-dir", f.path("out"))
	r.want(t, exitFailed, "bad.jsonl:2")
	if strings.Contains(r.log, "marker") {
		t.Error("a transcript is quoted")
	}
	// What pii.yaml says of finding spans says nothing of pretraining.
	settings := write(t, f.path("pii.yaml"), "metric_for_best_model: f1\nclass_weights: balanced\ndev: "+f.dev+"\nmask_probability: 0.2\n")
	args := append([]string{"pretrain", "--config", settings, "--input", f.dev, "--out-dir", f.path("out"), "--max-steps", "1"}, small...)
	must(t, args...).want(t, exitDone, "train and dev are the same transcripts", "epoch 1 of 1: ")
}

// TestPretrainGoesOn stops a pretraining by a signal and by a kill; in the end it is as if nothing had happened.
func TestPretrainGoesOn(t *testing.T) {
	f := makeFiles(t)
	args := func(out string) []string {
		return f.pretrainArgs(t, f.path(out), "--max-steps", "0", "--epochs", "4", "--vocab-size", "200")
	}
	must(t, args("whole")...)
	for i, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		process := start(t, args("stopped")...)
		process.untilSaid(t, fmt.Sprintf("epoch %d of", 1+i))
		process.Process.Signal(signal)
		<-process.ended
	}
	must(t, args("stopped")...).want(t, exitDone, "going on from step")
	sameFiles(t, f.path("whole"), f.path("stopped"), "config.json", "model.safetensors", "metrics.jsonl", "vocab.txt", "tokenizer.json")
}

// TestPretrainingLogsNoText looks for the words of the transcripts in all that is said.
func TestPretrainingLogsNoText(t *testing.T) {
	dir := t.TempDir()
	var texts strings.Builder
	for i := range 20 {
		fmt.Fprintf(&texts, `{"id":"%d","text":"zyzzyva quokka calls the axolotl"}`+"\n", i)
	}
	input := write(t, filepath.Join(dir, "in.jsonl"), texts.String())
	r := must(t, append([]string{"pretrain", "--input", input, "--dev", input, "--out-dir", filepath.Join(dir, "out")}, small...)...)
	for _, word := range []string{"zyzzyva", "quokka", "axolotl"} {
		if strings.Contains(r.out+r.log, word) {
			t.Errorf("%s is in the log", word)
		}
	}
}

// TestReadmePretrains runs the commands of the README's section on pretraining, on small files.
func TestReadmePretrains(t *testing.T) {
	_, section, ok := strings.Cut(string(read(t, filepath.Join(sources, "README.md"))), "### Transcripts without labels\n")
	_, block, found := strings.Cut(section, "```sh\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !found || !closed {
		t.Fatal("the section is not there")
	}
	f := makeFiles(t)
	unlabelled(t, f.train, f.path("calls.jsonl"))
	unlabelled(t, f.dev, f.path("held_out.jsonl"))
	place := strings.NewReplacer("calls.jsonl", f.path("calls.jsonl"), "held_out.jsonl", f.path("held_out.jsonl"),
		"data/train.jsonl", f.train, "data/dev.jsonl", f.dev)
	folder := regexp.MustCompile(`(--out-dir|--model) (\w+)\b`)
	ran := 0
	for line := range strings.Lines(block) {
		words, isPII := strings.CutPrefix(strings.TrimRightFunc(line, unicode.IsSpace), "pii ")
		if !isPII {
			t.Fatalf("%q is no command of pii", line)
		}
		args := strings.Fields(folder.ReplaceAllString(place.Replace(words), "$1 "+f.path("$2")))
		args = append(args, "--max-steps", "2", "--max-length", "64", "--stride", "16", "--device", "cpu", "--threads", "1")
		must(t, args...)
		ran++
	}
	if ran != 2 {
		t.Errorf("%d commands ran", ran)
	}
}
