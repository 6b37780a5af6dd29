package torchmodel

import (
	"errors"
	"runtime"
	"sync"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Session is libtorch with its one owner: a goroutine locked to its OS thread. libtorch keeps gradient mode, errors and
// thread pools per thread, so every call into it goes through here. The methods of Session, Model and Trainer may be called
// from any goroutine; they take turns.
type Session struct {
	calls   chan func()
	device  gotch.Device
	closing sync.Once
}

// Open loads libtorch and starts its owner. device is cpu, cuda, cuda:N, or auto for CUDA where there is one; threads is
// the number of CPU threads of one operation, 0 for one per physical core (or what OMP_NUM_THREADS says).
func Open(device string, threads int) (*Session, error) {
	if err := Load(); err != nil {
		return nil, err
	}
	s := &Session{calls: make(chan func())}
	go s.own()
	err := s.do(func() (err error) {
		if err := useThreads(threads); err != nil {
			return err
		}
		s.device, err = resolveDevice(device)
		return err
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Session) own() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for call := range s.calls {
		call()
	}
}

// do runs f on the owner's thread.
func (s *Session) do(f func() error) error {
	result := make(chan error, 1)
	s.calls <- func() { result <- f() }
	return <-result
}

// noGrad runs f on the owner's thread without recording for a backward pass.
func (s *Session) noGrad(f func() error) error {
	return s.do(func() error {
		before, err := ts.GradSetEnabled(false)
		if err != nil {
			return err
		}
		err = f()
		_, back := ts.GradSetEnabled(before)
		return errors.Join(err, back)
	})
}

// Close ends the owner. The session's models must be closed before.
func (s *Session) Close() { s.closing.Do(func() { close(s.calls) }) }

// Device is the device the session computes on: "cpu" or "cuda:N".
func (s *Session) Device() string { return deviceName(s.device) }
