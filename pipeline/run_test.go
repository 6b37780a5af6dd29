package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// noExchange stands for a file system that cannot let two names change places.
func noExchange(string, string) error { return unix.EINVAL }

// failCases are what can go wrong in join, half of its output written.
var failCases = []struct {
	name string
	fail func(l *lab, cancel func(), job *Job) error
	want string
}{
	{"error", func(*lab, func(), *Job) error { return errors.New("no more") }, "join: no more"},
	{"cancelled", func(_ *lab, cancel func(), _ *Job) error {
		cancel()
		return context.Canceled
	}, "join: context canceled"},
	{"disk full", func(l *lab, _ func(), _ *Job) error { return os.WriteFile("/dev/full", []byte("x"), 0o666) },
		"join: write /dev/full: no space left on device"},
	{"input changed meanwhile", func(l *lab, _ func(), _ *Job) error {
		l.write(l.path("copy/text.txt"), "SOME words\n")
		return nil
	}, "join: copy/text.txt was changed while the stage ran; run it again"},
	{"input gone meanwhile", func(l *lab, _ func(), _ *Job) error { return os.Remove(l.path("copy/text.txt")) },
		"join: *no such file or directory*"},
	{"link to a file", func(l *lab, _ func(), job *Job) error {
		return os.Symlink(l.set.Input, filepath.Join(job.Dir, "link"))
	}, "join: the stage wrote link, which is a symbolic link, not a file"},
	{"link to nothing", func(_ *lab, _ func(), job *Job) error {
		return os.Symlink("nowhere", filepath.Join(job.Dir, "parts", "link"))
	}, "join: the stage wrote parts/link, which is a symbolic link, not a file"},
	{"pipe", func(_ *lab, _ func(), job *Job) error { return unix.Mkfifo(filepath.Join(job.Dir, "pipe"), 0o666) },
		"join: the stage wrote pipe, which is a device or a pipe, not a file"},
	{"the record's name", func(_ *lab, _ func(), job *Job) error {
		return os.WriteFile(filepath.Join(job.Dir, recordName), nil, 0o666)
	}, "join: the stage wrote stage.json, the name under which its record is kept"},
}

// TestFailure lets a stage fail in all kinds of ways. What it made before stays, and nothing is left lying about.
func TestFailure(t *testing.T) {
	t.Parallel()
	for _, c := range failCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			before := files(t, l.path("join"))
			l.set.Times = 2
			ctx, cancel := context.WithCancel(t.Context())
			l.hook = func(_ context.Context, stage string, job *Job) error {
				if stage != "join" {
					return nil
				}
				return c.fail(l, cancel, job)
			}
			ran, err := l.open().Execute(ctx, Options{})
			if err == nil || !matches(err.Error(), c.want) || len(ran) > 0 {
				t.Errorf("ran %v, error %v, want %s", ran, err, c.want)
			}
			sameFiles(t, files(t, l.path("join")), before)
			sameNames(t, names(t, l.dir), []string{"checkpoints", "copy", "count", "join", "lock", "side"})
			l.hook = nil
			l.mayRun("copy", "join", "count")
			if got := l.read(l.path("join/all.txt")); got != "some words\nsome words\n" {
				t.Errorf("at last join wrote %q", got)
			}
		})
	}
}

// mayRun runs the pipeline to its end; only stages with these names may run.
func (l *lab) mayRun(allowed ...string) {
	l.Helper()
	ran, err := l.execute(Options{})
	l.check(err)
	for _, name := range ran {
		if !slices.Contains(allowed, name) {
			l.Errorf("%s ran too", name)
		}
	}
}

// TestInputChangedMeanwhile changes a file from outside the run while a stage reads it.
func TestInputChangedMeanwhile(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.hook = func(context.Context, string, *Job) error {
		l.rewrite(l.set.Input, "SOME words\n")
		return nil
	}
	_, err := l.execute(Options{})
	if err == nil || !matches(err.Error(), "copy: */in.txt (text) was changed while the stage ran; run it again") {
		t.Errorf("error %v", err)
	}
	l.hook = nil
	l.mustRun(Options{}, "copy", "join", "side", "count")
	if got := l.read(l.path("copy/text.txt")); got != "SOME words\n" {
		t.Errorf("copy wrote %q", got)
	}
}

// TestCancelBetweenStages cancels in a stage that finishes nevertheless: its work is kept, and no other one begins.
func TestCancelBetweenStages(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	l.hook = func(context.Context, string, *Job) error {
		cancel()
		return nil
	}
	ran, err := l.open().Execute(ctx, Options{})
	if !errors.Is(err, context.Canceled) || !slices.Equal(ran, []string{"copy"}) {
		t.Errorf("ran %v, error %v", ran, err)
	}
	l.hook = nil
	l.mustRun(Options{}, "join", "side", "count")
}

// TestEmptyOutput tells an empty file, which is an output like others, from none at all.
func TestEmptyOutput(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.write(l.set.Input, "")
	l.mustRun(Options{}, "copy", "join", "side", "count")
	if got := l.read(l.path("count/count.txt")); got != "0 4\n" {
		t.Errorf("count wrote %q", got)
	}
	l.mustRun(Options{})

	nothing := Stage{Name: "nothing", Run: func(_ context.Context, job *Job) error {
		return os.Mkdir(filepath.Join(job.Dir, "folder"), 0o777)
	}}
	run, err := Open(l.dir, []Stage{nothing}, nil, nil)
	l.check(err)
	if _, err := run.Execute(t.Context(), Options{}); err == nil || err.Error() != "nothing: the stage wrote nothing" {
		t.Errorf("error %v", err)
	}
}

