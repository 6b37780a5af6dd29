package stages

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"pii/data"
)

// flow is work in steps on chunks of transcripts, as on an assembly line: each step is a goroutine with one chunk at a time, so
// that a file is read, tokenized, computed, decoded and written at the same time. Channels hold nothing, so there are never more
// chunks than there are steps. The chunks stay in order.
type flow struct {
	ctx    context.Context // done when the flow ends
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// newFlow is a flow that ends with ctx at the latest. Who makes it must call end.
func newFlow(ctx context.Context) *flow {
	ctx, cancel := context.WithCancel(ctx)
	return &flow{ctx: ctx, cancel: cancel}
}

// end tells all steps to stop, and waits until they have.
func (f *flow) end() {
	f.cancel()
	f.group.Wait()
}

// perTranscript is what a transcript counts to the size of a chunk beside its text, in bytes, so that a chunk of empty ones ends too.
const perTranscript = 16

// chunk is a stretch of the transcripts on its way through a flow.
type chunk struct {
	transcripts []data.Transcript
	size        int // bytes of text, and perTranscript for each
	prepared    []prepared
	batches     []submitted // of prepared
	lines       []byte      // a prediction for each transcript
	done        bool        // an earlier call has written the lines
	err         error       // what went wrong at or before the chunk
}

func (c *chunk) add(t data.Transcript) {
	c.transcripts = append(c.transcripts, t)
	c.size += len(t.Text) + perTranscript
}

// read makes chunks of what a reader gives. A chunk is full when its size has come to limit. Eager chunks are handed on as soon as
// somebody waits for them, so that nobody waits for input that may never come; others only when they are full or the last, so
// that the same input makes the same chunks. An error of the reader comes as a chunk of its own, after what stands before it.
func (f *flow) read(reader *data.Reader, limit int, eager bool) <-chan *chunk {
	transcripts := make(chan data.Transcript)
	var fault error // written before transcripts is closed
	f.group.Go(func() {
		defer close(transcripts)
		for {
			t, err := reader.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				fault = err
				return
			}
			select {
			case transcripts <- t:
			case <-f.ctx.Done():
				return
			}
		}
	})
	out := make(chan *chunk)
	f.group.Go(func() {
		defer close(out)
		if f.gather(transcripts, out, limit, eager) && fault != nil {
			f.send(out, &chunk{err: fault})
		}
	})
	return out
}

// gather makes chunks of transcripts until there are no more. It reports whether it came so far.
func (f *flow) gather(in <-chan data.Transcript, out chan<- *chunk, limit int, eager bool) bool {
	c := &chunk{}
	for in != nil || len(c.transcripts) > 0 {
		take, give := in, out
		if c.size >= limit {
			take = nil
		}
		if len(c.transcripts) == 0 || !eager && take != nil {
			give = nil
		}
		select {
		case t, more := <-take:
			if more {
				c.add(t)
			} else {
				in = nil
			}
		case give <- c:
			c = &chunk{}
		case <-f.ctx.Done():
			return false
		}
	}
	return true
}

// step does work on each chunk that there is something to do for.
func (f *flow) step(in <-chan *chunk, work func(*chunk) error) <-chan *chunk {
	out := make(chan *chunk)
	f.group.Go(func() {
		defer close(out)
		for c := range in {
			if c.err == nil && !c.done {
				c.err = work(c)
			}
			if !f.send(out, c) {
				return
			}
		}
	})
	return out
}

func (f *flow) send(out chan<- *chunk, c *chunk) bool {
	select {
	case out <- c:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// forEach does something for each index below n, on all cores. The error is that of the lowest index that has one.
func forEach(n int, do func(i int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	errs := make([]error, n)
	work := func(w int) {
		for i := w; i < n; i += workers {
			errs[i] = do(i)
		}
	}
	var group sync.WaitGroup
	for w := 1; w < workers; w++ {
		group.Go(func() { work(w) })
	}
	work(0)
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
