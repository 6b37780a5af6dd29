package torchmodel

// #include <malloc.h>
import "C"

import (
	"fmt"
	"os"
)

// spinCount is how often a thread of libtorch or oneDNN looks for work before it sleeps. libgomp's own count makes threads wait for
// milliseconds, which is harmless alone and ruinous where something else wants the cores: a training step took four
// times as long beside one other busy process. With this one it took a fifth longer, and alone no longer.
const spinCount = "10000"

// prepareEnvironment sets what the libraries read when they are loaded, where the user has not.
func prepareEnvironment() error {
	if os.Getenv("OMP_WAIT_POLICY") != "" || os.Getenv("GOMP_SPINCOUNT") != "" {
		return nil
	}
	if err := os.Setenv("GOMP_SPINCOUNT", spinCount); err != nil {
		return fmt.Errorf("set GOMP_SPINCOUNT: %w", err)
	}
	return nil
}

// keepMemory lets the C allocator keep what tensors give back for the next ones. By default it returns large blocks to the
// system at once, and each step of training faults the same memory in again: a tenth of its time.
func keepMemory() {
	const most = 1 << 30
	C.mallopt(C.M_ARENA_MAX, 1) // one pool: the owner's thread would otherwise get one that cannot grow in place
	C.mallopt(C.M_MMAP_THRESHOLD, 32<<20)
	C.mallopt(C.M_TRIM_THRESHOLD, most)
}
