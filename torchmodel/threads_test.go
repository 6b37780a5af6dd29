package torchmodel

import "testing"

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
