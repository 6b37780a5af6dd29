package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pii/hub/hubtest"
)

func TestDownload(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	dir := b.must("acme/tiny", commitA, repo.Commits[commitA])
	folder := filepath.Join(b.env["HF_HOME"], "hub", "models--acme--tiny")
	if want := filepath.Join(folder, "snapshots", commitA); dir != want {
		t.Errorf("the snapshot is %s, want %s", dir, want)
	}
	for name, etag := range map[string]string{"config.json": hubtest.GitHash(repo.Commits[commitA]["config.json"]),
		"model.safetensors": hubtest.SHA256(repo.Commits[commitA]["model.safetensors"])} {
		if target, err := os.Readlink(filepath.Join(dir, name)); err != nil || target != "../../blobs/"+etag {
			t.Errorf("%s leads to %s, %v; want ../../blobs/%s", name, target, err, etag)
		}
	}
	if ref, err := os.ReadFile(filepath.Join(folder, "refs", "main")); err != nil || string(ref) != commitA {
		t.Errorf("refs/main is %q, %v", ref, err)
	}
	for _, blob := range b.blobs() {
		if strings.HasSuffix(blob, incompleteEnding) {
			t.Errorf("%s is left behind", blob)
		}
	}
	b.server.Requests()
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	if again := b.server.Requests(); len(again) != 1 || again[0].Path != "/api/models/acme/tiny/revision/main" {
		t.Errorf("for a model that is in the cache it asks %v", again)
	}
}

func TestRevisions(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	b.must("acme/tiny@v1", commitA, repo.Commits[commitA])
	b.must("acme/tiny@refs/pr/1", commitB, repo.Commits[commitB])
	b.must("acme/tiny@"+commitB[:7], commitB, repo.Commits[commitB])
	b.server.Requests()
	b.must("acme/tiny@"+commitB, commitB, repo.Commits[commitB])
	if asked := b.server.Requests(); len(asked) > 0 {
		t.Errorf("for a whole commit in the cache it asks %v", asked)
	}
	if files := b.blobs(); len(files) != 5 { // all but the weights are the same in both commits
		t.Errorf("%d blobs, want 5: %v", len(files), files)
	}
	b.env["HF_HUB_OFFLINE"] = "1"
	b.renew()
	for name, commit := range map[string]string{"v1": commitA, "refs/pr/1": commitB, commitB[:7]: commitB, commitA[:10]: commitA} {
		b.must("acme/tiny@"+name, commit, repo.Commits[commit])
	}
	b.fails("acme/tiny@refs", "HF_HUB_OFFLINE")
}

func TestMovingBranch(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	repo.Refs["main"] = commitB
	b.server.Requests()
	b.must("acme/tiny", commitB, repo.Commits[commitB])
	if got := b.asked(http.MethodGet); len(got) != 2 { // to the hub, which redirects, and to the other server
		t.Errorf("only the weights differ, but it gets %v", got)
	}
}

func TestOldNames(t *testing.T) {
	repo := tiny()
	repo.Name, repo.Alias = "acme/tiny-model", "tiny-model"
	b := newBench(t, repo)
	dir := b.must("tiny-model", commitA, repo.Commits[commitA])
	if !strings.Contains(dir, "/models--tiny-model/") {
		t.Errorf("the snapshot is %s; Python keeps the name that was asked for", dir)
	}
}

