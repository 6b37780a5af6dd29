package pipeline

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rewrite changes a file's content and sets its time of modification back.
func (l *lab) rewrite(path, content string) {
	l.Helper()
	info, err := os.Stat(path)
	l.check(err)
	l.write(path, content)
	l.check(os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// editRecord changes one thing in a stage.json and leaves all else as it was.
func (l *lab) editRecord(stage, was, is string) {
	l.Helper()
	path := l.path(stage + "/" + recordName)
	content := l.read(path)
	if strings.Count(content, was) != 1 {
		l.Fatalf("%q is %d times in %s", was, strings.Count(content, was), path)
	}
	l.write(path, strings.Replace(content, was, is, 1))
}

var changeCases = []struct {
	name   string
	change func(*lab)
	ran    string // the stages that run again
	stage  string // the first of them
	reason string // the whole reason; * stands for anything
}{
	{"nothing", func(*lab) {}, "", "", ""},
	{"parameter of join", func(l *lab) { l.set.Times = 2 }, "join count", "join", "times changed from 1 to 2"},
	{"parameter of copy", func(l *lab) { l.set.Upper = true }, "copy join side count", "copy", "upper changed from false to true"},
	{"equal output stops the wave", func(l *lab) { l.set.Note = "<b>" }, "copy", "copy", `note changed from "" to "<b>"`},
	{"last digit of a large number", func(l *lab) { l.set.Seed++ }, "join", "join",
		"seed changed from 1152921504606846976 to 1152921504606846977"},
	{"two parameters", func(l *lab) { l.set.Seed, l.set.Times = 5, 3 }, "join count", "join",
		"seed changed from 1152921504606846976 to 5; times changed from 1 to 3"},
	{"schema", func(l *lab) { l.set.Schema = 1 }, "join", "join", "schema changed from 0 to 1"},
	{"carried content", func(l *lab) { l.set.Word = "other" }, "join count", "join", "content of word changed from * to *"},
	{"input changed", func(l *lab) { l.write(l.set.Input, "more words\n") }, "copy join side count", "copy",
		"content of text changed from * to *"},
	{"input written again with the same content", func(l *lab) { l.write(l.set.Input, "some words\n") }, "", "", ""},
	{"input touched", func(l *lab) { l.rewrite(l.set.Input, "some words\n") }, "", "", ""},
	{"input changed, with the same size and time", func(l *lab) { l.rewrite(l.set.Input, "SOME words\n") },
		"copy join side count", "copy", "content of text changed from * to *"},
	{"input from elsewhere with the same content", func(l *lab) {
		l.set.Input += ".copy"
		l.write(l.set.Input, "some words\n")
	}, "", "", ""},

	{"output changed", func(l *lab) { l.write(l.path("copy/text.txt"), "else") }, "copy", "copy",
		"its output text.txt was changed by something else"},
	{"output changed, with the same size and time", func(l *lab) { l.rewrite(l.path("copy/text.txt"), "SOME words\n") },
		"copy", "copy", "its output text.txt was changed by something else"},
	{"output gone", func(l *lab) { l.check(os.Remove(l.path("join/all.txt"))) }, "join", "join", "its output all.txt is gone"},
	{"output is a folder", func(l *lab) {
		l.check(os.Remove(l.path("join/all.txt")))
		l.check(os.Mkdir(l.path("join/all.txt"), 0o777))
	}, "join", "join", "its output all.txt was changed by something else"},
	{"folder of an output is a file", func(l *lab) {
		l.check(os.RemoveAll(l.path("join/parts")))
		l.write(l.path("join/parts"), "")
	}, "join", "join", "its output parts/word.txt is gone"},
	{"stage's folder gone", func(l *lab) { l.check(os.RemoveAll(l.path("copy"))) }, "copy", "copy", "it has no output yet"},
	{"record gone", func(l *lab) { l.check(os.Remove(l.path("join/" + recordName))) }, "join", "join", "it has no output yet"},

	{"record cut off", func(l *lab) { l.check(os.Truncate(l.path("copy/"+recordName), 100)) }, "copy", "copy",
		"its record stage.json is broken: unexpected EOF"},
	{"record empty", func(l *lab) { l.write(l.path("copy/"+recordName), "") }, "copy", "copy",
		"its record stage.json is broken: EOF"},
	{"record without anything", func(l *lab) { l.write(l.path("copy/"+recordName), "{}") }, "copy", "copy",
		"its record stage.json is broken: its parts do not belong together"},
	{"record null", func(l *lab) { l.write(l.path("count/"+recordName), "null") }, "count", "count",
		"its record stage.json is broken: its parts do not belong together"},
	{"record and more", func(l *lab) { l.editRecord("side", "\n}\n", "\n}\n}\n") }, "side", "side",
		"its record stage.json is broken: there is more after its end"},
	{"record with another parameter", func(l *lab) { l.editRecord("join", `"times": 1`, `"times": 2`) }, "join", "join",
		"its record stage.json is broken: its parts do not belong together"},
}

// TestChange changes one thing in a finished run, and compares what status, a dry run and a run say of it and do.
func TestChange(t *testing.T) {
	t.Parallel()
	for _, c := range changeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			c.change(l)
			before := names(t, l.dir)
			l.saysBefore(c.stage, c.reason)
			sameNames(t, names(t, l.dir), before)
			l.mustRun(Options{Selection: Selection{}, Explain: true}, strings.Fields(c.ran)...)
			if log := l.log.take(); c.stage != "" && !matches(log, "*"+c.stage+": runs because "+c.reason+"\n*") {
				t.Errorf("the run says\n%swant the reason %q for %s", log, c.reason, c.stage)
			}
			for name, state := range l.states() {
				if !state.Fresh || !state.Exists || state.Reason() != "" {
					t.Errorf("afterwards %s is %+v", name, state)
				}
			}
			l.mustRun(Options{})
		})
	}
}

