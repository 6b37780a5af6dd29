// Package stages holds what `pii` does: one file a stage, named after its verb. Each stage is offered twice, as a step of
// a run (see pipeline.go) and as a command on files of the user's.
package stages

import (
	"io"
	"log"
	"os"

	"pii/torchmodel"
)

// Env is what stages share: where they write to, and libtorch, which is opened once per device when first needed.
type Env struct {
	Out      io.Writer   // results
	Log      *log.Logger // everything else
	In       io.Reader   // what "-" names as input
	sessions map[string]*torchmodel.Session
}

// NewEnv writes results to standard output, messages to standard error, and reads "-" from standard input.
func NewEnv() *Env {
	return &Env{Out: os.Stdout, Log: log.New(os.Stderr, "", 0), In: os.Stdin}
}

// session returns the open session for a device.
func (e *Env) session(device string, threads int) (*torchmodel.Session, error) {
	if s, ok := e.sessions[device]; ok {
		return s, nil
	}
	s, err := torchmodel.Open(device, threads)
	if err != nil {
		return nil, err
	}
	if e.sessions == nil {
		e.sessions = map[string]*torchmodel.Session{}
	}
	e.sessions[device] = s
	return s, nil
}

// Close ends the sessions.
func (e *Env) Close() {
	for _, s := range e.sessions {
		s.Close()
	}
	e.sessions = nil
}
