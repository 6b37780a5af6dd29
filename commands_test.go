package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"pii/data/synth"
	"pii/stages"
)

func TestGuideCommands(t *testing.T) {
	f := makeFiles(t)
	out := f.path("out")
	must(t, f.trainArgs(out)...)
	pred := filepath.Join(out, "dev_pred.json")
	must(t, "predict", "--model-dir", out, "--input", f.dev, "--output", pred, "--pii-threshold", "0.7")
	var object map[string][]struct {
		Start, End int
		Label      string
		PII        bool
	}
	if err := json.Unmarshal(read(t, pred), &object); err != nil {
		t.Fatal(err)
	}
	if len(object) != 12 {
		t.Errorf("%d transcripts are predicted, want 12", len(object))
	}
	must(t, "evaluate", "--gold", f.dev, "--pred", pred)
	r := must(t, "benchmark", "--model-dir", out, "--input", f.dev, "--runs", "3", "--device", "cpu", "--device", "cuda:99")
	for _, want := range []string{"cpu", "cuda:99, auto: ", "target: cpu: p95"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the benchmark does not say %q:\n%s", want, r.out)
		}
	}
	if again := must(t, f.trainArgs(out)...); !strings.Contains(again.log, "train: fresh") {
		t.Errorf("the second training did not say fresh:\n%s", again.log)
	}
	for _, name := range []string{"." + filepath.Base(pred) + ".pii", ".pii/publish"} {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s is left behind", name)
		}
	}
}

// TestBenchmarkCompares benchmarks twice. Three rounds are too few to tell a difference, whatever else the machine does.
func TestBenchmarkCompares(t *testing.T) {
	f := makeFiles(t)
	args := []string{"benchmark", "--model-dir", "builtin:small", "--input", f.dev, "--runs", "3", "--device", "cpu", "--precision", "fp32,auto",
		"--batch", "1", "--batch", "40"}
	former := f.path("former.json")
	content := must(t, append(args, "--json")...).out
	if err := os.WriteFile(former, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	var result stages.BenchmarkResult
	if err := json.Unmarshal([]byte(content), &result); err != nil {
		t.Fatal(err)
	}
	fp32 := result.Models[0]
	if result.Texts != 12 || fp32.Precision != "fp32" || *fp32.TagsEqual != 1 || fp32.PIIF1 == nil || len(result.Rows) != 2*len(result.Models) {
		t.Errorf("the benchmark is\n%s", content)
	}
	for _, row := range result.Rows {
		if len(row.RoundUS) != 3 || row.Total.N != 3 || row.TextsPerS <= 0 || row.SpeedUp.Value <= 0 || row.WarmUp.Calls < 6 ||
			!(*row.Padding >= 0 && *row.Padding < 1) || row.Batch == 1 && *row.Padding != 0 {
			t.Errorf("batch %d in %s is %+v", row.Batch, row.Precision, row)
		}
	}
	r := must(t, append(args, "--compare", former)...)
	if !strings.Contains(r.out, "beside "+former) || strings.Count(r.out, "too few rounds") != len(result.Rows) {
		t.Errorf("beside the former one it is\n%s", r.out)
	}
	pii(t, append(args, "--compare", f.dev)...).want(t, exitFailed, f.dev)
}

// TestTrainingOptions trains with names of run_ner and options that are off by default, and predicts with what comes of it.
func TestTrainingOptions(t *testing.T) {
	f := makeFiles(t)
	out := f.path("out")
	must(t, f.trainArgs(out, "--learning-rate", "2e-3", "--label-smoothing-factor", "0.1", "--label-all-tokens=false",
		"--max-steps", "4", "--gradient-accumulation-steps", "2", "--lr-scheduler-type", "constant")...)
	var epochs []struct {
		Step int
		LR   float64
	}
	for decoder := json.NewDecoder(bytes.NewReader(read(t, filepath.Join(out, "metrics.jsonl")))); decoder.More(); {
		epochs = append(epochs, struct {
			Step int
			LR   float64
		}{})
		if err := decoder.Decode(&epochs[len(epochs)-1]); err != nil {
			t.Fatal(err)
		}
	}
	// 40 transcripts, some of several windows, in batches of 16: two steps an epoch.
	if len(epochs) != 2 || epochs[1].Step != 4 || epochs[1].LR != 2e-3 {
		t.Errorf("the epochs are %+v", epochs)
	}
	if !strings.Contains(string(read(t, filepath.Join(out, "pii.json"))), `"first_piece": true`) {
		t.Error("the model does not say that it goes by first pieces")
	}
	must(t, "predict", "--model-dir", out, "--input", f.dev, "--output", f.path("p.jsonl"), "--pii-threshold", "0")
	for _, c := range []struct{ wrong, said string }{{"--freeze-layers=9", "freeze_layers is 9, but the model has 3 layers"},
		{"--lr=1", "two forms of the same flag"}} {
		r := pii(t, f.trainArgs(out, "--learning-rate", "1e-3", c.wrong)...)
		r.want(t, exitUsage, c.said)
	}
}

func TestPredictFormatsAgree(t *testing.T) {
	f := trained(t)
	dir := t.TempDir()
	model := f.path("model")
	toFile := filepath.Join(dir, "p.jsonl")
	must(t, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", f.dev, "--output", toFile)
	want := read(t, toFile)
	if lines(want) != 12 {
		t.Errorf("%d lines, want 12", lines(want))
	}
	if r := must(t, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", f.dev); r.out != string(want) {
		t.Error("standard output differs from a file")
	}
	input := string(read(t, f.dev))
	if r := piiWith(t, input, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", "-", "--output", "-"); r.out != string(want) {
		t.Errorf("from standard input: another result, code %d\n%s", r.code, r.log)
	}
	through := filepath.Join(dir, "new", "through.jsonl")
	if r := piiWith(t, input, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", "-", "--output", through); r.code != 0 {
		t.Fatal(r.log)
	}
	if !bytes.Equal(read(t, through), want) {
		t.Error("from standard input to a file: another result")
	}
	object := filepath.Join(dir, "p.json")
	must(t, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", f.dev, "--output", object)
	asked := must(t, "predict", "--pii-threshold", "0", "--model-dir", model, "--input", f.dev, "--format", "json")
	if asked.out != string(read(t, object)) {
		t.Error("--format json and a .json file differ")
	}
	// All of them mean the same.
	var figures []string
	for _, path := range []string{toFile, object} {
		figures = append(figures, must(t, "evaluate", "--gold", f.dev, "--pred", path, "--json").out)
	}
	fromStream := piiWith(t, string(want), "evaluate", "--gold", f.dev, "--pred", "-", "--json")
	if figures[0] != figures[1] || figures[0] != fromStream.out {
		t.Error("the formats are scored differently")
	}
	if !json.Valid([]byte(figures[0])) {
		t.Error("evaluate --json prints no JSON")
	}
	leftovers(t, dir, "new", "p.json", "p.jsonl")
}

// leftovers checks that a folder holds these names and no others.
func leftovers(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
	}
	if fmt.Sprint(found) != fmt.Sprint(names) {
		t.Errorf("the folder holds %v, want %v", found, names)
	}
}

func TestPredictToDevice(t *testing.T) {
	f := trained(t)
	must(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--output", os.DevNull)
	if _, err := os.Stat(filepath.Join(filepath.Dir(os.DevNull), ".null.pii")); err == nil {
		t.Error("a work folder is left beside the device")
	}
}

func TestPredictKeepsItsInput(t *testing.T) {
	f := trained(t)
	input := write(t, filepath.Join(t.TempDir(), "in.jsonl"), string(read(t, f.dev)))
	pii(t, "predict", "--model-dir", f.path("model"), "--input", input, "--output", input).want(t, exitUsage, "is the input")
	if !bytes.Equal(read(t, input), read(t, f.dev)) {
		t.Error("the input was changed")
	}
	pii(t, "predict", "--model-dir", f.path("model"), "--input", input, "--output", t.TempDir()).want(t, exitUsage, "is a folder")
}

func typesOf(n int) string {
	var types []string
	for i := range n {
		types = append(types, fmt.Sprintf("TYPE%d:pii", i))
	}
	return strings.Join(types, ",")
}

func TestOtherLabelSets(t *testing.T) {
	for _, n := range []int{6, 30} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dir := t.TempDir()
			var text strings.Builder
			for i := range n + 2 {
				fmt.Fprintf(&text, `{"id":"%d","text":"number %d speaking","entities":[{"start":0,"end":6,"label":"TYPE%d"}]}`+"\n", i, i, i%n)
			}
			f := files{dir, write(t, filepath.Join(dir, "train.jsonl"), text.String()), write(t, filepath.Join(dir, "dev.jsonl"), text.String())}
			must(t, f.trainArgs(f.path("out"), "--labels", typesOf(n))...)
			var config struct {
				ID2Label map[string]string `json:"id2label"`
			}
			if err := json.Unmarshal(read(t, f.path("out/config.json")), &config); err != nil {
				t.Fatal(err)
			}
			if len(config.ID2Label) != 2*n+1 {
				t.Errorf("%d tags, want %d", len(config.ID2Label), 2*n+1)
			}
			must(t, "predict", "--model-dir", f.path("out"), "--input", f.dev, "--output", f.path("p.json"))
			must(t, "evaluate", "--gold", f.dev, "--pred", f.path("p.json"), "--labels", typesOf(n))
		})
	}
}

