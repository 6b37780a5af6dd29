package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// settings are what the pipeline of the tests depends on.
type settings struct {
	Input  string // copy: the file that it reads
	Upper  bool   // copy: in capitals
	Note   string // copy: changes nothing in its output
	Times  int    // join: how often
	Seed   uint64 // join: changes nothing in its output
	Word   string // join: content that the program carries
	Schema int    // of join
}

// hook is called in each stage when it has written its first file; join then has a second one to write.
type hook func(ctx context.Context, stage string, job *Job) error

// testStages copy and concatenate: copy reads a file, join and side read copy, count reads both files of join.
func testStages(set settings, hook hook) []Stage {
	stages := []Stage{
		{Name: "copy", Params: map[string]any{"upper": set.Upper, "note": set.Note}, Files: []Input{{Name: "text", Path: set.Input}}},
		{Name: "join", Schema: set.Schema, Params: map[string]any{"times": set.Times, "seed": set.Seed},
			Files: []Input{{Name: "word", Content: []byte(set.Word)}}, Needs: []Need{{"copy", "text.txt"}}},
		{Name: "side", Needs: []Need{{"copy", "text.txt"}}},
		{Name: "count", Needs: []Need{{"join", "all.txt"}, {"join", "parts/"}}},
	}
	for i := range stages {
		name := stages[i].Name
		stages[i].Run = func(ctx context.Context, job *Job) error {
			return runTestStage(name, set, job, func() error {
				if hook == nil {
					return nil
				}
				return hook(ctx, name, job)
			})
		}
	}
	return stages
}

func runTestStage(name string, set settings, job *Job, halfway func() error) error {
	switch name {
	case "copy":
		content, err := os.ReadFile(set.Input)
		if err != nil {
			return err
		}
		if set.Upper {
			content = bytes.ToUpper(content)
		}
		return steps(writing(job, "text.txt", content), halfway)
	case "join":
		content, err := os.ReadFile(job.Path("copy", "text.txt"))
		if err != nil {
			return err
		}
		return steps(writing(job, "parts/word.txt", []byte(set.Word)), halfway,
			writing(job, "all.txt", bytes.Repeat(content, set.Times)))
	case "side":
		content, err := os.ReadFile(job.Path("copy", "text.txt"))
		if err != nil {
			return err
		}
		return steps(writing(job, "side.txt", content), halfway)
	default:
		all, err := os.ReadFile(job.Path("join", "all.txt"))
		if err != nil {
			return err
		}
		word, err := os.ReadFile(job.Path("join", "parts/word.txt"))
		if err != nil {
			return err
		}
		return steps(writing(job, "count.txt", fmt.Appendf(nil, "%d %d\n", len(all), len(word))), halfway)
	}
}

func steps(list ...func() error) error {
	for _, step := range list {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func writing(job *Job, name string, content []byte) func() error {
	return func() error {
		path := filepath.Join(job.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o666)
	}
}

// lab is a pipeline of test stages with a run in a temporary folder.
type lab struct {
	*testing.T
	dir   string // the run
	set   settings
	hook  hook
	seams seams
	log   *recorder
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir := t.TempDir()
	l := &lab{T: t, dir: filepath.Join(dir, "runs", "test"), log: new(recorder),
		set: settings{Input: filepath.Join(dir, "in.txt"), Times: 1, Seed: 1 << 60, Word: "word"}}
	l.write(l.set.Input, "some words\n")
	return l
}

// doneLab is a lab whose stages have all run once.
func doneLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	l.mustRun(Options{}, "copy", "join", "side", "count")
	l.log.take()
	return l
}

func (l *lab) open() *Run {
	l.Helper()
	run, err := Open(l.dir, testStages(l.set, l.hook), map[string]string{"pii": "test"}, log.New(l.log, "", 0))
	if err != nil {
		l.Fatal(err)
	}
	run.seams = l.seams
	return run
}

func (l *lab) execute(opts Options) ([]string, error) { return l.open().Execute(l.Context(), opts) }

func (l *lab) mustRun(opts Options, want ...string) {
	l.Helper()
	ran, err := l.execute(opts)
	if err != nil {
		l.Fatal(err)
	}
	if !slices.Equal(ran, want) {
		l.Fatalf("ran %v, want %v\n%s", ran, want, l.log.take())
	}
}

func (l *lab) states() map[string]State {
	l.Helper()
	list, err := l.open().Status(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	states := map[string]State{}
	for _, s := range list {
		states[s.Stage] = s
	}
	return states
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, filepath.FromSlash(name)) }

func (l *lab) write(path, content string) {
	l.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		l.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		l.Fatal(err)
	}
}

func (l *lab) read(path string) string {
	l.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		l.Fatal(err)
	}
	return string(content)
}

func (l *lab) check(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// files returns what lies in a folder, by relative path; folders end in a slash. Of the stages' records only their key
// is told: they hold times as well.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			found[name+"/"] = ""
		case entry.Name() == recordName:
			r, err := readRecord(filepath.Dir(path))
			if err != nil {
				return err
			}
			found[name] = r.Key
		case name != lockName:
			content, err := os.ReadFile(path)
			found[name] = string(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for _, name := range unionKeys(got, want) {
		a, inGot := got[name]
		b, inWant := want[name]
		if a != b || inGot != inWant {
			t.Errorf("%s: is %q (there: %v), want %q (there: %v)", name, a, inGot, b, inWant)
		}
	}
}

// names lists what lies directly in a folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, entry := range entries {
		set[entry.Name()] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// recorder keeps what is logged; notify, where not nil, is called with each line.
type recorder struct {
	mu     sync.Mutex
	text   strings.Builder
	notify func(line string)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.text.Write(p)
	r.mu.Unlock()
	if r.notify != nil {
		r.notify(string(p))
	}
	return len(p), nil
}

// take returns what was logged since the last call.
func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	r.text.Reset()
	return text
}
