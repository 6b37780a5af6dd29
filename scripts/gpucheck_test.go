package scripts

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
}
