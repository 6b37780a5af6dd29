package metrics

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// found has these scores from the highest down; those in wrong are wrong.
var found = []Judged{{0.99, true}, {0.98, true}, {0.9, true}, {0.9, false}, {0.8, true}, {0.7, true}, {0.4, false}, {0.2, false}}

func TestThresholdsByHand(t *testing.T) {
	for name, c := range map[string]struct {
		got       Choice
		threshold float64
		tp, fp    int
		reached   bool
	}{
		"precision 0.75":     {AtPrecision(found, 6, 0.75), 0.7, 5, 1, true}, // (5+1)/(6+2) is just that
		"precision 0.7":      {AtPrecision(found, 6, 0.7), 0.7, 5, 1, true},
		"precision 0.6":      {AtPrecision(found, 6, 0.6), 0.2, 5, 3, true},
		"precision 0.9":      {AtPrecision(found, 6, 0.9), 0.98, 2, 0, false}, // (2+1)/(2+2), as high as with all six
		"best F1":            {AtBestF(found, 6, 1), 0.7, 5, 1, true},
		"best F of a tenth":  {AtBestF(found, 6, 0.1), 0.98, 2, 0, true},
		"all wrong":          {AtBestF([]Judged{{0.3, false}, {0.6, false}}, 1, 1), 0.6, 0, 1, true},
		"at 0.9":             {At(found, 6, 0.9), 0.9, 3, 1, false},
		"nothing, precision": {AtPrecision(nil, 3, 0.5), 0, 0, 0, false},
		"nothing, F":         {AtBestF(nil, 3, 0.5), 0, 0, 0, false},
	} {
		g := c.got
		if g.Threshold != c.threshold || g.TruePositives != c.tp || g.FalsePositives != c.fp || g.Reached != c.reached {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if c := AtBestF(found, 6, 1); c.FalseNegatives != 1 || math.Abs(*c.Precision-5./6) > 1e-12 || math.Abs(*c.Recall-5./6) > 1e-12 {
		t.Errorf("%+v", c)
	}
}

// A choice is what its threshold leaves, and nothing lower would do.
func TestThresholdsLeaveWhatTheySay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spans := rapid.SliceOf(rapid.Custom(func(t *rapid.T) Judged {
			return Judged{float64(rapid.IntRange(0, 10).Draw(t, "score")) / 10, rapid.Bool().Draw(t, "right")}
		})).Draw(t, "spans")
		right := 0
		for _, s := range spans {
			if s.Right {
				right++
			}
		}
		gold, target := right+rapid.IntRange(0, 3).Draw(t, "missed"), rapid.Float64Range(0, 1).Draw(t, "target")
		for _, c := range []Choice{AtPrecision(spans, gold, target), AtBestF(spans, gold, 0.5)} {
			if left := At(spans, gold, c.Threshold); left.TruePositives != c.TruePositives || left.FalsePositives != c.FalsePositives {
				if len(spans) > 0 {
					t.Fatalf("%+v leaves %+v", c, left)
				}
			}
		}
		c := AtPrecision(spans, gold, target)
		for lower := range 10 {
			at := float64(lower) / 10
			left := At(spans, gold, at)
			reaches := float64(left.TruePositives+1)/float64(left.Predicted+2) >= target
			if at < c.Threshold && left.Predicted > c.Predicted && reaches && len(spans) > 0 {
				t.Fatalf("target %v: %+v, but %+v reaches it too", target, c, left)
			}
		}
	})
}
