package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Names returns the stages' names in order.
func (r *Run) Names() []string {
	names := make([]string, len(r.stages))
	for i, s := range r.stages {
		names[i] = s.Name
	}
	return names
}

// choose turns a selection into the set of stages to look at.
func (r *Run) choose(sel Selection) (map[string]bool, error) {
	named := slices.Concat(sel.Targets, sel.Only)
	for _, name := range append(named, sel.From, sel.Until) {
		if name != "" && !slices.Contains(r.Names(), name) {
			return nil, unknownStage(name, r.Names())
		}
	}
	for _, name := range sel.Force {
		if name != "all" && !slices.Contains(r.Names(), name) {
			return nil, unknownStage(name, r.Names())
		}
	}
	chosen := map[string]bool{}
	switch {
	case len(sel.Only) > 0:
		for _, name := range sel.Only {
			chosen[name] = true
		}
		return chosen, nil
	case len(sel.Targets) > 0:
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
		return fmt.Errorf("no stage is left between --from %s and --until %s", sel.From, sel.Until)
	}
	return nil
}

func unknownStage(name string, names []string) error {
	return &UsageError{fmt.Sprintf("there is no stage %q; the stages are %s", name, strings.Join(names, ", "))}
}

// UsageError is a fault in what was asked for, not in doing it.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }
