package scripts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// bundled makes the bundle of gpu-check.sh, and returns its folder and the libtch.so of this checkout.
func bundled(t *testing.T) (dir, library string) {
	t.Helper()
	work, err := os.ReadFile("../go.work")
	if err != nil {
		t.Fatal("this checkout has not been set up: run `make setup` first")
	}
	for _, line := range strings.Split(string(work), "\n") {
		if path, ok := strings.CutPrefix(line, "// library: "); ok {
			library = path
		}
	}
	dir = t.TempDir()
	run(t, "./gpu-bundle.sh", dir)
	return dir, library
}

// TestGPUCheckOnTheCPU: every step of gpu-check.sh works, but that the library is the one of set-up and nothing is on a GPU.
func TestGPUCheckOnTheCPU(t *testing.T) {
	if testing.Short() {
		t.Skip("links the programs and packs them")
	}
	dir, library := bundled(t)
	if info, err := os.Stat(filepath.Join(dir, "bundle.tar.gz")); err != nil || info.Size() > 64e6 {
		t.Errorf("the bundle: %v, %v", info, err)
	}
	command := exec.Command(filepath.Join(dir, "gpu-check.sh"), "--device", "cpu", "--quick")
	command.Env = append(os.Environ(), "PII_LIBTCH="+library)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	content, err := os.ReadFile(filepath.Join(dir, "results", "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var results struct {
		Passed bool
		Steps  []struct {
			Step   string
			Passed bool
		}
		Train, Agreement, Benchmark []json.RawMessage
	}
	if err := json.Unmarshal(content, &results); err != nil {
		t.Fatal(err)
	}
	if !results.Passed || len(results.Steps) != 10 || len(results.Train) != 1 || len(results.Agreement) != 1 || len(results.Benchmark) != 1 {
		t.Errorf("%s\n%+v", output, results)
	}
	compareWithTransformers(t, filepath.Join(dir, "results"))
}

// aim is an entry of aims.json.
type aim struct {
	Aim     string
	Value   *float64
	Verdict string
}

// aims runs gpu-aims.py over the results in a folder, and returns what it wrote by name.
func aims(t *testing.T, results string, arguments ...string) map[string]aim {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3")
	}
	run(t, "python3", append([]string{"gpu-aims.py", results}, arguments...)...)
	content, err := os.ReadFile(filepath.Join(results, "aims.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []aim
	if err := json.Unmarshal(content, &list); err != nil {
		t.Fatal(err)
	}
	found := map[string]aim{}
	for _, a := range list {
		found[a.Aim] = a
	}
	return found
}

// compareWithTransformers: gpu-aims.py finds pii's figures in results that pii wrote, and makes ratios of them. The times beside which it sets them
// here are not from transformers, which few machines have.
func compareWithTransformers(t *testing.T, results string) {
	t.Helper()
	write(t, filepath.Join(results, "transformers.json"), `{"model": "small", "rows": [{"precision": "fp32", "attention": "eager", "forward": {"p50_ms": 1e6}}]}`)
	found := aims(t, results, "cpu", "quick")
	p50, tags := found["forward_p50_fp32_to_eager"], found["tags_equal_fp32"]
	if p50.Value == nil || *p50.Value <= 0 || *p50.Value > 1e-3 || tags.Value == nil || *tags.Value < 0.999 {
		t.Errorf("%+v", found)
	}
	for name, a := range found {
		if a.Verdict != "not measured" { // on a GPU
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// What is missing counts as not measured, never as met.
func TestGPUCheckAims(t *testing.T) {
	const benchmark = `[{"model": "small", "result": {"models": [{"device": "cpu", "precision": "fp32", "tags_equal": 1}, {"device": "cuda", "precision": "fp32", "tags_equal": 0.9995},
{"device": "cuda", "precision": "bf16", "tags_equal": 0.9975}], "rows": []}},
{"model": "base", "result": {"models": [], "rows": [{"device": "cuda", "precision": "fp32", "batch": 1, "forward": {"p50": {"ms": 1}}, "texts_per_second": 9},
{"device": "cuda", "precision": "bf16", "batch": 1, "forward": {"p50": {"ms": 1}}, "texts_per_second": 9}, {"device": "cuda", "precision": "bf16", "batch": 8, "forward": {"p50": {"ms": 1}}, "texts_per_second": 300}]}}]`
	const steps = `[{"precision": "fp32", "ns": 1}, {"precision": "bf16", "ns": 5e6}]`
	const eager = `{"precision": "fp32", "attention": "eager", "forward": {"p50_ms": 2.5}, "throughput": [{"texts_per_second": 1}], "training_step_ms": 1}`
	const sdpa = `{"precision": "bf16", "attention": "sdpa", "forward": {"p50_ms": 1}, "throughput": [{"texts_per_second": 100}, {"texts_per_second": 120}], "training_step_ms": 10}`
	for name, c := range map[string]struct {
		files map[string]string
		mode  []string
		want  string // verdicts on a text alone, texts a second, training, tags in fp32 and bf16
	}{
		"all":              {map[string]string{"benchmark": benchmark, "training_step": steps, "transformers": `{"model": "base", "rows": [` + eager + "," + sdpa + `]}`}, []string{"cuda"}, "missed met met met missed"},
		"not on a GPU":     {map[string]string{"benchmark": benchmark, "training_step": steps, "transformers": `{"model": "base", "rows": [` + eager + "," + sdpa + `]}`}, []string{"cpu"}, "- - - - -"},
		"quick":            {map[string]string{"benchmark": benchmark, "training_step": steps, "transformers": `{"model": "base", "rows": [` + eager + "," + sdpa + `]}`}, []string{"cuda", "quick"}, "- - - - -"},
		"small alone":      {map[string]string{"benchmark": benchmark, "training_step": steps, "transformers": `{"model": "small", "rows": [` + eager + "," + sdpa + `]}`}, []string{"cuda"}, "- - met met missed"},
		"fp32 alone":       {map[string]string{"benchmark": benchmark, "training_step": steps, "transformers": `{"model": "base", "rows": [` + eager + `]}`}, []string{"cuda"}, "missed - - met missed"},
		"no transformers":  {map[string]string{"benchmark": benchmark, "training_step": steps}, []string{"cuda"}, "- - - met missed"},
		"no training":      {map[string]string{"benchmark": benchmark, "transformers": `{"model": "base", "rows": [` + sdpa + `]}`}, []string{"cuda"}, "- met - met missed"},
		"transformers":     {map[string]string{"transformers": `{"model": "base", "rows": [` + eager + "," + sdpa + `]}`}, []string{"cuda"}, "- - - - -"},
		"nothing measured": {nil, []string{"cuda"}, "- - - - -"},
	} {
		dir := t.TempDir()
		for file, content := range c.files {
			write(t, filepath.Join(dir, file+".json"), content)
		}
		found := aims(t, dir, c.mode...)
		var verdicts []string
		for _, aim := range []string{"forward_p50_fp32_to_eager", "texts_per_second_bf16_end_to_end_to_sdpa", "training_step_bf16", "tags_equal_fp32", "tags_equal_bf16"} {
			verdicts = append(verdicts, strings.ReplaceAll(found[aim].Verdict, "not measured", "-"))
		}
		if got := strings.Join(verdicts, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A step that fails is reported, the rest still runs, and the exit code says so.
func TestGPUCheckGoesOnAfterAFailure(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "bundle.tar.gz")
	run(t, "tar", "-C", t.TempDir(), "-czf", empty, ".")
	command := exec.Command("./gpu-check.sh", "--device", "cpu", "--bundle", empty, "--out", dir)
	command.Env = append(os.Environ(), "PII_LIBTCH=/nonexistent/libtch.so", "PYTHON=/nonexistent/python")
	output, err := command.CombinedOutput()
	if command.ProcessState.ExitCode() != 1 {
		t.Errorf("%v\n%s", err, output)
	}
	for _, want := range []string{"parity         FAILED", "benchmark      FAILED", "transformers   passed", "results: "} {
		if !strings.Contains(string(output), want) {
			t.Errorf("it lacks %q:\n%s", want, output)
		}
	}
	var results map[string]any
	content, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil || json.Unmarshal(content, &results) != nil || results["passed"] != false {
		t.Errorf("%v: %s", err, content)
	}
}

// A command of gpu-check.sh has a limit also when the time for the whole is up: to timeout, 0 is none.
func TestGPUCheckLimits(t *testing.T) {
	for left, want := range map[string]string{"-5": "1", "0": "1", "3": "3", "999": "7"} {
		script := `eval "$(sed -n '/^limited() {/,/^}/p' gpu-check.sh)"; timeout() { echo "$3"; }; deadline=$((SECONDS + ` + left + `)); limited 7 true`
		output, err := exec.Command("bash", "-c", script).CombinedOutput()
		if got := strings.TrimSpace(string(output)); err != nil || got != want {
			t.Errorf("%s seconds are left: limit %s (%v), want %s", left, got, err, want)
		}
	}
	script := `eval "$(sed -n '/^limited() {/,/^}/p' gpu-check.sh)"; deadline=$((SECONDS + 9)); limited 1 sleep 5`
	if output, err := exec.Command("bash", "-c", script).CombinedOutput(); err == nil || !strings.HasSuffix(string(output), "\nended after 1 s: sleep\n") {
		t.Errorf("%v: %q", err, output)
	}
}

// checkFunction runs a function of gpu-check.sh, after BEFORE.
func checkFunction(name, before, input string) (string, error) {
	script := fmt.Sprintf(`set -euo pipefail; eval "$(sed -n '/^%s() {/,/^}/p' gpu-check.sh)"; %s %s`, name, before, name)
	command := exec.Command("bash", "-c", script)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	return string(output), err
}

// Of a benchmark, each model's tags are compared; what the CPU does not have is left out, and what a GPU does not have is not.
func TestGPUCheckComparesTags(t *testing.T) {
	model := func(device, precision, missing string, equal any) map[string]any {
		m := map[string]any{"device": device, "precision": precision, "tags_equal": equal}
		if missing != "" {
			m["missing"] = missing
		}
		return m
	}
	cpu, without := model("cpu", "fp32", "", 1), model("cpu", "fp16", "on the CPU there are fp32, bf16 and int8", nil)
	for name, c := range map[string]struct {
		models []any
		ok     bool
	}{
		"all is equal":         {[]any{cpu, without, model("cuda", "fp32", "", 0.9995), model("cuda", "fp16", "", 0.9985)}, true},
		"fp32 is too far":      {[]any{cpu, model("cuda", "fp32", "", 0.9985)}, false},
		"fp16 is too far":      {[]any{cpu, without, model("cuda", "fp32", "", 1), model("cuda", "fp16", "", 0.9975)}, false},
		"the GPU is not there": {[]any{cpu, without, model("cuda", "fp32", "libtorch finds no CUDA device", nil)}, false},
		"nothing was compared": {[]any{without}, false},
	} {
		content, err := json.MarshalIndent(map[string]any{"models": c.models}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if output, err := checkFunction("check_tags", "", string(content)); (err == nil) != c.ok {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
	}
}

// Where our own C++ does not compile, the step build fails, although gotch's does.
func TestGPUCheckWaitsForOurOwnCode(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "scripts"), 0o755); err != nil {
		t.Fatal(err)
	}
	setup := `find_libtorch() { version=2.14.1 cuda=false; }
choose_flags() { :; }
open_slots() { :; }
compile_ours() { read -r _ <"$place/shim-done"; echo ours; return "$FAULT"; }
compile_shim() { true & wait $!; echo done >"$place/shim-done" & }
link_libraries() { echo linked; touch "$1/libtch.json"; }
`
	if err := os.WriteFile(filepath.Join(dir, "scripts", "setup.sh"), []byte(setup), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "shim-done"), 0o600); err != nil {
		t.Fatal(err)
	}
	for fault, want := range map[string]string{"0": "ours\nlinked\nlibtch.so for libtorch 2.14.1 (CUDA: false)\n", "1": "ours\n"} {
		t.Setenv("FAULT", fault)
		output, err := checkFunction("build_library", "PII_LIBTCH= device=cpu place="+dir+" out="+dir+";", "")
		if output != want || (err == nil) != (fault == "0") {
			t.Errorf("%s: %v\n%s", fault, err, output)
		}
	}
}

// The figures of the precisions that could be timed are kept where another one fails.
func TestGPUCheckKeepsWhatWasMeasured(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "torchmodel"), 0o755); err != nil {
		t.Fatal(err)
	}
	program := `#!/bin/sh
printf 'goos: linux\nBenchmarkDeviceStep/fp32-16         \t      50\t  12345678 ns/op\nBenchmarkDeviceStep/bf16 \t 50\t 987654.5 ns/op\t 3 B/op\n--- FAIL: BenchmarkDeviceStep/fp16\n'
exit 1
`
	if err := os.WriteFile(filepath.Join(dir, "torchmodel.test"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	before := `device=cuda quick=false texts=none train_steps=3 place=` + dir + ` out=` + dir + `
limited() { shift; "$@"; }
as_list() { printf '[%s]\n' "$(paste -sd, -)"; }
none() { [ -z "$1" ] || { echo "failed:$1" && false; }; }
pii() { [ "$7" != fp16 ] && mkdir "$3" && echo "{\"of\": \"$7\"}" >"$3/metrics.jsonl"; }
`
	for function, want := range map[string]string{
		"training_steps": `[{"precision": "fp32", "ns": 12345678},{"precision": "bf16", "ns": 987654.5}]`,
		"train_small":    `[{"precision": "fp32", "metrics": {"of": "fp32"}},{"precision": "bf16", "metrics": {"of": "bf16"}}]`,
	} {
		output, err := checkFunction(function, before, "")
		name := map[string]string{"training_steps": "training_step.json", "train_small": "train.json"}[function]
		content, _ := os.ReadFile(filepath.Join(dir, name))
		if err == nil || strings.TrimSpace(string(content)) != want {
			t.Errorf("%s: %v: %s\n%s", function, err, content, output)
		}
	}
}
