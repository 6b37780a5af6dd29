package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Names returns the stages' names in order.
func (r *Run) Names() []string {
	names := make([]string, len(r.stages))
	for i, s := range r.stages {
		names[i] = s.Name
	}
	return names
}

// Selects reports whether a selection looks at any of the stages.
func (r *Run) Selects(sel Selection, stages ...string) (bool, error) {
	chosen, err := r.choose(sel)
	return slices.ContainsFunc(stages, func(name string) bool { return chosen[name] }), err
}

// choose turns a selection into the set of stages to look at.
func (r *Run) choose(sel Selection) (map[string]bool, error) {
	if err := r.checkSelection(sel); err != nil {
		return nil, err
	}
	chosen := map[string]bool{}
	switch {
	case len(sel.Only) > 0:
		for _, name := range sel.Only {
			chosen[name] = true
		}
		return chosen, nil
	case len(sel.Targets) > 0 && !slices.Contains(sel.Targets, allStages):
		for _, name := range sel.Targets {
			r.addWithNeeds(name, chosen)
		}
	default:
		for _, name := range r.Names() {
			chosen[name] = true
		}
	}
	return chosen, r.cut(chosen, sel)
}

// allStages stands for all stages among targets and among those forced.
const allStages = "all"

func (r *Run) checkSelection(sel Selection) error {
	names := r.Names()
	for _, name := range slices.Concat(sel.Targets, sel.Force) {
		if name != allStages && !slices.Contains(names, name) {
			return unknownStage(name, names)
		}
	}
	for _, name := range sel.Only {
		if !slices.Contains(names, name) {
			return unknownStage(name, names)
		}
	}
	for _, name := range []string{sel.From, sel.Until} {
		if name != "" && !slices.Contains(names, name) {
			return unknownStage(name, names)
		}
	}
	if len(sel.Only) > 0 && (sel.From != "" || sel.Until != "") {
		return &UsageError{"--only names the stages to run; --from and --until do not go with it"}
	}
	return nil
}

func (r *Run) addWithNeeds(name string, chosen map[string]bool) {
	chosen[name] = true
	for _, s := range r.stages {
		if s.Name == name {
			for _, need := range s.Needs {
				r.addWithNeeds(need.Stage, chosen)
			}
		}
	}
}

func (r *Run) cut(chosen map[string]bool, sel Selection) error {
	names := r.Names()
	from, until := 0, len(names)-1
	if sel.From != "" {
		from = slices.Index(names, sel.From)
	}
	if sel.Until != "" {
		until = slices.Index(names, sel.Until)
	}
	for i, name := range names {
		if i < from || i > until {
			delete(chosen, name)
		}
	}
	if len(chosen) == 0 {
		return &UsageError{fmt.Sprintf("none of the chosen stages is between %s and %s (their order is %s)",
			names[from], names[until], strings.Join(names, ", "))}
	}
	return nil
}

func unknownStage(name string, names []string) error {
	message := fmt.Sprintf("there is no stage %q; the stages are %s", name, strings.Join(names, ", "))
	if near := nearest(name, names); near != "" {
		message = fmt.Sprintf("there is no stage %q; did you mean %s? (the stages are %s)", name, near,
			strings.Join(names, ", "))
	}
	return &UsageError{message}
}

// nearest returns the one of names that a slip of the finger may have made into name, or "".
func nearest(name string, names []string) string {
	best, found := 3, ""
	for _, candidate := range names {
		d := levenshtein.Distance(strings.ToLower(name), candidate, nil)
		if len(name) >= 3 && strings.HasPrefix(candidate, strings.ToLower(name)) {
			d = 1
		}
		if d < best && d < len(candidate) {
			best, found = d, candidate
		}
	}
	return found
}

// UsageError is a fault in what was asked for, not in doing it.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }
