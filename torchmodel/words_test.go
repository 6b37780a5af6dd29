package torchmodel

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestWordsAreReadWhenNeeded predicts row by row in any order, and counts the words that were read.
func TestWordsAreReadWhenNeeded(t *testing.T) {
	s := openSession(t)
	dir := saved(t, s)
	whole, err := s.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	prepare(t, whole, FP32, byBest)
	m, err := s.LoadToPredict(dir, FP32)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.words.has[7] {
		t.Error("word 7 was read before it was needed")
	}
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 20)
	seen := map[int32]bool{}
	for _, row := range rows {
		if !reflect.DeepEqual(logitsOf(t, m, []Row{row}), logitsOf(t, whole, []Row{row})) {
			t.Error("logits are not those of a model that was loaded as a whole")
		}
		for _, id := range row.IDs {
			seen[id] = true
		}
	}
	for id, has := range m.words.has {
		if has != seen[int32(id)] {
			t.Errorf("word %d was read: %v; it was needed: %v", id, has, seen[int32(id)])
		}
	}
}

// A file that is written to while a model predicts from it may have other weights.
func TestWordsOfAFileThatChangesAreRefused(t *testing.T) {
	s := openSession(t)
	dir := saved(t, s)
	m, err := s.LoadToPredict(dir, FP32)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	path := filepath.Join(dir, weightsName)
	logitsOf(t, m, []Row{{IDs: []int32{1}}})
	if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Logits([]Row{{IDs: []int32{1, 2}}}); err == nil || !strings.Contains(err.Error(), path+" has changed") {
			t.Errorf("after a change: %v", err)
		}
	}
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Logits([]Row{{IDs: []int32{3}}}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("cut off: %v", err)
	}
}
