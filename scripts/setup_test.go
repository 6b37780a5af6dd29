// Package scripts has nothing but tests of the scripts beside it.
package scripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// clone makes a folder with what set-up reads of a checkout.
func clone(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), string(content))
	}
	for _, name := range []string{"scripts", "torchmodel/csrc"} {
		if err := os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(root, "scripts", "setup.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// setup runs set-up in a clone and returns what it wrote to standard output and standard error.
func setup(root string, environment ...string) (output, errors string, err error) {
	command := exec.Command(filepath.Join(root, "scripts", "setup.sh"))
	command.Env = slices.Concat(os.Environ(), environment)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	return stdout.String(), stderr.String(), err
}

// onlyTools makes a folder for PATH with the tools that set-up needs and neither compiler nor package manager.
func onlyTools(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range strings.Fields("awk basename bash cat cut dirname env find flock go grep head id make mkfifo mktemp nproc rm sed seq sha256sum sort stat tail tr wc xargs") {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFailuresNameStepCommandAndRemedy(t *testing.T) {
	root, empty := clone(t), t.TempDir()
	noTorch := filepath.Join(t.TempDir(), "python")
	write(t, noTorch, "#!/bin/sh\nexit 1\n")
	foreign := clone(t)
	write(t, filepath.Join(foreign, "go.work"), "go 1.26\n")
	for name, c := range map[string]struct {
		root        string
		environment []string
		want        []string
	}{
		"no such folder":  {root, []string{"LIBTORCH=/nonexistent"}, []string{"/nonexistent", "set LIBTORCH to"}},
		"not libtorch":    {root, []string{"LIBTORCH=" + empty}, []string{empty + " is not libtorch", "set LIBTORCH to"}},
		"no PyTorch":      {root, []string{"LIBTORCH_USE_PYTORCH=1", "PYTHON=" + noTorch}, []string{"has no PyTorch", "import torch", "unset LIBTORCH_USE_PYTORCH"}},
		"no Python":       {root, []string{"LIBTORCH_USE_PYTORCH=1", "PYTHON=/nonexistent/python"}, []string{"there is no /nonexistent/python"}},
		"no compiler":     {root, []string{"LIBTORCH=" + empty, "PATH=" + onlyTools(t)}, []string{"g++ missing", "apt-get", "install g++ by hand"}},
		"no cache":        {root, []string{"LIBTORCH=" + fakeArchive(t), "PII_CACHE=/dev/null/cache"}, []string{"/dev/null/cache", "set PII_CACHE"}},
		"another go.work": {foreign, nil, []string{"go.work is not one that set-up wrote", "move it away"}},
	} {
		t.Run(name, func(t *testing.T) {
			unset := []string{"LIBTORCH=", "LIBTORCH_USE_PYTORCH=", "PII_CACHE=" + filepath.Join(empty, "cache")}
			_, said, err := setup(c.root, slices.Concat(unset, c.environment)...)
			if err == nil {
				t.Fatal("set-up succeeded")
			}
			for _, want := range append(c.want, "setup stopped: ", "command:    ", "what to do: ") {
				if !strings.Contains(said, want) {
					t.Errorf("it lacks %q:\n%s", want, said)
				}
			}
			if n := strings.Count(said, "\n"); n > 4 {
				t.Errorf("it takes %d lines:\n%s", n, said)
			}
		})
	}
}

// fakeArchive makes a folder that looks like an unpacked libtorch up to its version.
func fakeArchive(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	headers := filepath.Join(dir, "include", "torch", "csrc", "api", "include", "torch")
	for _, folder := range []string{filepath.Join(dir, "lib"), headers} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(headers, "version.h"), "#define TORCH_VERSION \"9.8.7\"\n")
	compileC10(t, filepath.Join(dir, "lib", "libc10.so"), 1)
	write(t, filepath.Join(dir, "lib", "libtorch_cpu.so"), "")
	return dir
}

func compileC10(t *testing.T, to string, abi int) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "c10.cpp")
	write(t, source, "#include <string>\nnamespace c10 { void say(const std::string &text) { (void)text; } }\n")
	run(t, "g++", "-shared", "-fPIC", "-D_GLIBCXX_USE_CXX11_ABI="+string(rune('0'+abi)), "-o", to, source)
}

func run(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	output, err := exec.Command(name, arguments...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, arguments, err, output)
	}
	return string(output)
}

func TestABIIsReadFromTheLibrary(t *testing.T) {
	for abi, want := range []string{"0\n", "1\n"} {
		library := filepath.Join(t.TempDir(), "libc10.so")
		compileC10(t, library, abi)
		if got := run(t, "bash", "-c", "source ./setup.sh; read_abi "+library); got != want {
			t.Errorf("ABI of a library compiled with %d is %q", abi, got)
		}
	}
}

