package metrics

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// positive are positive values, at least as many as asked for.
func positive(least int) *rapid.Generator[[]float64] {
	return rapid.SliceOfN(rapid.Float64Range(0.01, 1000), least, 14)
}

func TestRatios(t *testing.T) {
	for _, c := range []struct {
		a, b           []float64
		paired, apart  float64
		given, without bool
	}{
		{[]float64{2}, []float64{1}, 2, 2, false, false},
		{[]float64{4, 4, 4, 4, 4}, []float64{2, 2, 2, 2, 2}, 2, 2, false, false}, // five are too few for an interval
		{[]float64{4, 4, 4, 4, 4, 4}, []float64{2, 2, 2, 2, 2, 2}, 2, 2, true, true},
		{[]float64{1, 2, 30, 4, 5, 6}, []float64{1, 2, 30, 4, 5, 6}, 1, 1, true, false},
		{[]float64{1, 2, 4}, []float64{4, 1, 2}, 1, 1, false, false}, // not 2, the median of 0.25, 2, 2: both medians are 2
	} {
		paired, apart := PairedRatio(c.a, c.b), RatioOfMedians(c.a, c.b)
		if paired.Value != c.paired || apart.Value != c.apart || (paired.Interval != nil) != c.given || paired.Without1() != c.without {
			t.Errorf("%v to %v: %+v and %+v", c.a, c.b, paired, apart)
		}
	}
}

// TestPairsCancelWhatDisturbsBoth: a machine that is slower for a while is so for both.
func TestPairsCancelWhatDisturbsBoth(t *testing.T) {
	var a, b []float64
	for i := range 10 {
		slow := 1 + float64(i%4)
		a, b = append(a, 3*slow), append(b, 2*slow)
	}
	if r := PairedRatio(a, b); r.Value != 1.5 || *r.Interval != (Interval{1.5, 1.5}) {
		t.Errorf("%+v", r)
	}
	if r := RatioOfMedians(a, b); r.Without1() {
		t.Errorf("values measured apart tell %+v", r)
	}
}

func TestRatioProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := positive(fewestDrawn).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Float64Range(0.01, 1000), len(a), len(a)).Draw(t, "b")
		for name, ratio := range map[string]func(a, b []float64) Ratio{"paired": PairedRatio, "apart": RatioOfMedians} {
			r := ratio(a, b)
			if r.Interval.Low > r.Interval.High || r.Interval.Low > r.Value || r.Interval.High < r.Value {
				t.Errorf("%s: %v lies outside %v", name, r.Value, *r.Interval)
			}
			twice := make([]float64, len(a))
			for i, v := range a {
				twice[i] = 2 * v // exact in binary
			}
			if s := ratio(twice, b); s.Value != 2*r.Value || s.Interval.Low != 2*r.Interval.Low || s.Interval.High != 2*r.Interval.High {
				t.Errorf("%s: twice %v is %v", name, r, s)
			}
		}
	})
}

func TestRankTest(t *testing.T) {
	up := func(from, n int) (list []float64) {
		for i := range n {
			list = append(list, float64(from+i))
		}
		return list
	}
	for _, c := range []struct {
		a, b []float64
		p    float64
	}{
		{up(1, 1), up(2, 1), 1},
		{up(1, 3), up(4, 3), 0.1}, // 2 of 20
		{up(1, 10), up(11, 10), 2.0 / 184756},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]float64{1, 3, 5}, []float64{2, 4, 6}, 0.7},
		{[]float64{1, 2, 2}, []float64{2, 3, 4}, 0.3}, // 6 of 20: ranks 1, 3, 3 against 3, 5, 6
	} {
		if p := RankTest(c.a, c.b); math.Abs(p-c.p) > 1e-12 {
			t.Errorf("%v against %v: %v, want %v", c.a, c.b, p, c.p)
		}
	}
}

func TestRankTestProperties(t *testing.T) {
	// Few different values, so that there are ties.
	some := rapid.SliceOfN(rapid.Map(rapid.IntRange(1, 6), func(i int) float64 { return float64(i) }), 1, 6)
	rapid.Check(t, func(t *rapid.T) {
		a, b := some.Draw(t, "a"), some.Draw(t, "b")
		p := RankTest(a, b)
		if q := RankTest(b, a); math.Abs(p-q) > 1e-12 {
			t.Errorf("%v one way, %v the other", p, q)
		}
		if q := enumerated(a, b); math.Abs(p-q) > 1e-12 {
			t.Errorf("%v, counting one by one %v", p, q)
		}
		squared := func(values []float64) (list []float64) {
			for _, v := range values {
				list = append(list, v*v)
			}
			return list
		}
		if q := RankTest(squared(a), squared(b)); p != q {
			t.Errorf("%v, of the squares %v; ranks are the same", p, q)
		}
	})
}

// enumerated is the same p-value by visiting every way to choose the values of a.
func enumerated(a, b []float64) float64 {
	all := slices.Concat(a, b)
	distance := func(chosen int) float64 { // twice the distance of U from its mean
		u := 0.0
		for i, x := range all {
			for j, y := range all {
				if chosen>>i&1 == 1 && chosen>>j&1 == 0 {
					switch {
					case x > y:
						u++
					case x < y:
						u--
					}
				}
			}
		}
		return math.Abs(u)
	}
	extreme, total := 0.0, 0.0
	for chosen := range 1 << len(all) {
		size := 0
		for i := range all {
			size += chosen >> i & 1
		}
		if size == len(a) {
			total++
			if distance(chosen) >= distance(1<<len(a)-1) {
				extreme++
			}
		}
	}
	return extreme / total
}

func TestStable(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   bool
	}{
		{nil, false}, {[]float64{1, 1}, false}, {[]float64{1, 1, 1}, true}, {[]float64{9, 9, 1, 1, 1.04}, true},
		{[]float64{1, 1, 1.05}, false}, {[]float64{1.03, 1, 1.04}, true}, {[]float64{1, 1, 1, 2}, false}, {[]float64{0, 0, 0}, false},
	} {
		if got := Stable(c.values, 3, 0.05); got != c.want {
			t.Errorf("%v: %v", c.values, got)
		}
	}
}

func TestStableProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(1, 1.2), 3, 10).Draw(t, "values")
		got := Stable(values, 3, 0.05)
		reversed := slices.Clone(values[len(values)-3:])
		slices.Reverse(reversed)
		if Stable(reversed, 3, 0.05) != got {
			t.Error("the order of the last matters, or what was before them")
		}
		if got && !Stable(values, 3, 0.1) {
			t.Error("not stable within more")
		}
	})
}
