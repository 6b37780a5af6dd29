package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const lockName = "lock"

// lockPoll is how often a waiter looks whether the lock has come free.
const lockPoll = 100 * time.Millisecond

// holder is what the lock file says of who holds it. The lock itself is the kernel's and dies with its holder.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that another process works on the run.
type LockedError struct {
	Run    string
	Holder string // who it is, as far as the lock file tells
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("run %s is in use by %s (--lock-wait waits for it)", e.Run, e.Holder)
}

// lock takes the run's lock, waiting up to wait for it, and returns the function that lets it go.
func lock(ctx context.Context, dir string, wait time.Duration, say func(string)) (func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("locking run: %w", err)
	}
	deadline := time.Now().Add(wait)
	for said := false; ; said = true {
		err = flock(f)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("locking run %s: %w", dir, err), f.Close())
		}
		busy := &LockedError{filepath.Base(dir), readHolder(f)}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, errors.Join(busy, f.Close())
		}
		if !said {
			say(fmt.Sprintf("run %s is in use by %s; waiting up to %v", busy.Run, busy.Holder, wait))
		}
		if err := sleep(ctx, min(left, lockPoll)); err != nil {
			return nil, errors.Join(fmt.Errorf("waiting for run %s: %w", busy.Run, err), f.Close())
		}
	}
	if err := writeHolder(f); err != nil {
		return nil, errors.Join(fmt.Errorf("locking run %s: %w", dir, err), f.Close())
	}
	return func() {
		// Whoever looks before the next holder has written its name must not read this one's.
		_ = f.Truncate(0)
		// Unlocked by name: a process that is being started holds a copy of f until it runs, and with it the lock.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		f.Close()
	}, nil
}

func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func writeHolder(f *os.File) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	content, err := json.Marshal(holder{os.Getpid(), host, strings.Join(os.Args[:min(3, len(os.Args))], " "), time.Now()})
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(append(content, '\n'), 0)
	return err
}

func readHolder(f *os.File) string {
	content, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<16))
	var h holder
	if err != nil || json.Unmarshal(content, &h) != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s (%s, since %s)", h.PID, h.Host, h.Command, h.Since.Format(time.DateTime))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
