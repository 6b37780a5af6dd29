package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pii/hub/hubtest"
)

// tinyHub is a hub with the model acme/tiny, which is small, and an environment that leads there.
func tinyHub(t *testing.T) (*hubtest.Server, *hubtest.Repo) {
	t.Helper()
	files := hubtest.Files{"README.md": []byte("a card")}
	tiny := filepath.Join(sources, "scripts/parity/testdata/tiny-distilbert")
	entries, err := os.ReadDir(tiny)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		files[entry.Name()] = read(t, filepath.Join(tiny, entry.Name()))
	}
	next := maps.Clone(files) // a commit with another text in its weights' header
	next["model.safetensors"] = []byte(strings.Replace(string(files["model.safetensors"]), `"format":"pt"`, `"format":"PT"`, 1))
	if string(next["model.safetensors"]) == string(files["model.safetensors"]) {
		t.Fatal("the two commits are the same")
	}
	repo := &hubtest.Repo{Name: "acme/tiny", Refs: map[string]string{"main": strings.Repeat("a0", 20)},
		Commits: map[string]hubtest.Files{strings.Repeat("a0", 20): files, strings.Repeat("b1", 20): next}}
	bert := &hubtest.Repo{Name: "acme/bert", Refs: repo.Refs, Commits: map[string]hubtest.Files{strings.Repeat("a0", 20): {
		"config.json": []byte(`{"model_type": "bert"}`), "vocab.txt": files["vocab.txt"], "model.safetensors": files["model.safetensors"]}}}
	server := hubtest.New(repo, bert)
	t.Cleanup(server.Close)
	t.Setenv("HF_ENDPOINT", server.Hub.URL)
	t.Setenv("HF_HOME", t.TempDir())
	t.Setenv("HF_HUB_OFFLINE", "")
	t.Setenv("HF_TOKEN", server.Token)
	return server, repo
}

// silent checks that the hub was not asked since it was last looked.
func silent(t *testing.T, server *hubtest.Server, what string) {
	t.Helper()
	if asked := server.Requests(); len(asked) > 0 {
		t.Errorf("%s asks the hub: %v", what, asked)
	}
}

func TestTrainFromHub(t *testing.T) {
	server, repo := tinyHub(t)
	f := makeFiles(t)
	out := f.path("out")
	args := f.trainArgs(out, "--model", "acme/tiny@main")
	first := must(t, args...)
	first.want(t, exitDone, "downloading model acme/tiny (commit a0a0a0a0a0a0)", "training goes on from acme/tiny@main")
	server.Requests()
	must(t, args...).want(t, exitDone, "tokenize: fresh", "train: fresh")
	if asked := server.Requests(); len(asked) != 1 {
		t.Errorf("when all is there it asks %v", asked)
	}
	server.Fault = func(_ hubtest.Request, w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	must(t, args...).want(t, exitDone, "using model acme/tiny as it was last downloaded", "train: fresh")
	server.Fault = nil
	repo.Refs["main"] = strings.Repeat("b1", 20)
	moved := must(t, args...)
	moved.want(t, exitDone, "tokenize: fresh", "commit b1b1b1b1b1b1")
	if strings.Contains(moved.log, "train: fresh") {
		t.Error("another model on the hub makes nothing stale")
	}
	for _, r := range []result{first, moved} {
		if strings.Contains(r.log, server.Token) {
			t.Error("the token is told")
		}
	}
	record := string(read(t, filepath.Join(out, ".pii", "train", "stage.json")))
	if strings.Contains(record, server.Token) || !strings.Contains(record, "model/model.safetensors") {
		t.Errorf("the record says %s", record)
	}
	must(t, "predict", "--model-dir", out, "--input", f.dev)
}

// TestKillDuringDownload: what a killed process leaves is half a file, which is not taken for a model and is gone on from.
func TestKillDuringDownload(t *testing.T) {
	server, repo := tinyHub(t)
	repo.Alias, repo.Name = "distilbert-base-uncased", "distilbert/distilbert-base-uncased"
	weights := repo.Commits[repo.Refs["main"]]["model.safetensors"]
	f := makeFiles(t)
	args := f.trainArgs(f.path("out"), "--model", "distilbert-base-uncased")
	killed := make(chan bool)
	server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
		if !r.CDN {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(weights)))
		if _, err := w.Write(weights[:len(weights)/2]); err == nil {
			_ = http.NewResponseController(w).Flush() // if it fails, the half never comes
		}
		<-killed
		return true
	}
	partial := filepath.Join(os.Getenv("HF_HOME"), "hub", "models--distilbert-base-uncased", "blobs", hubtest.SHA256(weights)+".incomplete")
	first := start(t, args...)
	if !first.until(func() bool {
		info, err := os.Stat(partial)
		return err == nil && info.Size() == int64(len(weights)/2)
	}) {
		t.Fatalf("the download ended by itself:\n%s", first.said())
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	close(killed)
	server.Fault = nil
	server.Requests()
	t.Setenv("HF_HUB_OFFLINE", "1")
	pii(t, args...).want(t, exitFailed, "is not in "+os.Getenv("HF_HOME"))
	t.Setenv("HF_HUB_OFFLINE", "")
	must(t, args...)
	wanted := fmt.Sprintf("bytes=%d-", len(weights)/2)
	if asked := server.Requests(); !slices.ContainsFunc(asked, func(r hubtest.Request) bool { return r.CDN && r.Range == wanted }) {
		t.Errorf("nobody asks for %s: %v", wanted, asked)
	}
	if _, err := os.Stat(partial); err == nil {
		t.Error("the half file is still there")
	}
}