// TestCheckpoints interrupts a stage thrice. What it left for its key comes back with that key alone.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	interrupted := errors.New("interrupted")
	found, finish := "", false
	l.hook = func(_ context.Context, stage string, job *Job) error {
		if stage != "join" {
			return nil
		}
		file := filepath.Join(job.Checkpoints, "step")
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if found = string(content); finish {
			return nil
		}
		return errors.Join(WriteFile(file, append(content, 'x')), interrupted)
	}
	for i, c := range []struct {
		times int
		want  string
	}{{2, ""}, {2, "x"}, {3, ""}, {2, "xx"}} {
		l.set.Times = c.times
		if _, err := l.execute(Options{}); !errors.Is(err, interrupted) || found != c.want {
			t.Errorf("interruption %d: error %v, found %q, want %q", i, err, found, c.want)
		}
	}
	finish = true
	l.mustRun(Options{}, "join", "count")
	if found != "xxx" {
		t.Errorf("finished upon %q", found)
	}
	sameNames(t, names(t, l.path("checkpoints")), nil)
	l.mustRun(Options{Selection: Selection{Force: []string{"join"}}}, "join")
	if found != "" {
		t.Errorf("a stage that was done before was offered %q", found)
	}
}

// TestLeftCheckpoints is a stage killed between its commit and the removal of its checkpoints.
func TestLeftCheckpoints(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	r, err := readRecord(l.path("join"))
	l.check(err)
	l.write(l.path("checkpoints/join/"+checkpointKey(r)+"/step"), "x")
	l.write(l.path("checkpoints/join/other/step"), "y")
	l.mustRun(Options{})
	sameNames(t, names(t, l.path("checkpoints/join")), []string{"other"})
}

// TestRestore builds what a kill between the renames of stepAside, or around them, leaves.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		build func(*lab)
		ran   string
	}{
		{"between the renames", func(l *lab) {
			l.check(os.Rename(l.path("join"), l.path(".old-join")))
			l.write(l.path(".tmp-join/all.txt"), "new")
		}, ""},
		{"after both", func(l *lab) {
			l.write(l.path(".old-join/all.txt"), "old")
		}, ""},
		{"within the removal of the old one", func(l *lab) {
			l.check(os.Mkdir(l.path(".old-join"), 0o777))
		}, ""},
		{"before the first", func(l *lab) {
			l.write(l.path(".tmp-join/all.txt"), "new")
			l.write(l.path(".tmp-join/stage.json"), "{}")
		}, ""},
		{"within WriteFile", func(l *lab) {
			l.write(l.path(".pii.yaml.tmp-123-1"), "half")
		}, ""},
		{"with all gone", func(l *lab) {
			l.check(os.RemoveAll(l.path("join")))
			l.write(l.path(".tmp-join/all.txt"), "new")
		}, "join"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			before := files(t, l.dir)
			c.build(l)
			if state := l.states()["join"]; state.Fresh != (c.ran == "") {
				t.Errorf("status of join is %+v", state)
			}
			l.mustRun(Options{}, strings.Fields(c.ran)...)
			sameFiles(t, files(t, l.dir), before)
		})
	}
}

// TestRunFolder tries folders in which no run can be.
func TestRunFolder(t *testing.T) {
	t.Parallel()
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		l := newLab(t)
		l.write(l.dir, "")
		if _, err := l.execute(Options{}); !errors.Is(err, unix.ENOTDIR) || !matches(err.Error(), "making the folder to work in: *") {
			t.Errorf("error %v", err)
		}
		if _, err := l.open().Status(t.Context()); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("status: error %v", err)
		}
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() == 0 {
			t.Skip("root may write anywhere")
		}
		l := doneLab(t)
		l.set.Times = 2
		before := files(t, l.dir)
		l.check(os.Chmod(l.dir, 0o555))
		defer os.Chmod(l.dir, 0o777) //nolint:errcheck // for the removal of the temporary folder
		if _, err := l.execute(Options{}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
		sameFiles(t, files(t, l.dir), before)
	})
	t.Run("stage's folder is a file", func(t *testing.T) {
		t.Parallel()
		l := newLab(t)
		l.write(l.path("copy"), "mine")
		if _, err := l.execute(Options{}); !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("error %v", err)
		}
		if got := l.read(l.path("copy")); got != "mine" {
			t.Errorf("the file now has %q", got)
		}
	})
}

// TestPrepare is called with the lock held and before the first stage, not in a dry run, and its error ends the run.
func TestPrepare(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	calls := 0
	prepare := func() error {
		calls++
		var locked *LockedError
		if _, err := l.execute(Options{}); !errors.As(err, &locked) {
			t.Errorf("the lock is not held: %v", err)
		}
		return errors.New("not prepared")
	}
	if _, err := l.execute(Options{DryRun: true, Prepare: prepare}); err != nil || calls != 0 {
		t.Errorf("dry run: %d calls, error %v", calls, err)
	}
	ran, err := l.execute(Options{Prepare: prepare})
	if err == nil || err.Error() != "not prepared" || calls != 1 || len(ran) > 0 {
		t.Errorf("ran %v, %d calls, error %v", ran, calls, err)
	}
}

// TestFinish checks that Finish sees the error, under the lock, and that its own is returned.
func TestFinish(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	mine := errors.New("mine")
	for _, err := range []error{nil, mine} {
		run := l.open()
		_, got := run.Execute(t.Context(), Options{Finish: func(before error) error {
			l.check(before)
			if _, locked := run.Execute(t.Context(), Options{}); !errors.As(locked, new(*LockedError)) {
				t.Errorf("within Finish, the lock is free: %v", locked)
			}
			return err
		}})
		if got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}
