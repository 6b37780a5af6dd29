package torchmodel

import (
	"math"
	"strings"
	"testing"
)

// TestSchedulesEqualTransformers follows each schedule a few steps beyond its end.
func TestSchedulesEqualTransformers(t *testing.T) {
	var golden []struct {
		Kind          string
		Peak          float64
		Warmup, Total int
		Rates         []float64
	}
	readGolden(t, "testdata/schedules.json", &golden)
	if len(golden) < 8*len(Schedules) {
		t.Fatalf("%d schedules", len(golden))
	}
	for _, g := range golden {
		s, err := NewSchedule(g.Kind, g.Peak, g.Warmup, g.Total)
		if err != nil {
			t.Fatal(err)
		}
		for k, want := range g.Rates {
			if got := s.At(k); !(math.Abs(got-want) <= 1e-12*g.Peak) {
				t.Errorf("%s, %d steps, %d of warm-up: step %d has %g, want %g", g.Kind, g.Total, g.Warmup, k, got, want)
			}
		}
	}
}

func TestUnknownScheduleIsRefused(t *testing.T) {
	if _, err := NewSchedule("linaer", 1, 0, 10); err == nil || !strings.Contains(err.Error(), "constant_with_warmup") {
		t.Errorf("an unknown schedule: %v", err)
	}
	if _, err := NewSchedule("linear", 1, -1, 10); err == nil {
		t.Error("a negative warm-up was taken")
	}
}
