// Package pipeline runs stages that pass artifacts on disk: it decides which are stale and why, runs them, commits their
// output at once or not at all, and lets an interrupted one go on. It knows neither models nor transcripts.
package pipeline

import (
	"context"
	"fmt"
	"log"
	"path/filepath"
	"slices"
	"strings"
)

// Stage is one step of a pipeline.
type Stage struct {
	Name   string
	Schema int     // raised by hand whenever the stage writes something else for the same inputs and parameters
	Params any     // what the output depends on besides the inputs; marshals to a JSON object
	Files  []Input // what it reads from outside the run
	Needs  []Need  // what it reads from earlier stages
	// Late are more parameters, which follow from what earlier stages write: it is asked for them once that is there. path says where an
	// output of a stage lies. Nil where there are none.
	Late func(path func(stage, file string) string) (any, error)
	// Run writes the stage's output into job.Dir. It returns ctx's error soon after ctx is cancelled, with all that can be
	// resumed in job.Checkpoints.
	Run func(ctx context.Context, job *Job) error
}

// Need names the outputs of an earlier stage that a stage reads: one file, or with a trailing slash all below a folder.
type Need struct{ Stage, Path string }

func (n Need) String() string { return n.Stage + "/" + n.Path }

func (n Need) covers(path string) bool {
	return path == n.Path || strings.HasSuffix(n.Path, "/") && strings.HasPrefix(path, n.Path)
}

// Job is what a stage's Run works with.
type Job struct {
	Dir         string // empty folder for the output; becomes the stage's folder when Run returns nil
	Checkpoints string // folder that outlives an interruption as long as the stage's key stays the same
	Log         *log.Logger
	run         *Run
}

// Path is where the output of an earlier stage lies.
func (j *Job) Path(stage, file string) string { return filepath.Join(j.run.dir, stage, file) }

// checkStages checks that names are unique and can name folders beside the run's own, and that each need is met by an
// earlier stage.
func checkStages(stages []Stage) error {
	seen := map[string]bool{}
	for _, s := range stages {
		if seen[s.Name] {
			return fmt.Errorf("pipeline: two stages are called %q", s.Name)
		}
		if s.Name == "" || s.Name[0] == '.' || strings.ContainsAny(s.Name, "/\x00") || slices.Contains(reserved, s.Name) {
			return fmt.Errorf("pipeline: a stage cannot be called %q", s.Name)
		}
		if s.Run == nil {
			return fmt.Errorf("pipeline: stage %s has nothing to run", s.Name)
		}
		if err := checkInputs(s); err != nil {
			return err
		}
		for _, need := range s.Needs {
			if !seen[need.Stage] {
				return fmt.Errorf("pipeline: %s needs %s, which no earlier stage makes", s.Name, need)
			}
		}
		seen[s.Name] = true
	}
	return nil
}

// reserved are the names that a run uses for itself, and the word for all stages.
var reserved = []string{allStages, checkpointsName, lockName}

// checkInputs checks that no two inputs go by one name, under which only one of them would be in the key.
func checkInputs(s Stage) error {
	seen := map[string]bool{}
	for _, in := range s.Files {
		if seen[in.Name] {
			return fmt.Errorf("pipeline: two inputs of %s are called %q", s.Name, in.Name)
		}
		seen[in.Name] = true
	}
	for _, need := range s.Needs {
		if seen[need.String()] {
			return fmt.Errorf("pipeline: two inputs of %s are called %q", s.Name, need)
		}
		seen[need.String()] = true
	}
	return nil
}
