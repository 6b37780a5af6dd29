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
	if !results.Passed || len(results.Steps) != 9 || len(results.Train) != 1 || len(results.Agreement) != 1 || len(results.Benchmark) != 1 {
		t.Errorf("%s\n%+v", output, results)
	}
	compareWithTransformers(t, filepath.Join(dir, "results"))
}

// compareWithTransformers: gpu-transformers.py finds pii's figures in these results, and makes ratios of them. It does so here without
// PyTorch: of the script, only the functions that read results are run.
func compareWithTransformers(t *testing.T, results string) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Log("no python3: ratios are not tested")
		return
	}
	program := `
import ast, json, os, sys
tree = ast.parse(open("gpu-transformers.py", encoding="utf-8").read())
tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in ("read", "ours", "ratios")]
folder, device, results = "/made/small", "cpu", sys.argv[1]
exec(compile(tree, "gpu-transformers.py", "exec"))
mine = ours()["fp32"]
assert mine["forward_p50_ms"] > 0 and mine["texts_per_second"] > 0, mine
row = {"precision": "fp32", "attention": "eager", "forward": {"p50_ms": 2 * mine["forward_p50_ms"]}, "throughput": [{"texts_per_second": 1}]}
assert ratios([row], ours()) == {"forward_p50_fp32_to_eager": 0.5, "texts_per_second_bf16_end_to_end_to_sdpa": None, "training_step_bf16": None}
`
	if output, err := exec.Command("python3", "-c", program, results).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
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
