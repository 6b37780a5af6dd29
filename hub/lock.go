package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiter looks whether a lock has come free.
const lockPoll = 100 * time.Millisecond

// lock takes the lock of a blob, which Python takes too, and returns the function that lets it go. The lock is the kernel's
// and dies with its holder; its file stays.
func (c *Client) lock(ctx context.Context, path, what string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	for said := false; ; said = true {
		f, err := tryLock(path)
		if err != nil {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if f != nil {
			return func() {
				// By name: a process that is being started holds a copy of f until it runs, and with it the lock.
				_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
				f.Close()
			}, nil
		}
		if !said {
			c.sayf("waiting for another process that downloads %s", what)
		}
		if err := c.sleep(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}

// tryLock returns nil where somebody else has the lock.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o664)
	if err != nil {
		return nil, err
	}
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil && !sameFile(f, path) { // somebody tidied up between opening and locking
		err = unix.EWOULDBLOCK
	}
	if err == nil {
		_ = f.Chmod(0o664) // as Python's, for others in the group; where another made the file, it is theirs to decide
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

func sameFile(f *os.File, path string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(path)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
