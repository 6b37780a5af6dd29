package torchmodel

import (
	"errors"
	"runtime"
	"sync"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// owner is an OS thread that runs calls in turn. libtorch keeps gradient mode, errors and thread pools per thread, so a
// computation, from its tensors to its backward pass, stays with one owner.
type owner struct {
	calls   chan func()
	closing *sync.Once
}

func newOwner() owner {
	o := owner{make(chan func()), new(sync.Once)}
	go o.run()
	return o
}

// run does not unlock the thread: it ends with its goroutine, and with it what libtorch keeps for it.
func (o owner) run() {
	runtime.LockOSThread()
	for call := range o.calls {
		call()
	}
}

// do runs f on the owner's thread.
func (o owner) do(f func() error) error {
	result := make(chan error, 1)
	o.calls <- func() { result <- f() }
	return <-result
}

func (o owner) close() { o.closing.Do(func() { close(o.calls) }) }

// Session computes on a device, with the one owner of its models. On a CPU it loads libtorch when a model first needs it, which one
// that only predicts does not. The methods of Session, Model and Trainer may be called from any goroutine; they take turns. Only
// within a step of training do more threads compute, each the owner of graphs of its own: see crew.
type Session struct {
	owner
	device  gotch.Device
	threads int  // of one operation on the CPU
	torch   bool // libtorch is there, and has the owner's number of threads
	room    room

	// Warn is told, once, that the device has too little memory for what it was asked to compute at once. Nil: nobody is.
	Warn func(format string, arguments ...any)

	asGPU    bool                  // set by tests: what is done on a GPU is done on the CPU
	shortage func(cells int) error // set by tests: what computing so many padded tokens at once fails with
}

// Open starts a session's owner. device is cpu, cuda, cuda:N, or auto for CUDA where there is one; threads is the number of CPU
// threads of one operation, 0 for one per physical core (or what OMP_NUM_THREADS says).
func Open(device string, threads int) (*Session, error) {
	found, err := findDevice(device)
	if err != nil {
		return nil, err
	}
	s := &Session{owner: newOwner(), device: found, threads: chooseThreads(threads)}
	if !found.IsCuda() {
		return s, nil
	}
	if err = s.needLibtorch(); err == nil {
		err = s.do(func() error { return allowTF32(false) })
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// needLibtorch loads libtorch before the first of the session's tensors is made.
func (s *Session) needLibtorch() error {
	if err := Load(); err != nil {
		return err
	}
	return s.do(func() error {
		if s.torch {
			return nil
		}
		s.torch = true
		return SetThreads(s.threads)
	})
}

// noGrad runs f on the owner's thread without recording for a backward pass.
func (s *Session) noGrad(f func() error) error {
	return s.do(func() error { return withoutGrad(f) })
}

// withoutGrad is noGrad for who is on the owner's thread.
func withoutGrad(f func() error) error {
	before, err := ts.GradSetEnabled(false)
	if err != nil {
		return err
	}
	err = f()
	_, back := ts.GradSetEnabled(before)
	return errors.Join(err, back)
}

// onGPU reports whether a step of training is computed as on a GPU.
func (s *Session) onGPU() bool { return s.device.IsCuda() || s.asGPU }

// Close ends the owner. The session's models must be closed before.
func (s *Session) Close() { s.close() }

// Device is the device the session computes on: "cpu" or "cuda:N".
func (s *Session) Device() string { return deviceName(s.device) }
