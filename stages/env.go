// Package stages holds what `pii` does: one file a stage, named after its verb. Each stage is offered twice, as a step of
// a run (see pipeline.go) and as a command on files of the user's.
package stages

import (
	"context"
	"io"
	"log"
	"os"
	"sync"

	"pii/hub"
	"pii/pipeline"
	"pii/torchmodel"
)

// Env is what stages share: where they write to, and a session per device, which is opened when first needed.
type Env struct {
	Out      io.Writer   // results
	Log      *log.Logger // everything else
	In       io.Reader   // what "-" names as input
	sessions map[string]*torchmodel.Session
}

// NewEnv writes results to standard output, messages to standard error, and reads "-" from standard input until ctx is
// cancelled.
func NewEnv(ctx context.Context) *Env {
	return &Env{Out: os.Stdout, Log: log.New(os.Stderr, "", 0), In: interruptible(ctx, os.Stdin)}
}

// interruptible is a reader whose calls end when ctx is cancelled, also where r, a terminal, waits for somebody to type.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	return &lazyReader{Reader: out, begin: func() {
		context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
		go func() {
			_, err := io.Copy(in, r)
			in.CloseWithError(err)
		}()
	}}
}

// lazyReader begins when it is first read: what nobody reads must not be taken from others.
type lazyReader struct {
	io.Reader
	once  sync.Once
	begin func()
}

func (l *lazyReader) Read(p []byte) (int, error) {
	l.once.Do(l.begin)
	return l.Reader.Read(p)
}

// session returns the open session for a device, by whatever name: each session has threads of its own, and where there are more
// threads than processors, OpenMP makes them sleep wherever they meet.
func (e *Env) session(name string, threads int) (*torchmodel.Session, error) {
	device, err := torchmodel.ResolveDevice(name)
	if err != nil {
		return nil, err
	}
	if s, ok := e.sessions[device]; ok {
		return s, nil
	}
	s, err := torchmodel.Open(device, threads)
	if err != nil {
		return nil, err
	}
	s.Warn = e.Log.Printf
	if e.sessions == nil {
		e.sessions = map[string]*torchmodel.Session{}
	}
	e.sessions[device] = s
	return s, nil
}

// hub is the Hugging Face hub as the environment describes it.
func (e *Env) hub() (*hub.Client, error) {
	client, err := hub.FromEnv(os.Getenv)
	if err != nil {
		return nil, &ConfigError{err.Error()}
	}
	client.Say = func(line string) { e.Log.Print(line) }
	client.Track = func(what string, bytes int64) hub.Tracker { return pipeline.NewByteProgress(e.Log, what, bytes) }
	return client, nil
}

// Close ends the sessions.
func (e *Env) Close() {
	for _, s := range e.sessions {
		s.Close()
	}
	e.sessions = nil
}
