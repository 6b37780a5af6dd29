package torchmodel

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

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

// MostThreads is how many threads may be asked for: four for each processor. More only wait for one another, and tens of thousands use up
// those of the whole machine.
func MostThreads() int { return 4 * runtime.NumCPU() }

// chooseThreads is the number of threads that a user means by n: for 0 what OMP_NUM_THREADS says, or else defaultThreads. The variable
// may be meant for another program or a larger machine, so what is beyond MostThreads is that.
func chooseThreads(n int) int {
	if n > 0 {
		return n
	}
	if said := outermostThreads(os.Getenv("OMP_NUM_THREADS")); said > 0 {
		return min(said, MostThreads())
	}
	return defaultThreads()
}

// outermostThreads reads OMP_NUM_THREADS, a list with a number for each level of regions within regions (OpenMP 5.2, 21.1.2); 0 where it
// is none.
func outermostThreads(list string) int {
	outermost, _, _ := strings.Cut(list, ",")
	n, err := strconv.Atoi(strings.TrimSpace(outermost))
	if err != nil {
		return 0
	}
	return max(0, n)
}
