package metrics

// Target is a figure that was to reach a bound. Its value is in the unit of the figure that Name names.
type Target struct {
	Name     string   `json:"name"`
	Value    *float64 `json:"value"`    // nil where the figure is not defined
	Relation string   `json:"relation"` // ">=" or "<="
	Bound    float64  `json:"bound"`
	Met      *bool    `json:"met"`      // nil where the figure is not defined
	Required bool     `json:"required"` // somebody set the bound, so that to miss it is a failure
}

// AtLeast is the target that value reach bound or more.
func AtLeast(name string, value *float64, bound float64) Target {
	return target(name, value, ">=", bound, func(v float64) bool { return v >= bound })
}

// AtMost is the target that value stay at bound or below.
func AtMost(name string, value *float64, bound float64) Target {
	return target(name, value, "<=", bound, func(v float64) bool { return v <= bound })
}

// Failed reports whether the target is required and not known to be met: where a figure is not defined, nothing was shown.
func (t Target) Failed() bool { return t.Required && (t.Met == nil || !*t.Met) }

func target(name string, value *float64, relation string, bound float64, reached func(float64) bool) Target {
	t := Target{Name: name, Value: value, Relation: relation, Bound: bound}
	if value != nil {
		met := reached(*value)
		t.Met = &met
	}
	return t
}
