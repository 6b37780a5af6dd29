package torchmodel

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// countingMalloc is a library that counts in the file ALLOCATIONS how often memory was allocated in C and C++: Go ends a process without
// what C would do at its end.
const countingMalloc = `
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static long before, *count = &before;
__attribute__((constructor)) static void begin(void) {
  count = mmap(0, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, open(getenv("ALLOCATIONS"), O_RDWR), 0);
}
#define COUNTED __atomic_add_fetch(count, 1, __ATOMIC_RELAXED)
void *malloc(size_t n) { COUNTED; return __libc_malloc(n); }
void *calloc(size_t n, size_t each) { COUNTED; return __libc_calloc(n, each); }
void *realloc(void *p, size_t n) { COUNTED; return __libc_realloc(p, n); }
void *aligned_alloc(size_t to, size_t n) { COUNTED; return __libc_memalign(to, n); }
int posix_memalign(void **p, size_t to, size_t n) { COUNTED; return (*p = __libc_memalign(to, n)) ? 0 : 12; }
`

// TestEngineAllocatesNothingPerCall: a thousand calls more take no more allocations in C++, once the first ones have made room.
func TestEngineAllocatesNothingPerCall(t *testing.T) {
	dir := t.TempDir()
	source, library := filepath.Join(dir, "counting.c"), filepath.Join(dir, "counting.so")
	if err := os.WriteFile(source, []byte(countingMalloc), 0o666); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("g++", "-xc", "-shared", "-fPIC", "-O1", "-fno-builtin", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	count := func(precision string, calls int) int64 {
		file := filepath.Join(dir, precision+strconv.Itoa(calls))
		if err := os.WriteFile(file, make([]byte, 8), 0o666); err != nil {
			t.Fatal(err)
		}
		runHelper(t, "calls", "LD_PRELOAD="+library, "ALLOCATIONS="+file, "PRECISION="+precision, "CALLS="+strconv.Itoa(calls))
		n, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return int64(binary.NativeEndian.Uint64(n))
	}
	info, err := Engine()
	if err != nil {
		t.Fatal(err)
	}
	for _, precision := range info.Precisions {
		few, many := count(precision, 10), count(precision, 1010)
		t.Logf("%s: %d allocations with 10 calls, %d with 1010", precision, few, many)
		if few == 0 || many-few > 100 { // the runtime's threads come and go
			t.Errorf("%s: %d allocations more with 1000 calls more", precision, many-few)
		}
	}
}
