package torchmodel

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestChooseThreads(t *testing.T) {
	for said, want := range map[string]int{"3": 3, " 4 ": 4, "4,2": 4, "": defaultThreads(), "0": defaultThreads(), "-2": defaultThreads(),
		"many": defaultThreads(), "100000": MostThreads(), "4294967296": MostThreads(), "99999999999999999999": defaultThreads()} {
		t.Setenv("OMP_NUM_THREADS", said)
		if got := chooseThreads(0); got != want {
			t.Errorf("OMP_NUM_THREADS=%q: %d threads, want %d", said, got, want)
		}
		if got := chooseThreads(7); got != 7 {
			t.Errorf("OMP_NUM_THREADS=%q: %d threads where 7 were asked for", said, got)
		}
	}
}

// TestThreadsThatCannotBeHad: what the system refuses is told, and afterwards, when it no longer does, the model predicts.
func TestThreadsThatCannotBeHad(t *testing.T) {
	said := runHelper(t, "threads")
	for _, part := range []string{"of 200 threads could be had", "logits again: true"} {
		if !strings.Contains(said, part) {
			t.Errorf("it said nothing of %q:\n%s", part, said)
		}
	}
}

// withoutThreads predicts with more threads than there is address space for, and once more with enough of it.
func withoutThreads() error {
	s, err := Open("cpu", 200)
	if err != nil {
		return err
	}
	m, err := s.LoadToPredict(tiny, FP32)
	if err != nil {
		return err
	}
	rows := []Row{{IDs: []int32{2, 5, 3}}}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		return err
	}
	used, _, err := memoryOfProcess()
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: uint64(used) + 256<<20, Max: before.Max}); err != nil {
		return err
	}
	_, err = m.Logits(rows)
	fmt.Println(err)
	if err := unix.Setrlimit(unix.RLIMIT_AS, &before); err != nil {
		return err
	}
	logits, err := m.Logits(rows)
	fmt.Println("logits again:", len(logits) == 1)
	return err
}
