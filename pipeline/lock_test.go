package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// holding starts another process that works on the lab's run and stops in join, with the lock held.
func (l *lab) holding() *process {
	l.Helper()
	p := start(l.T, orders{Dir: l.dir, Set: l.set, HoldAt: "join:halfway"})
	p.waitFor("join:halfway")
	return p
}

// onWait lets do be called when the lab's run says that it waits for the lock.
func (l *lab) onWait(do func()) {
	l.log.notify = func(line string) {
		if strings.Contains(line, "waiting up to") {
			do()
		}
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.holding()
	host, err := os.Hostname()
	l.check(err)
	for _, wait := range []time.Duration{0, time.Nanosecond} {
		_, err = l.execute(Options{LockWait: wait})
		var locked *LockedError
		want := fmt.Sprintf("run test is in use by process %d on %s (%s, since *) (--lock-wait waits for it)",
			p.cmd.Process.Pid, host, p.cmd.Args[0])
		if !errors.As(err, &locked) || !matches(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if state := l.states()["copy"]; !state.Fresh {
		t.Errorf("status, which takes no lock, says %+v", state)
	}
	if _, err := l.execute(Options{DryRun: true}); err != nil {
		t.Errorf("a dry run, which takes no lock: %v", err)
	}
	l.check(p.stdin.Close())
	if said, state := p.end(); !state.Success() {
		t.Fatalf("the other process: %v\n%s", state, said)
	}
	l.mustRun(Options{})
}

// TestLockWait waits for another process and goes on upon what that one has done.
func TestLockWait(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.holding()
	l.set.Schema = 1
	told := 0
	l.onWait(func() {
		told++
		l.check(p.stdin.Close())
	})
	l.mustRun(Options{LockWait: time.Minute}, "join")
	if said, state := p.end(); told != 1 || !state.Success() {
		t.Errorf("told %d times to wait; the other process: %v\n%s", told, state, said)
	}
}

// TestLockDies kills the holder. The next run needs neither waiting nor cleaning up by hand.
func TestLockDies(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.holding()
	l.check(p.cmd.Process.Kill())
	if _, state := p.end(); !killed(state) {
		t.Fatal(state)
	}
	l.mustRun(Options{}, "join", "side", "count")
}

func TestLockWaitCancelled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.holding()
	ctx, cancel := context.WithCancel(t.Context())
	l.onWait(cancel)
	ran, err := l.open().Execute(ctx, Options{LockWait: time.Hour})
	if !errors.Is(err, context.Canceled) || len(ran) > 0 || err.Error() != "waiting for run test: context canceled" {
		t.Errorf("ran %v, error %v", ran, err)
	}
	l.check(p.stdin.Close())
	if said, state := p.end(); !state.Success() {
		t.Errorf("the other process: %v\n%s", state, said)
	}
}

// TestLockUnreadable meets a lock file in which no holder can be read: the lock counts, not what the file says.
func TestLockUnreadable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	p := l.holding()
	l.write(l.path(lockName), "?")
	if _, err := l.execute(Options{}); err == nil || err.Error() != "run test is in use by another process (--lock-wait waits for it)" {
		t.Errorf("error %v", err)
	}
	l.check(p.stdin.Close())
	p.end()
	l.write(l.path(lockName), `{"pid":1}`)
	l.mustRun(Options{})
	if got := l.read(l.path(lockName)); got != "" {
		t.Errorf("after the run the lock file says %q", got)
	}
}