func TestWeights(t *testing.T) {
	shard1, shard2 := "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	index := []byte(`{"metadata": {}, "weight_map": {"a": "` + shard2 + `", "b": "` + shard1 + `", "c": "` + shard2 + `"}}`)
	base := hubtest.Files{"config.json": []byte("{}"), "vocab.txt": []byte("x\n")}
	with := func(files hubtest.Files) hubtest.Files {
		all := hubtest.Files{}
		for _, part := range []hubtest.Files{base, files} {
			for name, content := range part {
				all[name] = content
			}
		}
		return all
	}
	tests := []struct {
		name  string
		files hubtest.Files
		want  []string // or, with one word that is no file, the error
	}{
		{"pickled", with(hubtest.Files{"pytorch_model.bin": []byte("p"), "flax_model.msgpack": []byte("f")}), []string{"config.json", "pytorch_model.bin", "vocab.txt"}},
		{"shards", with(hubtest.Files{"model.safetensors.index.json": index, shard1: []byte("1"), shard2: []byte("2"), "pytorch_model.bin": nil,
			"model-00003-of-00002.safetensors": nil}), []string{"config.json", shard1, shard2, "model.safetensors.index.json", "vocab.txt"}},
		{"pickled shards", with(hubtest.Files{"pytorch_model.bin.index.json": []byte(`{"weight_map": {"a": "x.bin"}}`), "x.bin": []byte("1")}),
			[]string{"config.json", "pytorch_model.bin.index.json", "vocab.txt", "x.bin"}},
		{"card", with(hubtest.Files{"model.safetensors": []byte("1"), "pii.json": []byte("{}"), "special_tokens_map.json": []byte("{}")}),
			[]string{"config.json", "model.safetensors", "pii.json", "special_tokens_map.json", "vocab.txt"}},
		{"a shard is not there", with(hubtest.Files{"model.safetensors.index.json": index, shard1: []byte("1")}), []string{"has no " + shard2}},
		{"no weights", with(nil), []string{"has no model.safetensors or pytorch_model.bin"}},
		{"no tokenizer", hubtest.Files{"config.json": nil, "model.safetensors": nil}, []string{"has no tokenizer.json or vocab.txt"}},
		{"outside", with(hubtest.Files{"model.safetensors.index.json": []byte(`{"weight_map": {"a": "../../../x.bin"}}`), "../../../x.bin": nil}), []string{"no file beside it can be called"}},
		{"empty index", with(hubtest.Files{"model.safetensors.index.json": []byte(`{}`)}), []string{"names no files"}},
		{"broken index", with(hubtest.Files{"model.safetensors.index.json": []byte(`{"weight_map"`)}), []string{"model.safetensors.index.json: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			repo := &hubtest.Repo{Name: "acme/tiny", Refs: map[string]string{"main": commitA}, Commits: map[string]hubtest.Files{commitA: test.files}}
			b := newBench(t, repo)
			if strings.Contains(test.want[0], " ") {
				b.fails("acme/tiny", test.want...)
				return
			}
			b.must("acme/tiny", commitA, test.files, test.want...)
			b.env["TRANSFORMERS_OFFLINE"] = "yes"
			b.renew()
			b.must("acme/tiny", commitA, test.files, test.want...)
		})
	}
}

