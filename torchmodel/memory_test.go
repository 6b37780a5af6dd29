package torchmodel

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// resident is the process's resident memory in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(content))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestPredictionKeepsMemoryFlat counts over enough batches that a leak of one small allocation per operation (some 60
// operations a batch) would show.
func TestPredictionKeepsMemoryFlat(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	random := rand.New(rand.NewPCG(1, 1))
	predict := func(batches int) {
		for range batches {
			if _, err := m.Logits(randomRows(random, 8)); err != nil {
				t.Fatal(err)
			}
		}
	}
	predict(500) // allocators and pools settle
	before := resident(t)
	predict(5000)
	const allowed = 4 << 20 // a leak of 16 bytes an operation would be 5 MB
	if grown := resident(t) - before; grown > allowed {
		t.Errorf("5,000 batches grew resident memory by %d bytes", grown)
	}
}

func TestTrainingKeepsMemoryFlat(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	trainer, err := m.NewTrainer(testOptimizer, Objective{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	trainSteps(t, trainer, 200)
	before := resident(t)
	trainSteps(t, trainer, 1500)
	const allowed = 4 << 20
	if grown := resident(t) - before; grown > allowed {
		t.Errorf("1,300 steps grew resident memory by %d bytes", grown)
	}
}
