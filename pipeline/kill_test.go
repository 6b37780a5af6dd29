package pipeline

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// ordersName is the environment variable that makes the test's binary a process which runs the pipeline as told.
const ordersName = "PIPELINE_TEST_ORDERS"

// orders are what such a process does. It writes each point that it reaches to its standard output, a line each.
type orders struct {
	Dir        string
	Set        settings
	KillAt     string // it ends itself there by SIGKILL
	HoldAt     string // it waits there until its standard input is closed
	NoExchange bool
	FileLimit  uint64 // files larger than this cannot be written, as on a full disk; 0: no limit
	Rounds     int    // it runs so often, with Times 2, 3, 2, …; 0: once, with Times as they are
}

func TestMain(m *testing.M) {
	text := os.Getenv(ordersName)
	if text == "" {
		os.Exit(m.Run())
	}
	var o orders
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = o.obey()
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func (o *orders) obey() error {
	if o.FileLimit > 0 {
		signal.Ignore(unix.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: o.FileLimit, Max: o.FileLimit}); err != nil {
			return err
		}
	}
	for i := range max(1, o.Rounds) {
		if o.Rounds > 0 {
			o.Set.Times = 2 + i%2
		}
		halfway := func(_ context.Context, stage string, _ *Job) error {
			o.reach(stage + ":halfway")
			return nil
		}
		run, err := Open(o.Dir, testStages(o.Set, halfway), nil, log.New(io.Discard, "", 0))
		if err != nil {
			return err
		}
		run.reach = o.reach
		if o.NoExchange {
			run.exchange = noExchange
		}
		if _, err := run.Execute(context.Background(), Options{}); err != nil {
			return err
		}
	}
	return nil
}

func (o *orders) reach(point string) {
	fmt.Println(point)
	switch point {
	case o.KillAt:
		if err := unix.Kill(os.Getpid(), unix.SIGKILL); err == nil {
			select {} // until the signal has come
		}
	case o.HoldAt:
		io.Copy(io.Discard, os.Stdin) //nolint:errcheck // its end is all that counts
	}
}

// process is another process that works on a run.
type process struct {
	*testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin io.WriteCloser
}

func start(t *testing.T, o orders) *process {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), ordersName+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{t, cmd, bufio.NewScanner(stdout), stdin}
}

// waitFor reads the process's lines up to one.
func (p *process) waitFor(line string) {
	p.Helper()
	for p.lines.Scan() {
		if p.lines.Text() == line {
			return
		}
	}
	p.Fatalf("the process ended without reaching %s", line)
}

// end reads what the process still says, and tells how it ended.
func (p *process) end() (said string, state *os.ProcessState) {
	p.Helper()
	var lines []string
	for p.lines.Scan() {
		lines = append(lines, p.lines.Text())
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.Fatal(err)
	}
	return strings.Join(lines, "\n"), p.cmd.ProcessState
}

func killed(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == unix.SIGKILL
}

// points are where the process is killed, in the order in which it reaches them.
var points = []string{"run", "halfway", "ran", "record", "sync", "swap", "aside", "swapped", "tidy", "done"}

// wanted is what a pipeline that nobody killed leaves with each value of Times.
func wanted(t *testing.T, times ...int) map[int]map[string]string {
	t.Helper()
	list := map[int]map[string]string{}
	for _, n := range times {
		l := newLab(t)
		l.set.Times = n
		l.mustRun(Options{}, "copy", "join", "side", "count")
		list[n] = files(t, l.dir)
	}
	return list
}

// TestKill ends a process by SIGKILL at each point of a stage that it runs for the first time or again, and then lets
// another run go on.
func TestKill(t *testing.T) {
	t.Parallel()
	want := wanted(t, 1, 2)
	for i, point := range points {
		for name, noExchange := range map[string]bool{"exchange": false, "two renames": true} {
			// Up to the swap both are the same, and nothing steps aside in an exchange.
			if noExchange && i <= slices.Index(points, "swap") || !noExchange && point == "aside" {
				continue
			}
			t.Run(point+", again, "+name, func(t *testing.T) {
				t.Parallel()
				l := doneLab(t)
				l.set.Times = 2
				l.killAt("join:"+point, noExchange, want)
			})
		}
		if point == "aside" {
			continue
		}
		t.Run(point+", first", func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.set.Times = 2
			l.killAt("join:"+point, false, want)
		})
	}
}

func (l *lab) killAt(point string, noExchange bool, want map[int]map[string]string) {
	l.Helper()
	p := start(l.T, orders{Dir: l.dir, Set: l.set, KillAt: point, NoExchange: noExchange})
	if said, state := p.end(); !killed(state) {
		l.Fatalf("the process was to be killed at %s, but: %v\n%s", point, state, said)
	}
	l.wholeStages(want)
	for name, state := range l.states() {
		if state.Damage != "" {
			l.Errorf("%s is damaged: %s", name, state.Damage)
		}
	}
	l.mayRun("join", "side", "count")
	sameFiles(l.T, files(l.T, l.dir), want[2])
}