func TestAccept(t *testing.T) {
	b := newBench(t, tiny())
	refused := errors.New("the model is of another kind")
	_, err := b.client.Resolve(t.Context(), Model{"acme/tiny", "main"}, func(dir string) error {
		if !exists(filepath.Join(dir, "config.json")) {
			t.Error("there is no configuration to look at")
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("the error is %v", err)
	}
	if got := b.asked(http.MethodGet); len(got) != 1 {
		t.Errorf("for a model that is not wanted it gets %v", got)
	}
}

func TestOffline(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	b.env["HF_HUB_OFFLINE"] = "1"
	b.renew()
	b.fails("acme/tiny", "is not in "+b.client.Cache, "unset it", "model.safetensors")
	if asked := b.server.Requests(); len(asked) > 0 {
		t.Errorf("offline, it asks %v", asked)
	}
	var missing *MissingError
	if _, err := b.client.Cached(Model{"acme/tiny", "main"}); !errors.As(err, &missing) {
		t.Errorf("Cached: %v", err)
	}
	b.env["HF_HUB_OFFLINE"] = "0"
	b.renew()
	dir := b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.env["HF_HUB_OFFLINE"] = "TRUE"
	b.renew()
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	b.fails("acme/tiny", "only in part", "has no model.safetensors", "HF_HUB_OFFLINE")
}

func TestHubIsDown(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.server.Fault = func(_ hubtest.Request, w http.ResponseWriter) bool { w.WriteHeader(http.StatusBadGateway); return true }
	b.said = nil
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	if len(b.said) != 1 || !strings.Contains(b.said[0], "as it was last downloaded") || len(b.slept) > 0 {
		t.Errorf("it says %q and sleeps %v", b.said, b.slept)
	}
	b.fails("acme/tiny@v1", "502 Bad Gateway")
	b.server.Close()
	b.said = nil
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.fails("acme/tiny@v1", "without network", b.client.Cache, "name a folder")
}

func TestRefusals(t *testing.T) {
	private, gated := tiny(), tiny()
	private.Name, private.Private = "acme/private", true
	gated.Name, gated.Gated = "acme/gated", true
	b := newBench(t, tiny(), private, gated)
	b.fails("acme/other", `there is no model "acme/other"`, b.server.Hub.URL, "set HF_TOKEN")
	b.fails("acme/private", `there is no model "acme/private"`, "or it is private")
	b.fails("acme/gated", "is gated", "ask for access")
	b.fails("acme/tiny@v9", "has no such revision")
	b.env["HF_TOKEN"] = "hf_wrong"
	b.renew()
	b.fails("acme/tiny", "does not know the token")
	b.env["HF_TOKEN"] = "hf_secret\n"
	b.renew()
	b.must("acme/private", commitA, private.Commits[commitA])
	b.must("acme/gated", commitA, gated.Commits[commitA])
	b.fails("acme/other", "does not give access")
	b.server.Requests()
	b.must("acme/tiny", commitA, tiny().Commits[commitA])
	told := 0
	for _, r := range b.server.Requests() {
		if r.CDN && r.Authorization != "" {
			t.Errorf("the other server is told the token: %v", r)
		}
		if !r.CDN && r.Authorization == "Bearer hf_secret" {
			told++
		}
	}
	if told != 1+2*len(fetched) { // the list, and each file's description and content
		t.Errorf("the hub is told the token %d times", told)
	}
}

func TestFileIsGone(t *testing.T) {
	b := newBench(t, tiny())
	b.server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
		if strings.HasSuffix(r.Path, "tokenizer.json") {
			hubtest.Fail(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
			return true
		}
		return false
	}
	b.fails("acme/tiny", "tokenizer.json", "a file that the hub lists is not there")
	if b.inSnapshot(commitA, "model.safetensors") {
		t.Error("the weights came before the small files: a snapshot with weights must be whole")
	}
	if _, err := os.Stat(b.client.folder("acme/tiny").ref("main")); err == nil {
		t.Error("the branch is noted though the commit is not whole")
	}
}

// TestTooMany: the hub asks to wait, in its three ways, and then answers.
func TestTooMany(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	in2 := time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat)
	headers := []http.Header{{"Retry-After": {"7"}}, {"Retry-After": {in2}}, {"Ratelimit": {`"resolvers";r=0;t=55`}}, {}}
	var at atomic.Int32
	b.server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
		i := int(at.Add(1)) - 1
		if i >= len(headers) {
			return false
		}
		for name, values := range headers[i] {
			w.Header()[name] = values
		}
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	if len(b.slept) != 4 || b.slept[0] != 7*time.Second || b.slept[1] < 100*time.Second || b.slept[1] > 2*time.Minute ||
		b.slept[2] != 55*time.Second || b.slept[3] != 8*time.Second {
		t.Errorf("it waits %v", b.slept)
	}
	if !slices.ContainsFunc(b.said, func(line string) bool { return strings.Contains(line, "trying again in 7s") }) {
		t.Errorf("it says %q", b.said)
	}
	headers, b.slept = []http.Header{{"Retry-After": {"86400"}}}, nil
	at.Store(0)
	b.fails("acme/tiny@refs/pr/1", "429", "24h0m0s")
	if len(b.slept) > 0 {
		t.Errorf("it waits %v", b.slept)
	}
}

// TestServerErrors: some answers later, all is well; after five in a row it gives up.
func TestServerErrors(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	seen := sync.Map{}
	b.server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
		if _, again := seen.LoadOrStore(fmt.Sprint(r.CDN, r.Method, r.Path), true); again {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	if len(b.slept) < 10 || slices.Max(b.slept) > 2*time.Second {
		t.Errorf("it waits %v", b.slept)
	}
	b.slept = nil
	b.server.Fault = func(_ hubtest.Request, w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	b.fails("acme/tiny@v1", "503 Service Unavailable")
	if fmt.Sprint(b.slept) != "[1s 2s 4s 8s]" {
		t.Errorf("it waits %v", b.slept)
	}
}

func TestNotAHub(t *testing.T) {
	for name, answer := range map[string]string{"a page": "<html>", "another's JSON": "{}", "a path for a commit": `{"sha": "../../etc"}`,
		"endless": strings.Repeat(" ", maxText+1)} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tiny())
			b.server.Fault = func(_ hubtest.Request, w http.ResponseWriter) bool {
				_, err := w.Write([]byte(answer))
				return err == nil
			}
			b.fails("acme/tiny", "the hub's list of files")
			leftNothing(t, b)
		})
	}
}