// A new checkout takes what is in the cache, and set-up's second call finds nothing to do.
func TestSecondCallDoesNothing(t *testing.T) {
	if _, err := os.Stat("../go.work"); err != nil {
		t.Fatal("this checkout has not been set up: run `make setup` first")
	}
	root := clone(t)
	output, said, err := setup(root)
	if err != nil {
		t.Fatalf("%v\n%s%s", err, output, said)
	}
	if strings.Contains(output, "preparing gotch") {
		t.Errorf("gotch was prepared again:\n%s", output)
	}
	before, err := os.Stat(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	output, said, err = setup(root, "PATH="+onlyTools(t)) // a call that compiled anything would fail
	if err != nil || output+said != "" {
		t.Errorf("the second call: %v\n%s%s", err, output, said)
	}
	after, err := os.Stat(filepath.Join(root, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || after.ModTime() != before.ModTime() {
		t.Error("the second call wrote go.work again")
	}
}

// A plain make after one with LIBTORCH must not go back to another libtorch.
func TestLastChoiceOfLibtorchStands(t *testing.T) {
	work := filepath.Join(t.TempDir(), "go.work")
	script := func(environment, commands string) string {
		return run(t, "env", "-u", "LIBTORCH", "-u", "LIBTORCH_USE_PYTORCH", "-u", "PYTHON", "-u", "CUDA_HOME", "bash", "-c",
			environment+" source ./setup.sh; work='"+work+"'; "+commands)
	}
	const show = `remember; echo "${LIBTORCH:-} ${LIBTORCH_USE_PYTORCH:-} ${PYTHON:-}"`
	if got := script("", show); got != "  \n" {
		t.Errorf("without go.work: %q", got)
	}
	for _, c := range []struct{ made, now, want string }{
		{"", "", "  \n"},
		{"export LIBTORCH='/a b/libtorch';", "", "/a b/libtorch  \n"},
		{"export LIBTORCH=/a;", "export LIBTORCH=/c;", "/c  \n"},
		{"export LIBTORCH=/a;", "export LIBTORCH=;", "  \n"},
		{"export LIBTORCH_USE_PYTORCH=1 PYTHON=/p;", "", " 1 /p\n"},
		{"export LIBTORCH_USE_PYTORCH=1 PYTHON=/p;", "export PYTHON=/q;", " 1 /q\n"},
		{"export LIBTORCH_USE_PYTORCH=1 PYTHON=/p;", "export LIBTORCH=/c;", "/c  \n"},
	} {
		script(c.made, `choices_made >"$work"`)
		if got := script(c.now, show); got != c.want {
			t.Errorf("set up with %q, then with %q: %q, want %q", c.made, c.now, got, c.want)
		}
	}
}

// CUDA's headers are taken where libtorch's compile with them: those that CUDA_HOME names before those beside PyTorch.
func TestCUDAHeadersAreFound(t *testing.T) {
	site, home := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"torch/include/ATen/cuda/CUDAGraph.h":                                  "#include <cuda_runtime_api.h>\n",
		"torch/include/c10/cuda/CUDACachingAllocator.h":                        "",
		"nvidia/cuda_runtime/include/cuda_runtime_api.h":                       "",
		filepath.Join("..", filepath.Base(home), "include/cuda_runtime_api.h"): "#include <crt/host_defines.h>\n",
	} {
		path := filepath.Join(site, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, path, content)
	}
	if err := os.MkdirAll(filepath.Join(site, "torch", "lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	find := func() string {
		return run(t, "env", "CUDA_HOME="+home, "bash", "-c", "source ./setup.sh; libdir="+site+"/torch/lib includes=(-I"+site+
			`/torch/include); find_cuda_headers >/dev/null; cd "$cuda_headers" && pwd -P`)
	}
	if got, want := find(), site+"/nvidia/cuda_runtime/include\n"; got != want {
		t.Errorf("with one folder that is not whole, it found %q, want %q", got, want)
	}
	write(t, filepath.Join(home, "include", "cuda_runtime_api.h"), "")
	if got, want := find(), home+"/include\n"; got != want {
		t.Errorf("it found %q, want %q", got, want)
	}
}

// No more compilers run at once than there are slots, also where some fail, and a compiler has a slot while it runs.
func TestCompilersRunInSlots(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.cpp"), "")
	script := `source ./setup.sh; temporary=$1; flags=()
jobs_at_once() { echo 2; }
left() { local n=0 slots='' slot; while read -r -t 0 <&8; do read -r slot <&8; slots+="$slot "; n=$((n + 1)); done; for slot in $slots; do echo "$slot" >&8; done; echo "$1: $n left"; }
compiler() { left "compiler"; return 1; }
open_slots
left start
in_slot false || left "after a failure"
cxx=compiler
(compile "$1/a.cpp") 2>/dev/null || left "after compile"
in_slot in_slot true
left end`
	want := "start: 2 left\nafter a failure: 2 left\ncompiler: 1 left\nafter compile: 2 left\nend: 2 left\n"
	if got := run(t, "bash", "-c", script, "bash", dir); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
