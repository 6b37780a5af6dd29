package stages

import "math"

// schedule is transformers' linear schedule with warm-up: the learning rate rises from 0 to peak in the first
// ceil(warmupRatio·total) steps and falls to 0 at the last.
type schedule struct {
	peak   float64
	warmup int
	total  int
}

func newSchedule(peak, warmupRatio float64, total int) schedule {
	return schedule{peak, int(math.Ceil(warmupRatio * float64(total))), total}
}

// at is the learning rate of step k, counted from 0.
func (s schedule) at(k int) float64 {
	if k < s.warmup {
		return s.peak * float64(k) / float64(max(1, s.warmup))
	}
	return s.peak * max(0, float64(s.total-k)/float64(max(1, s.total-s.warmup)))
}
