package hub

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pii/hub/hubtest"
)

const (
	commitA = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0"
	commitB = "b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1"
)

// modelOf is the files of a model whose weights are size bytes long, and some that nobody wants.
func modelOf(size int) hubtest.Files {
	return hubtest.Files{"config.json": []byte(`{"model_type": "distilbert"}`), "vocab.txt": []byte("[PAD]\n"),
		"tokenizer.json": []byte("{}"), "tokenizer_config.json": []byte(`{"do_lower_case": true}`),
		"model.safetensors": bytes.Repeat([]byte("weights "), size/8),
		"README.md":         []byte("a card"), "tf_model.h5": []byte("other weights"), "pytorch_model.bin": []byte("pickled"),
		"onnx/model.onnx": []byte("exported"), ".gitattributes": nil}
}

var fetched = []string{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}

// tiny is a repository with two commits.
func tiny() *hubtest.Repo {
	return &hubtest.Repo{Name: "acme/tiny", Refs: map[string]string{"main": commitA, "v1": commitA, "refs/pr/1": commitB},
		Commits: map[string]hubtest.Files{commitA: modelOf(100_000), commitB: modelOf(50_000)}}
}

// bench is a hub with a client whose sleeps take no time.
type bench struct {
	t      *testing.T
	server *hubtest.Server
	env    map[string]string
	client *Client
	mu     sync.Mutex
	slept  []time.Duration
	said   []string
}

func newBench(t *testing.T, repos ...*hubtest.Repo) *bench {
	t.Helper()
	server := hubtest.New(repos...)
	t.Cleanup(server.Close)
	b := &bench{t: t, server: server, env: map[string]string{"HF_ENDPOINT": server.Hub.URL + "/", "HF_HOME": t.TempDir()}}
	b.renew()
	return b
}

// renew is another process with b's environment.
func (b *bench) renew() *Client {
	b.t.Helper()
	c, err := FromEnv(func(name string) string { return b.env[name] })
	if err != nil {
		b.t.Fatal(err)
	}
	c.Say = func(line string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said = append(b.said, line)
	}
	c.sleep = func(ctx context.Context, d time.Duration) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if d == lockPoll {
			return sleep(ctx, time.Millisecond) // for another goroutine, which does need time
		}
		b.slept = append(b.slept, d)
		return ctx.Err()
	}
	b.client = c
	return c
}

func (b *bench) resolve(name string) (string, error) {
	b.t.Helper()
	m, err := Parse(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.client.Resolve(b.t.Context(), m, nil)
}

// must resolves a model, and checks that what is there are the repository's files.
func (b *bench) must(name, commit string, want hubtest.Files, names ...string) string {
	b.t.Helper()
	dir, err := b.resolve(name)
	if err != nil {
		b.t.Fatal(err)
	}
	if filepath.Base(dir) != commit {
		b.t.Errorf("%s is %s, want %s", name, filepath.Base(dir), commit)
	}
	if len(names) == 0 {
		names = fetched
	}
	var got []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		got = append(got, rel)
		content, readErr := os.ReadFile(path)
		if err == nil && readErr == nil && !bytes.Equal(content, want[rel]) {
			b.t.Errorf("%s is not what the hub has", rel)
		}
		return readErr
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		b.t.Errorf("the snapshot holds %v, want %v", got, names)
	}
	return dir
}

// fails resolves a model in vain, and checks that the error is one line with all of these words.
func (b *bench) fails(name string, words ...string) error {
	b.t.Helper()
	_, err := b.resolve(name)
	if err == nil {
		b.t.Fatalf("%s: no error", name)
	}
	for _, word := range append(words, name) {
		if !strings.Contains(err.Error(), word) {
			b.t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	if strings.ContainsAny(err.Error(), "\n") {
		b.t.Errorf("the error has several lines: %q", err)
	}
	for _, secret := range []string{"hf_", "opensesame"} {
		if strings.Contains(err.Error()+strings.Join(b.said, ""), secret) {
			b.t.Errorf("a secret is told: %v; %q", err, b.said)
		}
	}
	return err
}

// asked are the requests since it was last called, of one method and to files alone.
func (b *bench) asked(method string) []hubtest.Request {
	var list []hubtest.Request
	for _, r := range b.server.Requests() {
		if r.Method == method && !strings.HasPrefix(r.Path, "/api/") {
			list = append(list, r)
		}
	}
	return list
}

// blobs are the names in the repository's blobs.
func (b *bench) blobs() []string {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.client.Cache, "models--acme--tiny", "blobs"))
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// inSnapshot reports whether a file is there.
func (b *bench) inSnapshot(commit, name string) bool {
	return exists(b.client.folder("acme/tiny").file(commit, name))
}

// cut answers with the whole file's length and half of what is asked for.
func cut(w http.ResponseWriter, content []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	_, _ = w.Write(content[:len(content)/2])
}