func leftNothing(t *testing.T, b *bench) {
	t.Helper()
	if entries, err := os.ReadDir(b.client.Cache); err == nil && len(entries) > 0 {
		t.Errorf("the cache holds %v", entries)
	}
}

func TestNoHashNoFile(t *testing.T) {
	b := newBench(t, tiny())
	b.server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
		w.Header().Set("ETag", `"../../../../etc/passwd"`)
		return r.Method == http.MethodHead
	}
	b.fails("acme/tiny", "names no hash")
	leftNothing(t, b)
}

// TestAtOnce: of several that want the same model, each file is downloaded by one.
func TestAtOnce(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	var group sync.WaitGroup
	for range 4 {
		client := b.renew()
		group.Go(func() {
			if _, err := client.Resolve(t.Context(), Model{"acme/tiny", "main"}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got := map[string]int{}
	for _, r := range b.asked(http.MethodGet) {
		if got[r.Path]++; got[r.Path] > 1 {
			t.Errorf("%s was got %d times", r.Path, got[r.Path])
		}
	}
	b.must("acme/tiny", commitA, repo.Commits[commitA])
}

// TestLock: what Python holds, we wait for.
func TestLock(t *testing.T) {
	repo := tiny()
	b := newBench(t, repo)
	etag := hubtest.SHA256(repo.Commits[commitA]["model.safetensors"])
	path := filepath.Join(b.client.Cache, ".locks", "models--acme--tiny", etag+".lock")
	unlock, err := b.client.lock(t.Context(), path, "it")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiter := b.renew()
	wait := waiter.sleep
	waiter.sleep = func(ctx context.Context, d time.Duration) error { cancel(); return wait(ctx, d) }
	if _, err := waiter.Resolve(ctx, Model{"acme/tiny", "main"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a lock ends with %v", err)
	}
	if last := b.said[len(b.said)-1]; !strings.Contains(last, "waiting for another process that downloads model.safetensors") {
		t.Errorf("it says %q", b.said)
	}
	unlock()
	b.renew()
	b.must("acme/tiny", commitA, repo.Commits[commitA])
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	b := newBench(t, tiny())
	if err := os.WriteFile(b.client.Cache, nil, 0o666); err != nil { // root may write everywhere, but not below a file
		t.Fatal(err)
	}
	b.fails("acme/tiny", b.client.Cache, "not a directory")
}
