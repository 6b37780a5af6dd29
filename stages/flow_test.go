package stages

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"pii/data"
)

// lineSource is a file of so many transcripts, each made when it is read.
type lineSource struct {
	most int64
	made atomic.Int64
	left []byte
}

func (s *lineSource) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		if s.made.Load() == s.most {
			return 0, io.EOF
		}
		s.left = fmt.Appendf(nil, `{"id":"%d","text":"call me at home"}`+"\n", s.made.Add(1)-1)
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

func readerOf(t *testing.T, r io.Reader) *data.Reader {
	t.Helper()
	reader, err := data.NewReader(r, "in", data.Options{RecentIDs: 100})
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

var quiet = log.New(io.Discard, "", 0)

// TestFlowHoldsFewTranscripts counts the transcripts that were read and whose chunks have not come out yet, over a long file.
func TestFlowHoldsFewTranscripts(t *testing.T) {
	const n, perChunk, steps = 30_000, 10, 3
	for _, eager := range []bool{false, true} {
		source := &lineSource{most: n}
		f := newFlow(t.Context())
		chunks := f.read(readerOf(t, source), perChunk*(perTranscript+len("call me at home")), eager)
		for range steps {
			chunks = f.step(chunks, func(*chunk) error { return nil })
		}
		out, peak := 0, 0
		for c := range chunks {
			peak = max(peak, int(source.made.Load())-out)
			if len(c.transcripts) == 0 || len(c.transcripts) > perChunk || c.err != nil {
				t.Fatalf("a chunk of %d transcripts, %v", len(c.transcripts), c.err)
			}
			for i, transcript := range c.transcripts {
				if transcript.ID != fmt.Sprint(out+i) {
					t.Fatalf("transcript %d is %s", out+i, transcript.ID)
				}
			}
			out += len(c.transcripts)
		}
		f.end()
		// A chunk here, one in each step, one in the making; a transcript that is read, and one in the reader's buffer.
		if most := (steps+2)*perChunk + 2; peak > most {
			t.Errorf("eager %v: %d transcripts were held, at most %d may be", eager, peak, most)
		}
		if out != n {
			t.Errorf("eager %v: %d of %d came out", eager, out, n)
		}
	}
}

// TestFlowEnds fails in each step, in reading and in the middle of it all, and counts goroutines afterwards.
func TestFlowEnds(t *testing.T) {
	broken := errors.New("broken")
	before := runtime.NumGoroutine()
	for failing := range 3 {
		f := newFlow(context.Background())
		chunks := f.read(readerOf(t, &lineSource{most: 1000}), 200, false)
		for step := range 3 {
			chunks = f.step(chunks, func(c *chunk) error {
				if step == failing && c.transcripts[0].Line > 100 {
					return broken
				}
				return nil
			})
		}
		whole := 0
		var err error
		for c := range chunks {
			if err = c.err; err != nil {
				break
			}
			whole += len(c.transcripts)
		}
		f.end()
		if err != broken || whole < 90 || whole > 110 {
			t.Errorf("step %d: %v after %d transcripts", failing, err, whole)
		}
	}
	for _, taken := range []int{0, 1, 7} {
		ctx, cancel := context.WithCancel(context.Background())
		f := newFlow(ctx)
		chunks := f.step(f.read(readerOf(t, &lineSource{most: 1000}), 200, taken == 1), func(*chunk) error { return nil })
		for range taken {
			<-chunks
		}
		cancel()
		f.group.Wait()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
}

// TestPredictionsBeforeABadLine are all written.
func TestPredictionsBeforeABadLine(t *testing.T) {
	env, tagger := newTagger(t, 32)
	var input strings.Builder
	for i := range 50 {
		fmt.Fprintf(&input, `{"id":"t%d","text":"call anna"}`+"\n", i)
	}
	var out bytes.Buffer
	f := newFlow(t.Context())
	_, err := predictStream(f, tagger, readerOf(t, strings.NewReader(input.String()+"{\n")), false, &out, env.Log)
	var problem *data.Problem
	if !errors.As(err, &problem) || problem.Line != 51 {
		t.Errorf("the error is %v", err)
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 50 {
		t.Errorf("%d predictions", n)
	}
}

func TestPredictStopsWhenTold(t *testing.T) {
	_, tagger := newTagger(t, 64)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := predictStream(newFlow(ctx), tagger, readerOf(t, strings.NewReader(`{"id":"a","text":"b"}`)), false, io.Discard, quiet)
	if err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// TestStreamsAnswerLineByLine writes a line only when the prediction for the one before has come, and at last stops reading while
// the input stays open.
func TestStreamsAnswerLineByLine(t *testing.T) {
	env := newTestEnv(t)
	session, err := env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	dir, cfg := newModelFolder(t, session, 32)
	cfg.Device, cfg.Threads = "cpu", 1
	in, lines := io.Pipe()
	answers, out := io.Pipe()
	env.In, env.Out = in, out
	ended := make(chan error)
	go func() {
		err := PredictFiles(t.Context(), cfg, env, PredictOptions{ModelDir: dir, Input: "-", Output: "-"})
		out.Close()
		ended <- err
	}()
	reader := bufio.NewReader(answers)
	for i := range 20 {
		if _, err := fmt.Fprintf(lines, `{"id":"t%d","text":"call anna"}`+"\n", i); err != nil {
			t.Fatal(err)
		}
		answer, err := reader.ReadString('\n')
		if err != nil || !strings.Contains(answer, fmt.Sprintf(`"t%d"`, i)) {
			t.Fatalf("line %d is answered by %q, %v", i, answer, err)
		}
	}
	broken := errors.New("broken")
	answers.CloseWithError(broken)
	if _, err := lines.Write([]byte(`{"id":"last","text":"call anna"}` + "\n")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("ended by %v", err)
	}
}

// TestBatchingChangesNothing predicts the same texts in batches of any size, on one thread and two. On the CPU, in fp32, the scores are
// the same bit for bit as of each text alone; other products' sums may depend on how many tokens there are.
func TestBatchingChangesNothing(t *testing.T) {
	var taggers []*Tagger
	env := newTestEnv(t)
	session, err := env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	dir, cfg := newModelFolder(t, session, 32)
	cfg.Precision = "fp32"
	for threads := 1; threads <= 2; threads++ {
		if session, err = newTestEnv(t).session("cpu", threads); err != nil {
			t.Fatal(err)
		}
		taggers = append(taggers, openTestTagger(t, session, dir, cfg))
	}
	if by := taggers[0].model.Products(); by == "oneDNN" || by == "libtorch" {
		t.Skip("computed by ", by)
	}
	var input bytes.Buffer
	random := rand.New(rand.NewPCG(3, 3))
	for i := range 60 {
		fmt.Fprintf(&input, `{"id":"t%d","text":"%s"}`+"\n", i, randomText(random, random.IntN(70)))
	}
	predict := func(tagger *Tagger, eager bool) string {
		var out bytes.Buffer
		if _, err := predictStream(newFlow(t.Context()), tagger, readerOf(t, bytes.NewReader(input.Bytes())), eager, &out, quiet); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	alone := *taggers[0]
	alone.batch = batchLimit{tokens: 1}
	want := predict(&alone, false)
	rapid.Check(t, func(r *rapid.T) {
		tagger := *rapid.SampledFrom(taggers).Draw(r, "threads")
		tagger.batch.tokens = rapid.IntRange(1, 3000).Draw(r, "tokens")
		tagger.batch.rows = rapid.IntRange(0, 20).Draw(r, "rows")
		if got := predict(&tagger, rapid.Bool().Draw(r, "eager")); got != want {
			r.Error("another result")
		}
	})
}
