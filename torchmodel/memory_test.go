package torchmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"testing"
)

// resident is the process's resident memory in bytes, less what Go has no use for.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	_, resident, err := memoryOfProcess()
	if err != nil {
		t.Fatal(err)
	}
	return resident
}

// memoryOfProcess is how many bytes of address space this process has taken, and how many of them are in memory.
func memoryOfProcess() (taken, resident int64, err error) {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(content), &taken, &resident)
	page := int64(os.Getpagesize())
	return taken * page, resident * page, err
}

// checkFlat does something n times, in three parts, and fails if memory grew by more than allowed bytes, going by the part in
// which it grew least: a leak grows in every part, allocators and pools that settle do not.
func checkFlat(t *testing.T, n int, allowed int64, do func(n int)) {
	t.Helper()
	do(n / 10)
	least, before := int64(math.MaxInt64), resident(t)
	for range 3 {
		do(n / 3)
		now := resident(t)
		least, before = min(least, now-before), now
	}
	if grown := 3 * least; grown > allowed {
		t.Errorf("%d times grew resident memory by %d bytes", n, grown)
	}
}

// TestPredictionKeepsMemoryFlat counts over enough batches that a leak of one small allocation per operation (some 60
// operations a batch) would show: one of 16 bytes would be 5 MB.
func TestPredictionKeepsMemoryFlat(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	random := rand.New(rand.NewPCG(1, 1))
	checkFlat(t, 5000, 4<<20, func(batches int) {
		for range batches {
			if _, err := m.Logits(randomRows(random, 8)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTrainingKeepsMemoryFlat(t *testing.T) {
	trainer := newTestTrainer(t, newTestModel(t, openThreads(t, 2), 1), Objective{})
	checkFlat(t, 1300, 4<<20, func(steps int) {
		for range steps {
			step := trainer.Steps()
			random := rand.New(rand.NewPCG(7, uint64(step)))
			if err := trainer.Step([][]Row{randomRows(random, 9), randomRows(random, 3)}, 1e-2, int64(step)<<16); err != nil {
				t.Fatal(err)
			}
		}
	})
}
