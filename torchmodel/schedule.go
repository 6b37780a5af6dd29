package torchmodel

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Schedules are the kinds that NewSchedule knows, named as the values of transformers' lr_scheduler_type.
var Schedules = []string{"linear", "cosine", "constant", "constant_with_warmup"}

// Schedule is the learning rate of every step of a training, as transformers' get_scheduler makes it.
type Schedule struct {
	kind          string
	peak          float64
	warmup, total int
}

// NewSchedule makes the schedule of a training of total steps. In all kinds but constant, the rate rises from 0 to peak in
// the first warmup steps; constant is peak from the first step on, whatever warmup is. Then linear falls to 0 in a straight
// line, cosine along half a cosine, and constant_with_warmup stays.
func NewSchedule(kind string, peak float64, warmup, total int) (Schedule, error) {
	if !slices.Contains(Schedules, kind) {
		return Schedule{}, fmt.Errorf("there is no schedule %q; there are %s", kind, strings.Join(Schedules, ", "))
	}
	if warmup < 0 || total < 0 {
		return Schedule{}, fmt.Errorf("a schedule of %d steps, %d of them warm-up: neither may be negative", total, warmup)
	}
	return Schedule{kind, peak, warmup, total}, nil
}

// At is the learning rate of step k, counted from 0.
func (s Schedule) At(k int) float64 {
	if s.kind == "constant" {
		return s.peak
	}
	if k < s.warmup {
		return s.peak * float64(k) / float64(s.warmup)
	}
	falling := float64(max(1, s.total-s.warmup))
	switch s.kind {
	case "linear":
		return s.peak * max(0, float64(s.total-k)/falling)
	case "cosine":
		return s.peak * max(0, 0.5*(1+math.Cos(math.Pi*float64(k-s.warmup)/falling)))
	}
	return s.peak
}
