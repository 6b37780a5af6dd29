package torchmodel

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// defaultThreads is how many threads an operation gets where nobody says: one for each physical core that this process
// may use, within its share of processor time. Two threads of one core only get in each other's way in matrix products.
// libtorch's own default is not used, since some builds find one core on virtual machines.
func defaultThreads() int {
	return max(1, min(physicalCores(), runtime.GOMAXPROCS(0)))
}

// physicalCores counts the cores behind the processors that this process may run on.
func physicalCores() int {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return runtime.NumCPU()
	}
	cores := map[string]bool{}
	for cpu := range 64 * len(allowed) {
		if !allowed.IsSet(cpu) {
			continue
		}
		siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		if err != nil {
			siblings = []byte(fmt.Sprint(cpu))
		}
		cores[string(siblings)] = true
	}
	return len(cores)
}

// useThreads sets the number of threads: n, or for 0 what OMP_NUM_THREADS says, or defaultThreads.
func useThreads(n int) error {
	if n == 0 && os.Getenv("OMP_NUM_THREADS") != "" {
		return nil // libtorch has read it
	}
	if n == 0 {
		n = defaultThreads()
	}
	return SetThreads(n)
}