func TestCheckpointWithOtherLabels(t *testing.T) {
	f := trained(t)
	dir := t.TempDir()
	labelled := `{"id":"a","text":"call me maybe","entities":[{"start":0,"end":4,"label":"VERB"}]}` + "\n"
	own := write(t, filepath.Join(dir, "own.jsonl"), labelled)
	args := func(out string, more ...string) []string {
		return append([]string{"train", "--train", own, "--dev", own, "--out-dir", out, "--model", f.path("model"), "--epochs", "1",
			"--max-length", "64", "--stride", "16"}, more...)
	}
	r := must(t, args(filepath.Join(dir, "verbs"), "--labels", "VERB")...)
	r.want(t, exitDone, "with a new classifier (classifier.bias, classifier.weight), as the checkpoint has other labels (O, ", "are the same transcripts")
	must(t, "predict", "--model-dir", filepath.Join(dir, "verbs"), "--input", own)
	same := must(t, f.trainArgs(filepath.Join(dir, "more"), "--model", f.path("model"))...)
	if strings.Contains(same.log, "new classifier") {
		t.Errorf("the classifier was thrown away:\n%s", same.log)
	}
	pii(t, args(f.path("model"), "--labels", "VERB")...).want(t, exitUsage, "would be overwritten")
	pii(t, args(filepath.Join(dir, "long"), "--labels", "VERB", "--max-length", "5000")...).want(t, exitUsage, "reads at most", "--max-length")
}

func TestSmallCommands(t *testing.T) {
	if r := must(t, "version"); !strings.Contains(r.out, "libtorch") || !strings.Contains(r.out, version) {
		t.Errorf("version says %q", r.out)
	}
	for _, shell := range []string{"bash", "zsh"} {
		if r := must(t, "completion", shell); !strings.Contains(r.out, "--generate-bash-completion") {
			t.Errorf("completion %s says %q", shell, r.out)
		}
	}
	pii(t, "completion", "fish").want(t, exitUsage, "bash or zsh")
	if offers, err := child(t, "--generate-bash-completion").Output(); err != nil || !strings.Contains(string(offers), "predict") {
		t.Errorf("completion offers %q, %v", offers, err)
	}
	if r := must(t, "doctor", "--json"); !json.Valid([]byte(r.out)) {
		t.Errorf("doctor --json prints %q", r.out)
	}
}

func TestDataCommands(t *testing.T) {
	dir := t.TempDir()
	good := transcripts(t, filepath.Join(dir, "good.jsonl"), synth.Dev, 5)
	if r := must(t, "data", "validate", good); !strings.Contains(r.out, "transcripts  5") {
		t.Errorf("validate says %q", r.out)
	}
	bad := write(t, filepath.Join(dir, "bad.jsonl"), `{"id":"a","text":"marker"}`+"\n"+`{"id":"a","text":"marker","entities":[{"start":0,"end":9,"label":"CTY"}]}`)
	r := pii(t, "data", "validate", bad, "--json")
	r.want(t, exitFailed, "has 4 problems")
	var report struct{ Problems []struct{ Line int } }
	if err := json.Unmarshal([]byte(r.out), &report); err != nil || len(report.Problems) != 4 || report.Problems[3].Line != 2 {
		t.Errorf("%v: %s", err, r.out)
	}
	if strings.Contains(r.out+r.log, "marker") {
		t.Error("a transcript is quoted")
	}
	if r := piiWith(t, string(read(t, good)), "predict", "--model-dir", "nowhere", "--input", "-"); r.code != exitFailed {
		t.Errorf("exit code %d without a model", r.code)
	}
}

func TestSynthIsAFunctionOfItsSeed(t *testing.T) {
	if testing.Short() {
		t.Skip("makes all sets twice")
	}
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		must(t, "data", "synth", "--seed", "7", "--out-dir", filepath.Join(dir, name))
	}
	sameFiles(t, filepath.Join(dir, "a"), filepath.Join(dir, "b"), "train.jsonl", "dev.jsonl", "test.jsonl", "stress.jsonl")
	must(t, "data", "validate", filepath.Join(dir, "a", "stress.jsonl"))
	if r := must(t, "data", "validate", "--json", filepath.Join(dir, "a", "stress.jsonl")); !strings.Contains(r.out, `"problems": []`) {
		t.Errorf("no problems are %s", r.out)
	}
}

