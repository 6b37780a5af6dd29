package torchmodel

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// passOf prepares a model for the device's forward pass.
func passOf(t testing.TB, s *Session, c Config) *Model {
	t.Helper()
	m := newModel(t, s, c)
	if err := m.preparePass(FP32); err != nil {
		t.Fatal(err)
	}
	return m
}

// textsAlone are rows of every length up to one that is not computed in a fixed length, in any order.
func textsAlone(c Config) []Row {
	rows := make([]Row, c.MaxPositions)
	for i, length := range rand.New(rand.NewPCG(2, 2)).Perm(len(rows)) {
		for t := range length + 1 {
			rows[i].IDs = append(rows[i].IDs, int32((7*t+length)%c.VocabSize))
		}
	}
	return rows
}

// A text alone is computed in a fixed length from the second of that length on, which is recorded on a GPU: what it comes to is the same.
func TestDeviceComputesTextsAlone(t *testing.T) {
	c := testConfig()
	c.MaxPositions = 140
	rows := textsAlone(c)
	want := logitsOf(t, newModel(t, openSession(t), c), rows)
	m := passOf(t, openDevice(t), c)
	for range 3 {
		for i, row := range rows {
			if worst, _ := apart(t, want[i:i+1], logitsOf(t, m, []Row{row}), c.classes()); !(worst < 1e-4) {
				t.Fatalf("a text of %d tokens alone has logits that differ by %g", len(row.IDs), worst)
			}
		}
	}
}

// What is submitted keeps its logits, however many batches follow before they are asked for, and in whatever order.
func TestDeviceComputesAhead(t *testing.T) {
	c, random := testConfig(), rand.New(rand.NewPCG(3, 3))
	s, reference := openDevice(t), newModel(t, openSession(t), c)
	m := passOf(t, s, c)
	var batches [][]Row
	var pending []*Pending
	for i := range 12 {
		batches = append(batches, manyLengths(c, random, 1+i%4))
		p, err := m.Submit(batches[i])
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, p)
	}
	for _, i := range random.Perm(len(batches)) {
		logits, err := pending[i].Logits()
		if err != nil {
			t.Fatal(err)
		}
		if worst, _ := apart(t, logitsOf(t, reference, batches[i]), logits, c.classes()); !(worst < 1e-4) {
			t.Errorf("batch %d has logits that differ by %g", i, worst)
		}
	}
}

// A batch that finds no memory is divided while another is under way; what is under way when the model is closed is lost.
func TestDeviceIsShortOfMemoryAhead(t *testing.T) {
	c := testConfig()
	s := openDevice(t)
	m := passOf(t, s, c)
	small, large := textsAlone(c)[:1], manyLengths(c, rand.New(rand.NewPCG(4, 4)), 30)
	want := logitsOf(t, m, large)
	first, err := m.Submit(small)
	if err != nil {
		t.Fatal(err)
	}
	shortOfMemory(s, cells(large)/6)
	divided, err := m.Submit(large)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := divided.Logits()
	if err != nil {
		t.Fatal(err)
	}
	if worst, _ := apart(t, want, logits, c.classes()); !(worst < 1e-4) {
		t.Errorf("in parts, logits differ by %g", worst)
	}
	if logits, err := first.Logits(); err != nil || len(logits) != 1 {
		t.Errorf("what was under way before: %d rows, %v", len(logits), err)
	}
	lost, err := m.Submit(small)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := lost.Logits(); !errors.Is(err, errClosed) {
		t.Errorf("after the model was closed: %v", err)
	}
}

// TestDeviceKeepsMemoryFlat counts over 10,000 batches, of one text and of several, as TestPredictionKeepsMemoryFlat does; on a GPU also
// what is taken of its memory.
func TestDeviceKeepsMemoryFlat(t *testing.T) {
	s, c, random := openDevice(t), testConfig(), rand.New(rand.NewPCG(1, 1))
	m := passOf(t, s, c)
	var taken []int64
	checkFlat(t, 10_000, 4<<20, func(batches int) {
		var before *Pending
		for range batches {
			p, err := m.Submit(randomRows(random, 1+random.IntN(8)))
			if err != nil {
				t.Fatal(err)
			}
			if before != nil {
				if _, err := before.Logits(); err != nil {
					t.Fatal(err)
				}
			}
			before = p
		}
		now, _, _, err := s.DeviceMemory()
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, now.Taken)
	})
	if first, last := taken[0], taken[len(taken)-1]; last > first+first/10 {
		t.Errorf("memory taken of the device grew from %d to %d bytes", first, last)
	}
}
