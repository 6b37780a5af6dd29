package pipeline

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestSelection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sel  Selection
		want string // the stages that run in a run without anything
		from string // those that have run before
	}{
		{"all", Selection{}, "copy join side count", ""},
		{"all by name", Selection{Targets: []string{"all"}}, "copy join side count", ""},
		{"a target with its needs", Selection{Targets: []string{"count"}}, "copy join count", ""},
		{"two targets", Selection{Targets: []string{"side", "join"}}, "copy join side", ""},
		{"until", Selection{Until: "join"}, "copy join", ""},
		{"from", Selection{From: "side"}, "side count", "copy join"},
		{"from, of a target's needs", Selection{Targets: []string{"count"}, From: "join"}, "join count", "copy"},
		{"from and until one", Selection{From: "join", Until: "join"}, "join", "copy"},
		{"only", Selection{Only: []string{"side"}}, "side", "copy"},
		{"only, in the pipeline's order", Selection{Only: []string{"side", "copy"}}, "copy side", ""},
		{"force of a fresh one", Selection{Force: []string{"copy"}}, "copy side count", "copy join"},
		{"force of all", Selection{Until: "join", Force: []string{"all"}}, "copy join", "copy join"},
		{"force of one not selected", Selection{Until: "copy", Force: []string{"join"}}, "", "copy join"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			if c.from != "" {
				l.mustRun(Options{Selection: Selection{Only: strings.Fields(c.from)}}, strings.Fields(c.from)...)
			}
			l.mustRun(Options{Selection: c.sel}, strings.Fields(c.want)...)
		})
	}
}

func TestForceSaysSo(t *testing.T) {
	t.Parallel()
	l := doneLab(t)
	force := Selection{Force: []string{"join"}}
	if _, err := l.execute(Options{Selection: force, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if log := l.log.take(); !strings.Contains(log, "join: would run (forced)\n") || !strings.Contains(log, "count: may run (it waits for join)\n") {
		t.Errorf("a dry run says\n%s", log)
	}
	l.mustRun(Options{Selection: force, Explain: true}, "join")
	if log := l.log.take(); !strings.Contains(log, "join: runs because forced\n") {
		t.Errorf("the run says\n%s", log)
	}
}

func TestSelectionErrors(t *testing.T) {
	t.Parallel()
	const all = "copy, join, side, count"
	for _, c := range []struct {
		sel  Selection
		want string
	}{
		{Selection{Targets: []string{"cont"}}, `there is no stage "cont"; did you mean count? (the stages are ` + all + `)`},
		{Selection{Only: []string{"Join"}}, `there is no stage "Join"; did you mean join? (the stages are ` + all + `)`},
		{Selection{Only: []string{"all"}}, `there is no stage "all"; the stages are ` + all},
		{Selection{From: "counting"}, `there is no stage "counting"; the stages are ` + all},
		{Selection{Until: "cou"}, `there is no stage "cou"; did you mean count? (the stages are ` + all + `)`},
		{Selection{Force: []string{"benchmark"}}, `there is no stage "benchmark"; the stages are ` + all},
		{Selection{From: "count", Until: "copy"},
			"none of the chosen stages is between count and copy (their order is " + all + ")"},
		{Selection{Targets: []string{"join"}, From: "side"},
			"none of the chosen stages is between side and count (their order is " + all + ")"},
		{Selection{Only: []string{"join"}, From: "copy"},
			"--only names the stages to run; --from and --until do not go with it"},
	} {
		l := newLab(t)
		ran, err := l.execute(Options{Selection: c.sel})
		var usage *UsageError
		if !errors.As(err, &usage) || err.Error() != c.want || len(ran) > 0 {
			t.Errorf("%+v: ran %v, error %v, want the usage error %s", c.sel, ran, err, c.want)
		}
	}
}

// TestMissingNeed runs a stage alone where the one that it needs has no output, or a broken one.
func TestMissingNeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(*lab)
		want  string
	}{
		{"never run", func(l *lab) { l.set.Input += ".none" },
			"join: it needs copy/text.txt, which is not there; run that stage first (pii run copy)"},
		{"output gone", func(l *lab) {
			l.mustRun(Options{Selection: Selection{Until: "copy"}}, "copy")
			l.check(os.RemoveAll(l.path("copy/text.txt")))
		}, "join: reading copy/text.txt, which it needs: *no such file or directory (pii run copy makes it again)"},
		{"record broken", func(l *lab) { l.write(l.path("copy/stage.json"), "{") },
			"join: it needs copy/text.txt: its record stage.json is broken: unexpected EOF; run that stage first (pii run copy)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			c.spoil(l)
			ran, err := l.execute(Options{Selection: Selection{Only: []string{"join"}}})
			if err == nil || !matches(err.Error(), c.want) || len(ran) > 0 {
				t.Errorf("ran %v, error %v, want %s", ran, err, c.want)
			}
		})
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	run := func(context.Context, *Job) error { return nil }
	for _, c := range []struct {
		stages []Stage
		want   string
	}{
		{[]Stage{{Name: "a", Run: run}, {Name: "a", Run: run}}, `pipeline: two stages are called "a"`},
		{[]Stage{{Run: run}}, `pipeline: a stage cannot be called ""`},
		{[]Stage{{Name: "all", Run: run}}, `pipeline: a stage cannot be called "all"`},
		{[]Stage{{Name: "checkpoints", Run: run}}, `pipeline: a stage cannot be called "checkpoints"`},
		{[]Stage{{Name: "../a", Run: run}}, `pipeline: a stage cannot be called "../a"`},
		{[]Stage{{Name: "a/b", Run: run}}, `pipeline: a stage cannot be called "a/b"`},
		{[]Stage{{Name: "a"}}, `pipeline: stage a has nothing to run`},
		{[]Stage{{Name: "a", Run: run, Needs: []Need{{"b", "x"}}}, {Name: "b", Run: run}},
			`pipeline: a needs b/x, which no earlier stage makes`},
		{[]Stage{{Name: "a", Run: run, Needs: []Need{{"a", "x"}}}}, `pipeline: a needs a/x, which no earlier stage makes`},
		{[]Stage{{Name: "a", Run: run, Files: []Input{{Name: "x"}, {Name: "x"}}}}, `pipeline: two inputs of a are called "x"`},
		{[]Stage{{Name: "a", Run: run}, {Name: "b", Run: run, Files: []Input{{Name: "a/x"}}, Needs: []Need{{"a", "x"}}}},
			`pipeline: two inputs of b are called "a/x"`},
	} {
		if _, err := Open("run", c.stages, nil, nil); err == nil || err.Error() != c.want {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
}