func TestSynthMakesWhatIsNamed(t *testing.T) {
	dir := t.TempDir()
	rates := filepath.Join(dir, "rates.yaml")
	r := must(t, "data", "synth", "--print-rates")
	if err := os.WriteFile(rates, []byte(r.out), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "data", "synth", "--rates", rates, "--set", "numbers", "--set", "dev", "--size", "7", "--out-dir", dir)
	r = must(t, "data", "stats", "--json", filepath.Join(dir, "numbers.jsonl"), filepath.Join(dir, "dev.jsonl"))
	var counted struct {
		Files []struct{ Transcripts, Without_entities int }
	}
	if err := json.Unmarshal([]byte(r.out), &counted); err != nil || len(counted.Files) != 2 || counted.Files[1].Transcripts != 7 ||
		counted.Files[0].Without_entities != 7 {
		t.Errorf("%v: %s", err, r.out)
	}
	if r := must(t, "data", "stats", "builtin:dev", "builtin:stress"); !strings.Contains(r.out, "PERSON_NAME") {
		t.Error("no types are counted")
	}
	if err := os.WriteFile(rates, []byte("noise:\n  dorp: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := pii(t, "data", "synth", "--rates", rates, "--out-dir", dir); r.code != exitFailed || !strings.Contains(r.log, "dorp") ||
		strings.Count(r.log, "\n") != 1 {
		t.Errorf("exit code %d: %s", r.code, r.log)
	}
}

// TestSynthSparesOtherFiles has somebody's own transcripts where a set would go.
func TestSynthSparesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	own := write(t, filepath.Join(dir, "dev.jsonl"), "own\n")
	args := []string{"data", "synth", "--set", "dev", "--size", "3", "--out-dir", dir}
	pii(t, args...).want(t, exitUsage, own+" is there with another content", "--force")
	if string(read(t, own)) != "own\n" {
		t.Error("it was replaced")
	}
	must(t, append(args, "--force")...)
	must(t, args...) // the same bytes
	must(t, "data", "validate", own)
	rates := write(t, filepath.Join(dir, "numbers.jsonl"), must(t, "data", "synth", "--print-rates").out)
	pii(t, "data", "synth", "--set", "numbers", "--size", "3", "--out-dir", dir, "--rates", rates, "--force").
		want(t, exitUsage, rates+" is the file of --rates")
}

func TestHelpHasExamples(t *testing.T) {
	app := newApp(stages.NewEnv(t.Context()))
	var check func(path []string, commands []*cli.Command)
	check = func(path []string, commands []*cli.Command) {
		for _, command := range commands {
			full := append(append([]string(nil), path...), command.Name)
			r := must(t, append(full, "--help")...)
			if len(command.Subcommands) == 0 && !strings.Contains(r.out, "Example: ") {
				t.Errorf("pii %s --help has no example", strings.Join(full, " "))
			}
			check(full, command.Subcommands)
		}
	}
	check(nil, app.Commands)
	if r := must(t, "--help"); !strings.Contains(r.out, "130 interrupted") {
		t.Error("the help does not list the exit codes")
	}
}

// TestFlagsOfDataCommands: commands that read labels alone of the settings offer no others.
func TestFlagsOfDataCommands(t *testing.T) {
	for _, command := range dataCommand(stages.NewEnv(t.Context())).Subcommands {
		for _, o := range stages.Options {
			for _, flag := range command.Flags {
				if o.Key != "labels" && slices.Contains(flag.Names(), o.Flag()) && command.Name != "synth" {
					t.Errorf("pii data %s has --%s", command.Name, o.Flag())
				}
			}
		}
	}
}

// TestExamplesAreCommands parses the example of every command: no flag in it may be unknown.
func TestExamplesAreCommands(t *testing.T) {
	var check func(commands []*cli.Command)
	check = func(commands []*cli.Command) {
		for _, command := range commands {
			check(command.Subcommands)
			_, example, ok := strings.Cut(command.Description, "Example: pii ")
			if !ok || command.ArgsUsage != "" || strings.Contains(example, ">") {
				continue
			}
			if r := pii(t, append(strings.Fields(example), "--help")...); r.code != exitDone {
				t.Errorf("%s: %s", example, r.log)
			}
		}
	}
	check(newApp(stages.NewEnv(t.Context())).Commands)
}

func TestWrongUsage(t *testing.T) {
	f := trained(t)
	model := f.path("model")
	for _, c := range []struct {
		args string
		want []string
	}{
		{"predicct", []string{`no command "predicct"`, `did you mean "predict"`}},
		{"run trian", []string{`no command "trian"`, `"train"`}},
		{"data vaildate", []string{`"validate"`}},
		{"train --out-dir x --epoch 3", []string{"no flag --epoch", `"epochs"`}},
		{"run all --frce", []string{"no flag --frce", `"force"`}},
		{"run all --only trein", []string{`no stage "trein"`, "train"}},
		{"run all --from=predct", []string{"predict"}},
		{"run all --force=trian", []string{"train"}},
		{"run all --run a/b", []string{"folder"}},
		{"run all --run ..", []string{"folder"}},
		{"run all extra", []string{`"extra"`}},
		{"run all --lock-wait soon", []string{`--lock-wait: "soon" is not a time`}},
		{"evaluate --gold x --pred y --errors few", []string{`--errors: "few" is not a whole number`}},
		{"train --out-dir x --lowercase=maybe", []string{`--lowercase: "maybe" is neither true nor false`}},
		{"train --out-dir x --epochs", []string{"--epochs needs a value"}},
		{"predict --model-dir --input x", []string{"--model-dir needs a value", "--input follows"}},
		{"train --lowercase false --out-dir x", []string{`no argument "false"`, "--lowercase=false"}},
		{"run all --force train", []string{"run all takes no argument", "--force=train"}},
		{"run --epochs 3", []string{"no flag --epochs", "pii run all --epochs"}},
		{"--json doctor", []string{"no flag --json", "after the command"}},
		{"--version", []string{"pii version"}},
		{"predict --model-dir builtin:smal --input x", []string{"builtin:smal", "only builtin:small"}},
		{"train --out-dir " + f.dev, []string{"is a file, not a folder"}},
		{"status --runs-dir " + f.dev, []string{"is a file, not a folder"}},
		{"train", []string{"--out-dir is missing"}},
		{"predict --model-dir " + model, []string{"--input is missing"}},
		{"evaluate --gold x", []string{"--pred is missing"}},
		{"evaluate --gold - --pred -", []string{"standard input"}},
		{"data synth", []string{"--out-dir is missing"}},
		{"data validate", []string{"one file"}},
		{"data stats", []string{"takes files"}},
		{"data synth --out-dir x --set numers", []string{`"numbers"`}},
		{"predict --model-dir " + model + " --input x --format jsnl", []string{`"jsonl"`}},
		{"benchmark --model-dir " + model + " --device gpu", []string{"gpu", "cuda", "--device"}},
		{"benchmark --model-dir " + model + " --precision fp33", []string{"fp33", "--precision"}},
		{"benchmark --model-dir " + model + " --batch 8,0", []string{`"0"`, "--batch"}},
		{"train --out-dir x --epochs many", []string{"--epochs", "many", "whole number"}},
		{"train --out-dir x --epochs 0", []string{"epochs", "greater than 0", "--epochs"}},
		{"train --out-dir x --train builtin:trian", []string{"builtin:trian", `"train"`}},
		{"train --out-dir x --train -", []string{"standard input"}},
		{"train --out-dir x --dev none", []string{"dev must name a file"}},
		{"train --out-dir x --model smal", []string{"smal", "--model"}},
	} {
		r := pii(t, strings.Fields(c.args)...)
		if r.code != exitUsage || strings.Count(r.log, "\n") != 1 || r.out != "" {
			t.Errorf("pii %s: exit code %d, output %q, log:\n%s", c.args, r.code, r.out, r.log)
		}
		for _, want := range c.want {
			if !strings.Contains(r.log, want) {
				t.Errorf("pii %s: %s does not say %s", c.args, r.log, want)
			}
		}
	}
}

func TestFlagsAfterArguments(t *testing.T) {
	good := transcripts(t, filepath.Join(t.TempDir(), "-odd name.jsonl"), synth.Dev, 2)
	for _, args := range [][]string{{good, "--json"}, {"--json", good}, {"--json", "--", good}} {
		if r := must(t, append([]string{"data", "validate"}, args...)...); !json.Valid([]byte(r.out)) {
			t.Errorf("%v: %s", args, r.out)
		}
	}
}
