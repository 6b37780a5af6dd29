package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pii/hub/hubtest"
)

// onWeights is a fault of the second server, which has the weights, for its first n answers.
func onWeights(n int32, fault func(w http.ResponseWriter)) func(hubtest.Request, http.ResponseWriter) bool {
	var count atomic.Int32
	return func(r hubtest.Request, w http.ResponseWriter) bool {
		if !r.CDN || count.Add(1) > n {
			return false
		}
		fault(w)
		return true
	}
}

// ranges are what the second server was asked for.
func (b *bench) ranges() []string {
	var list []string
	for _, r := range b.server.Requests() {
		if r.CDN {
			list = append(list, r.Range)
		}
	}
	return list
}

func (b *bench) wantRanges(want ...string) {
	b.t.Helper()
	if got := b.ranges(); !slices.Equal(got, want) {
		b.t.Errorf("the ranges asked for are %q, want %q", got, want)
	}
}

func TestCutConnection(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	b := newBench(t, repo)
	b.server.Fault = onWeights(1, func(w http.ResponseWriter) { cut(w, weights) })
	bytes := &counter{}
	b.client.Track = func(_ string, total int64) Tracker { bytes.total += total; return bytes }
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.wantRanges("", "bytes=50000-")
	if bytes.total != bytes.done || bytes.done < 100_000 {
		t.Errorf("progress: %d of %d bytes", bytes.done, bytes.total)
	}
}

type counter struct{ done, total int64 }

func (c *counter) Add(n int) { c.done += int64(n) }
func (c *counter) Close()    {}

// TestGoOn: a process that ends in the middle leaves a part that the next one goes on from, and nothing that looks whole.
func TestGoOn(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	b := newBench(t, repo)
	ctx, cancel := context.WithCancel(t.Context())
	b.server.Fault = onWeights(1, func(w http.ResponseWriter) { cut(w, weights) })
	b.client.sleep = func(context.Context, time.Duration) error { cancel(); return context.Canceled }
	if _, err := b.client.Resolve(ctx, Model{"acme/tiny", "main"}, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("the error is %v", err)
	}
	if !slices.Contains(b.blobs(), hubtest.SHA256(weights)+incompleteEnding) || slices.Contains(b.blobs(), hubtest.SHA256(weights)) ||
		b.inSnapshot(commitA, "model.safetensors") {
		t.Errorf("the cache holds %v", b.blobs())
	}
	if _, err := b.client.Cached(Model{"acme/tiny", "main"}); err == nil {
		t.Error("half a model counts as cached")
	}
	b.server.Requests()
	b.renew()
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.wantRanges("bytes=50000-")
}

func TestServerThatIgnoresRange(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	b := newBench(t, repo)
	part := atomic.Int32{}
	b.server.Fault = onWeights(2, func(w http.ResponseWriter) {
		if part.Add(1) == 1 {
			cut(w, weights)
		} else if _, err := w.Write(weights); err != nil { // all of it, with 200
			t.Error(err)
		}
	})
	bytes := &counter{}
	b.client.Track = func(_ string, total int64) Tracker { bytes.total += total; return bytes }
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.wantRanges("", "bytes=50000-")
	if bytes.total != bytes.done {
		t.Errorf("progress: %d of %d bytes", bytes.done, bytes.total)
	}
}

// leave puts a part of the weights into the cache as an earlier process would.
func (b *bench) leave(weights []byte, content string) {
	b.t.Helper()
	f := b.client.folder("acme/tiny")
	if err := os.MkdirAll(f.path+"/blobs", 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(f.blob(hubtest.SHA256(weights))+incompleteEnding, []byte(content), 0o666); err != nil {
		b.t.Fatal(err)
	}
}

func TestPartsLeftBehind(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	for _, test := range []struct {
		name, left string
		ranges     []string
	}{
		{"whole", string(weights), nil},
		{"too long", string(weights) + "more", []string{""}},
		{"empty", "", []string{""}},
		{"all but one byte", string(weights[:len(weights)-1]), []string{"bytes=99999-"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, repo)
			b.leave(weights, test.left)
			b.must("acme/tiny", commitA, repo.Commits[commitA])
			b.wantRanges(test.ranges...)
		})
	}
	t.Run("of something else", func(t *testing.T) {
		b := newBench(t, repo)
		b.leave(weights, "wrong")
		b.fails("acme/tiny", "not the file that the hub lists", "SHA-256")
		b.must("acme/tiny", commitA, repo.Commits[commitA])
		b.wantRanges("bytes=5-", "")
	})
}

func TestRangeThatTheServerHasNot(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	for name, fault := range map[string]func(http.ResponseWriter){
		"416": func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		"another part": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 0-9/100000")
			w.WriteHeader(http.StatusPartialContent)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, repo)
			b.leave(weights, "weights ")
			b.server.Fault = onWeights(1, fault)
			b.must("acme/tiny", commitA, repo.Commits[commitA])
			b.wantRanges("bytes=8-", "")
		})
	}
}

func TestWrongContent(t *testing.T) {
	repo := tiny()
	right := repo.Commits[commitA]
	other := func(content []byte) string { return strings.Repeat("x", len(content)) }
	for _, test := range []struct{ name, file, content, word string }{
		{"weights", "model.safetensors", other(right["model.safetensors"]), "SHA-256"},
		{"text", "tokenizer.json", other(right["tokenizer.json"]), "git's SHA-1"},
		{"too long", "tokenizer.json", string(right["tokenizer.json"]) + "more", "sends more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, repo)
			b.server.Fault = func(r hubtest.Request, w http.ResponseWriter) bool {
				if r.Method != http.MethodGet || !strings.HasSuffix(r.Path, test.file) &&
					!strings.HasSuffix(r.Path, hubtest.SHA256(right[test.file])) {
					return false
				}
				_, err := w.Write([]byte(test.content))
				return err == nil
			}
			b.fails("acme/tiny", test.file, test.word)
			if b.inSnapshot(commitA, test.file) {
				t.Error("the wrong file is in the snapshot")
			}
			for _, blob := range b.blobs() {
				if info, err := os.Stat(b.client.folder("acme/tiny").blob(blob)); strings.HasSuffix(blob, incompleteEnding) && (err != nil || info.Size() > 0) {
					t.Errorf("%s is kept", blob)
				}
			}
			b.server.Fault = nil
			b.must("acme/tiny", commitA, right)
		})
	}
}

// TestStall: a server that goes silent in the middle of a file, and one that never begins.
func TestStall(t *testing.T) {
	repo := tiny()
	weights := repo.Commits[commitA]["model.safetensors"]
	b := newBench(t, repo)
	b.client.Silence = 100 * time.Millisecond
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // before the server's own, which waits for its answers
	b.server.Fault = onWeights(1, func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100000")
		_, err := w.Write(weights[:1000])
		if flusher, ok := w.(http.Flusher); ok && err == nil {
			flusher.Flush()
		}
		<-release
	})
	b.must("acme/tiny", commitA, repo.Commits[commitA])
	b.wantRanges("", "bytes=1000-")
	if !slices.ContainsFunc(b.said, func(line string) bool { return strings.Contains(line, "nothing came for 100ms") }) {
		t.Errorf("it says %q", b.said)
	}
	b.client.Answer = 50 * time.Millisecond
	b.server.Fault = func(hubtest.Request, http.ResponseWriter) bool { <-release; return true }
	b.fails("acme/tiny@v1", "nothing came for 50ms")
}
