package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pii/data"
	"pii/data/synth"
	"pii/stages"
)

// childVariable makes the test binary behave as pii: tests that send signals need a process of its own.
const childVariable = "PII_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		var args []string
		if err := json.Unmarshal([]byte(text), &args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitFailed)
		}
		os.Exit(run(append([]string{"pii"}, args...)))
	}
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = exitFailed
	}
	os.Exit(code)
}

// sources is the folder of the program's source.
var sources string

// runTests runs the tests in an empty folder, with no settings in the environment and no hub: what lies about must not change
// them.
func runTests(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "pii-test-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for _, o := range stages.Options {
		if err := os.Unsetenv(o.Env()); err != nil {
			return 0, err
		}
	}
	for name, value := range map[string]string{"HF_HUB_OFFLINE": "1", "HF_HOME": filepath.Join(dir, "hf"), "HF_HUB_CACHE": "", "HF_TOKEN": "",
		"HF_TOKEN_PATH": "", "HUGGINGFACE_HUB_CACHE": "", "HUGGING_FACE_HUB_TOKEN": ""} {
		if err := os.Setenv(name, value); err != nil {
			return 0, err
		}
	}
	if sources, err = os.Getwd(); err != nil {
		return 0, err
	}
	if err := os.Chdir(dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// child is pii as a process of its own.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), childVariable+"="+string(text))
	return command
}

// result is what a call of pii said.
type result struct {
	code     int
	out, log string
}

// pii runs a command in this process.
func pii(t *testing.T, args ...string) result {
	t.Helper()
	return piiWith(t, "", args...)
}

// piiWith is pii with standard input.
func piiWith(t *testing.T, input string, args ...string) result {
	t.Helper()
	in, out, log := openTemp(t, input), openTemp(t, ""), openTemp(t, "")
	stdin, stdout, stderr := os.Stdin, os.Stdout, os.Stderr
	defer func() { os.Stdin, os.Stdout, os.Stderr = stdin, stdout, stderr }()
	os.Stdin, os.Stdout, os.Stderr = in, out, log
	code := run(append([]string{"pii"}, args...))
	return result{code, readBack(t, out), readBack(t, log)}
}

func openTemp(t *testing.T, content string) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(content); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

func readBack(t *testing.T, f *os.File) string {
	t.Helper()
	return string(read(t, f.Name()))
}

// must runs a command that has to succeed.
func must(t *testing.T, args ...string) result {
	t.Helper()
	r := pii(t, args...)
	if r.code != exitDone {
		t.Fatalf("pii %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.log)
	}
	return r
}

func (r result) want(t *testing.T, code int, inLog ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, text := range inLog {
		if !strings.Contains(r.log, text) {
			t.Errorf("the log does not say %q", text)
		}
	}
	if t.Failed() {
		t.Logf("standard error:\n%s", r.log)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// transcripts writes the first n synthetic transcripts of a set.
func transcripts(t *testing.T, path string, set synth.Set, n int) string {
	t.Helper()
	var b bytes.Buffer
	if err := synth.Write(t.Context(), &b, set, n, 3, synth.DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	return write(t, path, b.String())
}

// files are small sets of transcripts in a folder of the test's own.
type files struct{ dir, train, dev string }

func makeFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	return files{dir, transcripts(t, filepath.Join(dir, "train.jsonl"), synth.Train, 40),
		transcripts(t, filepath.Join(dir, "dev.jsonl"), synth.Dev, 12)}
}

func (f files) path(name string) string { return filepath.Join(f.dir, name) }

// small are settings with which a whole training takes a moment.
var small = []string{"--model", "small", "--epochs", "1", "--vocab-size", "300", "--max-length", "64", "--stride", "16", "--device", "cpu",
	"--threads", "1"} // threads that spin for each other take long where others compute too

func (f files) trainArgs(out string, more ...string) []string {
	args := append([]string{"train", "--train", f.train, "--dev", f.dev, "--out-dir", out}, small...)
	return append(args, more...)
}

// trained is a folder with data and the model that was trained on it, made once for all tests; they must not change it.
func trained(t *testing.T) files {
	t.Helper()
	if sharedModel.dir == "" {
		dir, err := os.MkdirTemp(".", "shared-*") // in the tests' folder, which goes when all are done
		if err == nil {
			dir, err = filepath.Abs(dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		sharedModel = files{dir, transcripts(t, filepath.Join(dir, "train.jsonl"), synth.Train, 40),
			transcripts(t, filepath.Join(dir, "dev.jsonl"), synth.Dev, 12)}
		must(t, sharedModel.trainArgs(sharedModel.path("model"), "--epochs", "2")...)
	}
	return sharedModel
}

var sharedModel files

// sameFiles compares the files of two folders byte for byte.
func sameFiles(t *testing.T, a, b string, names ...string) {
	t.Helper()
	for _, name := range names {
		if !bytes.Equal(read(t, filepath.Join(a, name)), read(t, filepath.Join(b, name))) {
			t.Errorf("%s differs between the two", name)
		}
	}
}

var modelNames = []string{"config.json", "model.safetensors", "pii.json", "special_tokens_map.json", "tokenizer.json",
	"tokenizer_config.json", "vocab.txt", "metrics.jsonl", "calibration.json"}

func lines(content []byte) int { return bytes.Count(content, []byte("\n")) }

func ids(t *testing.T, path string) []string {
	t.Helper()
	all, err := data.ReadAll(path, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, transcript := range all {
		list = append(list, transcript.ID)
	}
	return list
}