// saysBefore checks the reason that status and a dry run give for the first stage to run.
func (l *lab) saysBefore(stage, reason string) {
	l.Helper()
	states := l.states()
	ran, err := l.execute(Options{DryRun: true, Explain: true})
	l.check(err)
	log := l.log.take()
	if len(ran) > 0 {
		l.Errorf("a dry run ran %v", ran)
	}
	if stage == "" {
		if strings.Contains(log, "run (") {
			l.Errorf("a dry run says\n%s", log)
		}
		return
	}
	if state := states[stage]; state.Fresh || !matches(state.Reason(), reason) {
		l.Errorf("status gives the reason %q (fresh: %v), want %q", state.Reason(), state.Fresh, reason)
	}
	if !strings.Contains(log, stage+": would run ("+states[stage].Reason()+")\n") {
		l.Errorf("a dry run says\n%swant the reason of status, %q", log, states[stage].Reason())
	}
}

func sameNames(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("in the folder are %v, want %v", got, want)
	}
}

// matches reports whether text is pattern, in which * stands for anything.
func matches(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(text, parts[0])
	if len(parts) == 1 {
		return ok && rest == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		rest, ok = after, ok && found
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// TestStatusOfNothing looks at a run that is not there yet: status must neither fail nor make it.
func TestStatusOfNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := map[string]string{"copy": "it has no output yet", "join": "it has no output yet; it waits for copy",
		"side": "it has no output yet; it waits for copy", "count": "it has no output yet; it waits for join"}
	for name, state := range l.states() {
		if state.Fresh || state.Exists || state.Reason() != want[name] {
			t.Errorf("%s: %+v, reason %q", name, state, state.Reason())
		}
	}
	ran, err := l.execute(Options{DryRun: true})
	if err != nil || len(ran) > 0 {
		t.Errorf("dry run: ran %v, %v", ran, err)
	}
	if _, err := os.Lstat(l.dir); !os.IsNotExist(err) {
		t.Errorf("the run's folder was made: %v", err)
	}
}

// TestAwaitedInput: a stage whose input is not there yet is stale, may come out fresh, and does not run.
func TestAwaitedInput(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	stages := testStages(l.set, nil)
	stages[1].Files[0] = Input{Name: "word", Awaits: "the post"}
	run, err := Open(l.dir, stages, nil, log.New(l.log, "", 0))
	l.check(err)
	states, err := run.Status(t.Context())
	l.check(err)
	if s := states[1]; s.Fresh || !s.Exists || s.Reason() != "it waits for the post" {
		t.Errorf("%+v, reason %q", s, s.Reason())
	}
	_, err = run.Execute(t.Context(), Options{DryRun: true})
	l.check(err)
	if got := l.log.take(); !strings.Contains(got, "join: may run (it waits for the post)\n") {
		t.Errorf("a dry run says\n%s", got)
	}
	if ran, err := run.Execute(t.Context(), Options{}); err == nil || err.Error() != "join: it waits for the post" || len(ran) > 0 {
		t.Errorf("ran %v, %v", ran, err)
	}
	l.mustRun(Options{}) // it has come, and is as it was
}

// TestStatusBehindStale tells stages that surely run from those that only may.
func TestStatusBehindStale(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	l.set.Upper, l.set.Times = true, 2
	if _, err := l.execute(Options{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	want := `copy: would run (upper changed from false to true)
join: would run (times changed from 1 to 2; it waits for copy)
side: may run (it waits for copy)
count: may run (it waits for join)
`
	if got := l.log.take(); got != want {
		t.Errorf("a dry run says\n%swant\n%s", got, want)
	}
	encoded, err := json.Marshal(l.states()["join"])
	if err != nil {
		t.Fatal(err)
	}
	wantJSON := `{"stage":"join","fresh":false,"exists":true,` +
		`"changes":[{"field":"times","was":"1","is":"2"}],"waits":["copy"]*}`
	if !matches(string(encoded), wantJSON) {
		t.Errorf("status as JSON is\n%s, want\n%s", encoded, wantJSON)
	}
}

func TestStatusCancelled(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.open().Status(ctx); err != context.Canceled {
		t.Errorf("Status with a cancelled context: %v", err)
	}
}

// TestEditedNeed runs a stage alone upon an edited output of the one before it. It must not pass for the result of what
// that stage wrote: once the edit is undone, it is stale.
func TestEditedNeed(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	l.write(l.path("copy/text.txt"), "edited\n")
	l.mustRun(Options{Selection: Selection{Only: []string{"join"}}}, "join")
	if got := l.read(l.path("join/all.txt")); got != "edited\n" {
		t.Errorf("join wrote %q", got)
	}
	l.mustRun(Options{}, "copy", "join") // count has not seen the edit
	if got := l.read(l.path("join/all.txt")); got != "some words\n" {
		t.Errorf("at last join wrote %q", got)
	}
}

// TestStatusDuringRun looks at a run again and again while another goroutine commits one stage after the other. No
// look may catch the moment between the old folder and the new one.
func TestStatusDuringRun(t *testing.T) {
	t.Parallel()
	for name, seams := range map[string]seams{"exchange": {}, "two renames": {exchange: noExchange}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := doneLab(t)
			watcher := l.open()
			l.seams = seams
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			go func() {
				defer cancel()
				failed <- l.alternate(8)
			}()
			for looks := 0; ctx.Err() == nil; looks++ {
				states, err := watcher.Status(t.Context())
				if err != nil {
					t.Errorf("look %d: %v", looks, err)
					break
				}
				for _, s := range states {
					if !s.Exists || s.Damage != "" {
						t.Errorf("look %d: %+v", looks, s)
					}
				}
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}

// alternate runs the pipeline so often, each time with another parameter than the last.
func (l *lab) alternate(rounds int) error {
	set := l.set
	for i := range rounds {
		set.Times = 2 + i%2
		run, err := Open(l.dir, testStages(set, nil), nil, nil)
		if err != nil {
			return err
		}
		run.seams = l.seams
		if _, err := run.Execute(context.Background(), Options{}); err != nil {
			return err
		}
	}
	return nil
}

// TestFingerprint shows when a file is taken for the known one without being read: the known digest here is a wrong one.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o666); err != nil {
		t.Fatal(err)
	}
	now, err := Take(path, Fingerprint{})
	if err != nil || now.Digest != digestBytes([]byte("content")) {
		t.Fatalf("%+v, %v", now, err)
	}
	for _, c := range []struct {
		name   string
		change func(*Fingerprint)
		trust  bool
	}{
		{"settled", func(*Fingerprint) {}, true},
		{"taken within the clock's granularity", func(fp *Fingerprint) { fp.Taken = fp.Changed + settled }, false},
		{"taken before", func(fp *Fingerprint) { fp.Taken = fp.Changed - 1 }, false},
		{"other size", func(fp *Fingerprint) { fp.Size++ }, false},
		{"other time", func(fp *Fingerprint) { fp.Modified-- }, false},
		{"other time of the inode", func(fp *Fingerprint) { fp.Changed-- }, false},
		{"other inode", func(fp *Fingerprint) { fp.Inode++ }, false},
		{"no digest", func(fp *Fingerprint) { fp.Digest = "" }, false},
	} {
		known := now
		known.Digest, known.Taken = "wrong", max(now.Changed, now.Modified)+settled+1
		c.change(&known)
		got, err := Take(path, known)
		if err != nil {
			t.Fatal(err)
		}
		if trusted := got.Digest == "wrong"; trusted != c.trust {
			t.Errorf("%s: trusted %v, want %v", c.name, trusted, c.trust)
		}
	}
}
