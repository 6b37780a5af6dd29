package stages

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func randomLengths(n int) []int {
	random := rand.New(rand.NewPCG(1, 2))
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = 3 + random.IntN(126)
	}
	return lengths
}

func TestEpochOrderHasEachIndexOnce(t *testing.T) {
	for _, n := range []int{0, 1, 7, 16, 320, 321, 5000} {
		for _, size := range []int{1, 16, 7} {
			var all []int
			for i, batch := range epochOrder(randomLengths(n), size, 1, 0) {
				if len(batch) == 0 || len(batch) > size {
					t.Fatalf("n %d: batch %d has %d examples, at most %d may be", n, i, len(batch), size)
				}
				all = append(all, batch...)
			}
			slices.Sort(all)
			for i, index := range all {
				if i != index {
					t.Fatalf("n %d, size %d: index %d is missing or there twice", n, size, i)
				}
			}
			if got, want := len(epochOrder(randomLengths(n), size, 1, 0)), (n+size-1)/size; got != want || len(all) != n {
				t.Errorf("n %d, size %d: %d batches, want %d", n, size, got, want)
			}
		}
	}
}

func TestEpochOrderDependsOnSeedAndEpochAlone(t *testing.T) {
	lengths := randomLengths(1000)
	first := epochOrder(lengths, 16, 1, 0)
	if !reflect.DeepEqual(first, epochOrder(lengths, 16, 1, 0)) {
		t.Error("the same seed and epoch give another order")
	}
	if reflect.DeepEqual(first, epochOrder(lengths, 16, 1, 1)) || reflect.DeepEqual(first, epochOrder(lengths, 16, 2, 0)) {
		t.Error("another seed or epoch gives the same order")
	}
}

// TestBatchesAreOfAlikeLength compares the share of padding with that of batches in random order.
func TestBatchesAreOfAlikeLength(t *testing.T) {
	lengths := randomLengths(5000)
	computed, real := 0, 0
	for _, batch := range epochOrder(lengths, 16, 1, 0) {
		longest := 0
		for _, i := range batch {
			longest, real = max(longest, lengths[i]), real+lengths[i]
		}
		computed += longest * len(batch)
	}
	if share := float64(computed-real) / float64(computed); share > 0.05 {
		t.Errorf("%.1f%% of what is computed is padding", 100*share)
	}
}

func TestByLength(t *testing.T) {
	if got := byLength([]int{3, 1, 2, 1}); !reflect.DeepEqual(got, []int{1, 3, 2, 0}) {
		t.Errorf("got %v", got)
	}
}

// TestStepsHaveEachBatchOnce gathers batches into steps, the last of which may be short.
func TestStepsHaveEachBatchOnce(t *testing.T) {
	lengths := randomLengths(100)
	for _, accumulate := range []int{1, 3, 7, 100} {
		steps := epochSteps(lengths, 16, accumulate, 1, 2)
		if want := (7 + accumulate - 1) / accumulate; len(steps) != want {
			t.Errorf("7 batches, %d a step: %d steps, want %d", accumulate, len(steps), want)
		}
		if got := slices.Concat(steps...); !reflect.DeepEqual(got, epochOrder(lengths, 16, 1, 2)) {
			t.Errorf("%d a step: the batches are %v", accumulate, got)
		}
	}
}

// TestBatchLimit checks that batches have each row once, within the bounds, and that no two neighbours would fit together.
func TestBatchLimit(t *testing.T) {
	lengths := randomLengths(500)
	for _, limit := range []batchLimit{{1, 0}, {128, 0}, {1024, 0}, {1024, 5}, {1 << 20, 32}, {1 << 20, 0}} {
		var all []int
		batches := limit.batches(lengths)
		for i, batch := range batches {
			longest := lengths[batch[len(batch)-1]]
			if len(batch) > 1 && (len(batch)*longest > limit.tokens || limit.rows > 0 && len(batch) > limit.rows) {
				t.Errorf("%v: a batch of %d rows of up to %d tokens", limit, len(batch), longest)
			}
			if i+1 < len(batches) {
				next := len(batch) + 1
				if next*lengths[batches[i+1][0]] <= limit.tokens && (limit.rows == 0 || next <= limit.rows) {
					t.Errorf("%v: batch %d could have one more", limit, i)
				}
			}
			all = append(all, batch...)
		}
		slices.Sort(all)
		if !slices.Equal(all, byLength(make([]int, len(lengths)))) {
			t.Errorf("%v: not each row once", limit)
		}
	}
	if got := (batchLimit{1, 0}).batches(nil); len(got) > 0 {
		t.Errorf("no rows make %v", got)
	}
}