func TestRunFromHub(t *testing.T) {
	server, repo := tinyHub(t)
	p := newProject(t)
	model := []string{"--model", "acme/tiny"}
	waits := "it waits for the download of model acme/tiny"
	if r := p.status(model...); r.code != exitStale || strings.Count(r.out, waits) != 2 {
		t.Errorf("status says %s", r.out)
	}
	pii(t, p.args([]string{"run", "all"}, "--model", "acme/tiny", "--dry-run")...).want(t, exitDone, "tokenize: would run (it has no output yet; "+waits)
	must(t, append([]string{"config"}, model...)...)
	silent(t, server, "what only looks")
	must(t, p.args([]string{"run", "train"}, model...)...).want(t, exitDone, "downloading model acme/tiny")
	if yaml := string(read(t, p.path("runs/default/pii.yaml"))); !strings.Contains(yaml, `model: "acme/tiny"`) {
		t.Errorf("pii.yaml says %s", yaml)
	}
	server.Requests()
	repo.Refs["main"] = strings.Repeat("b1", 20)
	if r := p.status(model...); strings.Count(r.out, "fresh") != 2 {
		t.Errorf("status says %s", r.out)
	}
	must(t, p.args([]string{"run", "all"}, "--model", "acme/tiny", "--only", "predict")...)
	silent(t, server, "what does not read the model")
	again := must(t, p.args([]string{"run", "train"}, "--model", "acme/tiny", "--explain")...)
	again.want(t, exitDone, "tokenize: fresh", "train: runs because content of model/model.safetensors changed from")
}

func TestModelsThatTheHubHasNot(t *testing.T) {
	server, _ := tinyHub(t)
	f := makeFiles(t)
	out := f.path("out")
	one := func(r result, code int, words ...string) {
		t.Helper()
		r.want(t, code, words...)
		if strings.Count(r.log, "\n") != 1 {
			t.Errorf("the message has several lines:\n%s", r.log)
		}
	}
	one(pii(t, f.trainArgs(out, "--model", "smal")...), exitUsage, `did you mean "small"?`)
	one(pii(t, f.trainArgs(out, "--model", "./nowhere")...), exitUsage, "nor owner/name on the hub")
	one(pii(t, f.trainArgs(out, "--model", f.train)...), exitUsage, "nor owner/name on the hub")
	one(pii(t, "predict", "--model-dir", "nowhere", "--input", f.dev), exitFailed, "nowhere")
	silent(t, server, "what cannot be a model of the hub")
	one(pii(t, f.trainArgs(out, "--model", "acme/nothing")...), exitFailed, `there is no model "acme/nothing" at `+server.Hub.URL,
		"nor is there a folder acme/nothing")
	one(pii(t, "predict", "--model-dir", "acme/nothing@v1", "--input", f.dev), exitFailed, `there is no model "acme/nothing"`)
	server.Requests()
	r := pii(t, f.trainArgs(out, "--model", "acme/bert")...)
	r.want(t, exitFailed, `model_type is "bert"; only distilbert is supported`)
	if slices.ContainsFunc(server.Requests(), func(r hubtest.Request) bool { return r.CDN }) {
		t.Error("the weights of a model that cannot be used are downloaded")
	}
	one(pii(t, f.trainArgs(filepath.Join("acme", "tiny"), "--model", "acme/tiny")...), exitUsage, "named as the model of the hub")
	t.Setenv("HF_HUB_OFFLINE", "1")
	one(pii(t, f.trainArgs(out, "--model", "acme/tiny")...), exitFailed, "there is no folder acme/tiny; as a model of the hub: ",
		"model acme/tiny is not in "+os.Getenv("HF_HOME"), "unset it")
	if _, err := os.Stat(out); err == nil {
		t.Error("a training that cannot begin leaves a folder")
	}
}

func TestPredictFromHub(t *testing.T) {
	server, repo := tinyHub(t)
	f := trained(t)
	files := repo.Commits[repo.Refs["main"]]
	for name := range files {
		delete(files, name)
	}
	for _, name := range modelNames[:7] {
		files[name] = read(t, filepath.Join(f.path("model"), name))
	}
	want := must(t, "predict", "--pii-threshold", "0", "--model-dir", f.path("model"), "--input", f.dev).out
	if got := must(t, "predict", "--pii-threshold", "0", "--model-dir", "acme/tiny", "--input", f.dev).out; got != want {
		t.Error("a model from the hub predicts something else")
	}
	server.Close()
	t.Setenv("HF_HUB_OFFLINE", "1")
	must(t, "benchmark", "--model-dir", "acme/tiny", "--input", f.dev, "--runs", "2", "--device", "cpu")
}
