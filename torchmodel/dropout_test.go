package torchmodel

import (
	"math"
	"slices"
	"testing"

	"github.com/sugarme/gotch/ts"
)

// drops tells which of n elements a dropout with probability p zeroes, and fails if the others are not scaled by 1/(1-p).
func drops(t *testing.T, n int64, p float64, key uint64) []bool {
	t.Helper()
	s := new(scope)
	defer s.drop()
	x := tensorOf(t, slices.Repeat([]float32{1}, int(n)), n)
	defer x.Drop()
	values := s.floats(s.keep(keyedDropout(x, p, key)))
	if s.err != nil {
		t.Fatal(s.err)
	}
	dropped := make([]bool, n)
	for i, v := range values {
		dropped[i] = v == 0
		if v != 0 && v != float32(1/(1-p)) {
			t.Fatalf("element %d is %v", i, v)
		}
	}
	return dropped
}

// share is how often both a and b hold, of all elements.
func share(a, b []bool) float64 {
	n := 0
	for i := range a {
		if a[i] && b[i] {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

const sample = 400_000

// near checks a share of the sample that should be want, to five standard deviations.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if bound := 5 * math.Sqrt(want*(1-want)/sample); !(math.Abs(got-want) <= bound) {
		t.Errorf("%s: %v, want %v to %v", what, got, want, bound)
	}
}

// TestDropoutStatistics: masks have the rate, and neighbours, rows of the usual widths, blocks, dropouts, shards, steps and
// seeds know nothing of one another.
func TestDropoutStatistics(t *testing.T) {
	needLibtorch(t)
	for _, p := range []float64{0.05, 0.1, 0.5, 0.9} {
		first := newMasks(42, 0)
		base := drops(t, sample, p, first.key())
		near(t, "rate", share(base, base), p)
		for _, shift := range []int{1, 2, 3, 8, 32, 192, 768, 1 << 14} {
			near(t, "shifted", share(base[shift:], base[:len(base)-shift])*float64(sample-shift)/sample, p*p*float64(sample-shift)/sample)
		}
		others := map[string]uint64{"next dropout": first.key(), "next shard": newMasks(42, 1).key(),
			"next seed": newMasks(43, 0).key(), "next step": newMasks(42+1<<16, 0).key(), "negative": newMasks(-42, 0).key()}
		for what, key := range others {
			near(t, what, share(base, drops(t, sample, p, key)), p*p)
		}
	}
}

// TestKeysDiffer: the dropouts of the shards of many steps have keys of their own.
func TestKeysDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for step := range int64(100) {
		for shard := range 50 {
			random := newMasks(42+step<<16, shard)
			for range 20 {
				key := random.key()
				if seen[key] {
					t.Fatalf("step %d, shard %d: a key comes a second time", step, shard)
				}
				seen[key] = true
			}
		}
	}
}

// TestDropoutIsAFunctionOfItsKey: the length of the tensor, the number of threads and what was drawn before have no part.
func TestDropoutIsAFunctionOfItsKey(t *testing.T) {
	needLibtorch(t)
	want := drops(t, sample, 0.3, 7)
	if !slices.Equal(drops(t, sample, 0.3, 7), want) || !slices.Equal(drops(t, 50_001, 0.3, 7), want[:50_001]) {
		t.Error("the same key drops other elements")
	}
	s := openThreads(t, 3)
	err := s.do(func() error {
		if !slices.Equal(drops(t, sample, 0.3, 7), want) {
			t.Error("three threads drop other elements")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDropoutGradient: the gradient goes through the mask of the forward pass.
func TestDropoutGradient(t *testing.T) {
	needLibtorch(t)
	const n = 40_000
	s := new(scope)
	defer s.drop()
	x := tensorOf(t, slices.Repeat([]float32{1}, n), n).MustSetRequiresGrad(true, true)
	defer x.Drop()
	y := s.keep(keyedDropout(x, 0.2, 9))
	total := s.keep(y.Sum(y.DType(), false))
	if s.err != nil {
		t.Fatal(s.err)
	}
	total.MustBackward()
	if grad := s.floats(s.keep(x.MustGrad(false), nil)); !slices.Equal(grad, s.floats(y)) || s.err != nil {
		t.Errorf("the gradient has another mask than the values: %v", s.err)
	}
}

func TestWrongDropoutIsRefused(t *testing.T) {
	needLibtorch(t)
	x := tensorOf(t, []float32{1}, 1)
	defer x.Drop()
	whole, err := ts.OfSlice([]int64{1})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Drop()
	for _, p := range []float64{-0.1, 1, math.NaN()} {
		if _, err := keyedDropout(x, p, 1); err == nil {
			t.Errorf("probability %v was taken", p)
		}
	}
	if _, err := keyedDropout(whole, 0.1, 1); err == nil {
		t.Error("integers were taken")
	}
}
