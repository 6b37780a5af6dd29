package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// State is what status says of a stage.
type State struct {
	Stage   string   `json:"stage"`
	Fresh   bool     `json:"fresh"`
	Exists  bool     `json:"exists"`            // there is a whole output, fresh or not
	Changes []Change `json:"changes,omitempty"` // why it is stale
	Waits   []string `json:"waits,omitempty"`   // stale stages before it, or inputs, whose content is not known yet
	Damage  string   `json:"damage,omitempty"`  // an output that is no longer what the stage wrote
	Seconds float64  `json:"seconds,omitempty"` // how long it took when it last ran
	record  *record  // the makings of the new key
}

// Reason says in a few words why the stage is not fresh.
func (s State) Reason() string {
	var reasons []string
	for _, c := range s.Changes {
		reasons = append(reasons, c.String())
	}
	if s.Damage != "" {
		reasons = append(reasons, s.Damage)
	}
	if len(s.Waits) > 0 {
		reasons = append(reasons, "it waits for "+strings.Join(s.Waits, ", "))
	}
	if !s.Exists && s.Damage == "" {
		reasons = append([]string{"it has no output yet"}, reasons...)
	}
	return strings.Join(reasons, "; ")
}

// Status says of each stage whether it is fresh, and if not, why. It changes nothing and takes no lock.
func (r *Run) Status(ctx context.Context) ([]State, error) {
	var states []State
	pending := map[string]bool{}
	for _, s := range r.stages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		state, err := r.checkSteady(ctx, s, pending)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		pending[s.Name] = !state.Fresh
		states = append(states, *state)
	}
	return states, nil
}

// checkSteady is check that nothing was committed during: what it read of old and new folders would not fit together.
// Each round more means that another process has finished a stage meanwhile. What is not found may be on its way between
// two renames, old record and all, so it is looked for again before it counts as gone.
func (r *Run) checkSteady(ctx context.Context, s Stage, pending map[string]bool) (*State, error) {
	seen := map[string]Fingerprint{}
	for looks := 0; ; {
		before := r.marks(s)
		state, err := r.check(s, pending, seen)
		if ctx.Err() != nil {
			return state, err
		}
		if r.marks(s) != before {
			continue
		}
		gone := errors.Is(err, fs.ErrNotExist) || err == nil && (state.Damage != "" || !state.Exists)
		if looks++; !gone || looks > 3 {
			return state, err
		}
	}
}

// marks tells the commits of a stage, and of those that it needs, from others.
func (r *Run) marks(s Stage) string {
	names := []string{s.Name}
	for _, need := range s.Needs {
		names = append(names, need.Stage)
	}
	var marks strings.Builder
	for _, name := range names {
		fmt.Fprintf(&marks, "%s %s\n", name, r.mark(name))
	}
	return marks.String()
}

// mark is a digest of a stage's record, whose times are never those of another commit; inodes come again. A folder that
// is aside when looked for can be gone when looked into, but then the new one is in its place: one more look finds it.
func (r *Run) mark(stage string) string {
	var err error
	for range 3 {
		var content []byte
		if content, err = os.ReadFile(filepath.Join(r.folder(stage), recordName)); err == nil {
			return digestBytes(content)
		}
	}
	return err.Error()
}

// check compares what a stage's key would be made of now with its record. pending holds the earlier stages that are
// about to be replaced by output that is not known yet; seen is what earlier looks found of the inputs.
func (r *Run) check(s Stage, pending map[string]bool, seen map[string]Fingerprint) (*State, error) {
	state := &State{Stage: s.Name}
	was, err := readRecord(r.folder(s.Name))
	var broken *brokenRecordError
	if errors.As(err, &broken) {
		state.Damage = broken.Error()
	} else if err != nil {
		return nil, err
	}
	is, err := r.makings(s, was, pending, seen, state)
	if err != nil {
		return nil, err
	}
	state.record = is
	if was == nil {
		return state, nil
	}
	state.Exists, state.Seconds = true, was.Seconds
	if len(state.Waits) > 0 {
		is.Inputs = merged(is.Inputs, was.Inputs) // what is not known yet counts as unchanged
	}
	state.Changes = changes(was, is)
	if len(state.Changes) == 0 {
		state.Damage, err = r.damage(s, was)
	}
	state.Fresh = len(state.Changes) == 0 && state.Damage == "" && len(state.Waits) == 0
	return state, err
}

// makings gathers what the stage's key is made of.
func (r *Run) makings(s Stage, was *record, pending map[string]bool, seen map[string]Fingerprint, state *State) (*record, error) {
	is := &record{Stage: s.Name, Schema: s.Schema, Inputs: map[string]string{}, Files: map[string]Fingerprint{}}
	var err error
	if is.Params, err = jsonObject(s.Params); err != nil {
		return nil, err
	}
	for _, in := range s.Files {
		if in.Awaits != "" {
			state.Waits = append(state.Waits, in.Awaits)
			continue
		}
		known, looked := seen[in.Name]
		if !looked && was != nil {
			known = was.Files[in.Name]
		}
		fp, err := in.take(known)
		if err != nil {
			return nil, err
		}
		seen[in.Name] = fp
		is.Files[in.Name], is.Inputs[in.Name] = fp, fp.Digest
	}
	for _, need := range s.Needs {
		if pending[need.Stage] {
			if !slices.Contains(state.Waits, need.Stage) {
				state.Waits = append(state.Waits, need.Stage)
			}
			continue
		}
		if is.Inputs[need.String()], err = r.digestNeed(need); err != nil {
			return nil, err
		}
	}
	if err := r.addLate(s, is, was, len(state.Waits) > 0); err != nil {
		return nil, err
	}
	is.Key, err = is.key()
	return is, err
}

// addLate adds the parameters that follow from what the stage needs. While it waits, those that it had count as unchanged.
func (r *Run) addLate(s Stage, is, was *record, waits bool) error {
	if s.Late == nil {
		return nil
	}
	if waits {
		if was != nil {
			is.Params = merged(is.Params, was.Params)
		}
		return nil
	}
	late, err := s.Late(func(stage, file string) string { return filepath.Join(r.folder(stage), filepath.FromSlash(file)) })
	if err != nil {
		return err
	}
	params, err := jsonObject(late)
	is.Params = merged(params, is.Params)
	return err
}

func (r *Run) digestNeed(need Need) (string, error) {
	folder := r.folder(need.Stage)
	earlier, err := readRecord(folder)
	if err != nil {
		return "", fmt.Errorf("it needs %s: %w; run that stage first (pii run %s)", need, err, need.Stage)
	}
	if earlier == nil {
		return "", fmt.Errorf("it needs %s, which is not there; run that stage first (pii run %s)", need, need.Stage)
	}
	return digestNeed(need, folder, earlier.Outputs)
}

// merged has what is in is, and of the rest what was in was.
func merged[V any](is, was map[string]V) map[string]V {
	all := maps.Clone(was)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, is)
	return all
}

// damage names an output that is gone or no longer what the stage wrote.
func (r *Run) damage(s Stage, was *record) (string, error) {
	for _, name := range unionKeys(was.Outputs, nil) {
		fp, err := Take(filepath.Join(r.folder(s.Name), filepath.FromSlash(name)), was.Outputs[name])
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return fmt.Sprintf("its output %s is gone", name), nil
		}
		var notFile *notFileError
		if err != nil && !errors.As(err, &notFile) {
			return "", err
		}
		if fp.Digest != was.Outputs[name].Digest {
			return fmt.Sprintf("its output %s was changed by something else", name), nil
		}
	}
	return "", nil
}
