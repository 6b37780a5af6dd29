package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Run is a folder in which a pipeline's stages keep their output.
type Run struct {
	dir      string
	stages   []Stage
	versions map[string]string
	log      *log.Logger
	seams
}

// Open describes the run in folder dir, which need not exist yet. versions is written into each record, for the reader;
// what must make a stage stale belongs into its Params. Without a logger it works silently.
func Open(dir string, stages []Stage, versions map[string]string, logger *log.Logger) (*Run, error) {
	if err := checkStages(stages); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = log.New(io.Discard, "", 0)
	}
	return &Run{dir: dir, stages: stages, versions: versions, log: logger}, nil
}

// Dir is the run's folder.
func (r *Run) Dir() string { return r.dir }

// Selection says which stages to look at, and which to run even if fresh.
type Selection struct {
	Targets []string // bring these up to date, with all that they need; empty: all stages
	From    string   // take everything before this stage as it is
	Until   string   // leave out everything after this stage
	Only    []string // run only these, and take what they need as it is
	Force   []string // run these, of the selected ones, also when they are fresh; "all" is all of them
}

// Options are how Execute goes about it.
type Options struct {
	Selection
	DryRun   bool // say what would run, and run nothing
	Explain  bool // say of each stage why it runs or not
	LockWait time.Duration
	// Prepare is called with the lock held, before the first stage; a dry run does not call it.
	Prepare func() error
	// Finish is called with the lock held, after the last stage or the one that failed, with what Execute would return;
	// Execute returns its error instead. A dry run does not call it.
	Finish func(err error) error
}

// Execute brings the selected stages up to date, one after the other, and returns the names of those that ran.
func (r *Run) Execute(ctx context.Context, opts Options) (ran []string, err error) {
	chosen, err := r.choose(opts.Selection)
	if err != nil {
		return nil, err
	}
	if opts.DryRun {
		return r.walk(ctx, chosen, opts)
	}
	if err := os.MkdirAll(r.dir, 0o777); err != nil {
		return nil, fmt.Errorf("making the folder to work in: %w", err)
	}
	unlock, err := lock(ctx, r.dir, opts.LockWait, func(s string) { r.log.Print(s) })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := restore(r.dir, r.stages); err != nil {
		return nil, fmt.Errorf("putting run %s in order: %w", r.dir, err)
	}
	if opts.Prepare != nil {
		if err := opts.Prepare(); err != nil {
			return nil, err
		}
	}
	ran, err = r.walk(ctx, chosen, opts)
	if opts.Finish != nil {
		err = opts.Finish(err)
	}
	return ran, err
}

// walk visits the stages in order. In a dry run, what a stage would write is not known; those after it may run.
func (r *Run) walk(ctx context.Context, chosen map[string]bool, opts Options) (ran []string, err error) {
	pending := map[string]bool{}
	for _, s := range r.stages {
		if !chosen[s.Name] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return ran, err
		}
		state, err := r.checkSteady(ctx, s, pending)
		if err != nil {
			return ran, fmt.Errorf("%s: %w", s.Name, err)
		}
		forced := slices.Contains(opts.Force, s.Name) || slices.Contains(opts.Force, allStages)
		if state.Fresh && !forced {
			r.log.Printf("%s: fresh", s.Name)
			if err := r.dropCheckpoints(state, opts.DryRun); err != nil {
				return ran, err
			}
			continue
		}
		why := state.Reason()
		if state.Fresh {
			why = "forced"
		}
		if opts.DryRun {
			pending[s.Name] = true
			r.log.Printf("%s: %s run (%s)", s.Name, would(state, forced), why)
			continue
		}
		for _, in := range s.Files {
			if in.Awaits != "" {
				return ran, fmt.Errorf("%s: it waits for %s", s.Name, in.Awaits)
			}
		}
		if opts.Explain {
			r.log.Printf("%s: runs because %s", s.Name, why)
		}
		if err := r.runStage(ctx, s, state.record); err != nil {
			return ran, fmt.Errorf("%s: %w", s.Name, err)
		}
		ran = append(ran, s.Name)
	}
	return ran, nil
}