// wholeStages checks that each stage's folder is one of those wanted, or not there, and that its record fits it.
func (l *lab) wholeStages(want map[int]map[string]string) {
	l.Helper()
	run := l.open()
	for _, s := range run.stages {
		folder := run.folder(s.Name)
		if _, err := os.Lstat(folder); err != nil {
			continue
		}
		got := fmt.Sprint(files(l.T, folder))
		fits := false
		for _, all := range want {
			fits = fits || got == fmt.Sprint(below(all, s.Name+"/"))
		}
		if !fits {
			l.Errorf("%s is neither the old nor the new one: %s", s.Name, got)
		}
		r, err := readRecord(folder)
		l.check(err)
		if r == nil {
			l.Fatalf("%s has no record", s.Name)
		}
		if damage, err := run.damage(s, r); damage != "" || err != nil {
			l.Errorf("%s: %s, %v", s.Name, damage, err)
		}
	}
}

func below(all map[string]string, prefix string) map[string]string {
	found := map[string]string{}
	for name, content := range all {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			found[rest] = content
		}
	}
	return found
}

// withoutCheckpoints leaves out the folders of keys whose work was interrupted.
func withoutCheckpoints(all map[string]string) map[string]string {
	left := maps.Clone(all)
	maps.DeleteFunc(left, func(name, _ string) bool { return strings.HasPrefix(name, checkpointsName+"/") })
	return left
}

// TestKillAnywhere kills a process that commits one result after the other at moments that nobody chose: right after
// some line of it has come through the pipe, wherever it is by then.
func TestKillAnywhere(t *testing.T) {
	t.Parallel()
	want := wanted(t, 1, 2, 3)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 10 {
		lines := random.IntN(60)
		t.Run(fmt.Sprintf("after %d lines", lines), func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			l.set.Times = 2
			p := start(t, orders{Dir: l.dir, Set: l.set, NoExchange: i%2 == 1, Rounds: 100})
			for range lines {
				if !p.lines.Scan() {
					t.Fatal("the process ended too early")
				}
			}
			l.check(p.cmd.Process.Kill())
			if said, state := p.end(); !killed(state) {
				t.Fatalf("the process was to be killed, but: %v\n%s", state, said)
			}
			l.wholeStages(want)
			l.mayRun("join", "count")
			sameFiles(t, withoutCheckpoints(files(t, l.dir)), withoutCheckpoints(want[2]))
		})
	}
}

// TestFileLimit has no room for a stage's output, or for its record alone. The old result stays.
func TestFileLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		times int
		limit uint64
		last  string // the last point that is reached
		want  string
	}{
		{100, 1000, "join:halfway", "error: join: write */all.txt: file too large"},
		{2, 300, "join:record", "error: join: write */stage.json: file too large"},
	} {
		t.Run(c.last, func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			before := files(t, l.dir)
			l.set.Times = c.times
			said, state := start(t, orders{Dir: l.dir, Set: l.set, FileLimit: c.limit}).end()
			if state.ExitCode() != 1 || !matches(said, "*"+c.last+"\n"+c.want) {
				t.Errorf("%v, said\n%s\nwant at last %s and %s", state, said, c.last, c.want)
			}
			sameFiles(t, withoutCheckpoints(files(t, l.dir)), withoutCheckpoints(before))
			l.mayRun("join", "count")
		})
	}
}

// TestFullDisk runs on a file system that has no room left, at each of its sizes.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	mount := t.TempDir()
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("NOT TESTED: a run on a full file system, because none can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
	l := newLab(t)
	l.dir = mount + "/run"
	l.mustRun(Options{}, "copy", "join", "side", "count")
	want := files(t, l.path("join"))
	l.set.Times = 2
	failures := 0
	for room := 0; ; room += 4096 {
		l.fill(mount+"/filler", room)
		_, err := l.execute(Options{})
		if err == nil {
			break
		}
		failures++
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
		l.check(os.Remove(mount + "/filler"))
		sameFiles(t, files(t, l.path("join")), want)
	}
	if failures < 3 {
		t.Errorf("the disk was full %d times only", failures)
	}
	if got := l.read(l.path("join/all.txt")); got != "some words\nsome words\n" {
		t.Errorf("at last join wrote %q", got)
	}
}

// fill writes a file until the disk is full, and gives room bytes back.
func (l *lab) fill(path string, room int) {
	l.Helper()
	f, err := os.Create(path)
	l.check(err)
	defer f.Close()
	size := 0
	for page := make([]byte, 4096); ; size += len(page) {
		if _, err := f.Write(page); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				l.Fatal(err)
			}
			break
		}
	}
	l.check(f.Truncate(int64(max(0, size-room))))
}