// would tells what surely runs from what runs only if a stage before it writes something else than it did.
func would(state *State, forced bool) string {
	if !forced && state.Exists && len(state.Changes) == 0 && state.Damage == "" {
		return "may"
	}
	return "would"
}

func (r *Run) runStage(ctx context.Context, s Stage, rec *record) error {
	temp := filepath.Join(r.dir, tempPrefix+s.Name)
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	if err := os.Mkdir(temp, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	checkpoints := filepath.Join(r.dir, checkpointsName, s.Name)
	job := &Job{Dir: temp, Checkpoints: filepath.Join(checkpoints, checkpointKey(rec)), run: r,
		Log: log.New(r.log.Writer(), r.log.Prefix()+s.Name+": ", r.log.Flags()|log.Lmsgprefix)}
	if err := os.MkdirAll(job.Checkpoints, 0o777); err != nil {
		return err
	}
	if err := removeTemps(job.Checkpoints); err != nil { // each kill may leave as much as a whole checkpoint
		return err
	}
	rec.Started, rec.Versions = time.Now().UTC().Truncate(time.Second), r.versions
	start := time.Now()
	r.at(s.Name, "run")
	if err := s.Run(ctx, job); err != nil {
		return err
	}
	r.at(s.Name, "ran")
	rec.Seconds = time.Since(start).Seconds()
	left, err := r.finish(s, temp, rec)
	if err != nil {
		return err
	}
	r.at(s.Name, "tidy")
	if err := errors.Join(os.RemoveAll(checkpoints), os.RemoveAll(left)); err != nil {
		job.Log.Printf("the result is in place, but not all that it replaces could be removed: %v", err)
	}
	r.at(s.Name, "done")
	return nil
}

func checkpointKey(rec *record) string { return rec.Key[:16] }

// dropCheckpoints removes what a fresh stage would resume from: it was killed after its commit, before it could.
func (r *Run) dropCheckpoints(state *State, dryRun bool) error {
	if dryRun {
		return nil
	}
	all := filepath.Join(r.dir, checkpointsName, state.Stage)
	if err := os.RemoveAll(filepath.Join(all, checkpointKey(state.record))); err != nil {
		return err
	}
	// Those of other keys stay, and with them their folder.
	if err := os.Remove(all); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTEMPTY) {
		return err
	}
	return nil
}

// finish records what a stage wrote and puts it in place.
func (r *Run) finish(s Stage, temp string, rec *record) (left string, err error) {
	if rec.Outputs, err = takeTree(temp); err != nil {
		return "", err
	}
	if err := r.sameInputs(s, rec); err != nil {
		return "", err
	}
	return r.commit(temp, rec)
}

// sameInputs refuses to record a result under a key that its inputs no longer have: somebody wrote to them meanwhile.
func (r *Run) sameInputs(s Stage, rec *record) error {
	for _, in := range s.Files {
		now, err := in.take(rec.Files[in.Name])
		if err != nil {
			return err
		}
		if now.Digest != rec.Inputs[in.Name] {
			return fmt.Errorf("%s (%s) was changed while the stage ran; run it again", in.Path, in.Name)
		}
	}
	for _, need := range s.Needs {
		now, err := r.digestNeed(need)
		if err != nil {
			return err
		}
		if now != rec.Inputs[need.String()] {
			return fmt.Errorf("%s was changed while the stage ran; run it again", need)
		}
	}
	return nil
}

// takeTree fingerprints every file below dir, by slash-separated relative path. A stage's output must be whole by itself,
// so there are no links in it: those to its own files would lead nowhere once the folder has its name.
func takeTree(dir string) (map[string]Fingerprint, error) {
	outputs := map[string]Fingerprint{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name == recordName {
			return fmt.Errorf("the stage wrote %s, the name under which its record is kept", recordName)
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("the stage wrote %s, which is %s, not a file", name, kind(entry.Type()))
		}
		outputs[filepath.ToSlash(name)], err = Take(path, Fingerprint{})
		return err
	})
	if err == nil && len(outputs) == 0 {
		err = errors.New("the stage wrote nothing")
	}
	return outputs, err
}
