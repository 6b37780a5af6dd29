package torchmodel

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// // The processor that the OpenBLAS of this name takes this one for. NULL where there is no such library.
// static const char *core_of(const char *library) {
//   void *opened = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
//   char *(*name)(void) = opened == NULL ? NULL : (char *(*)(void))dlsym(opened, "openblas_get_corename");
//   return name == NULL ? NULL : name();
// }
import "C"

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/cpu"
)

const (
	coretypeVariable   = "OPENBLAS_CORETYPE"
	reexecutedVariable = "PII_REEXECUTED" // set for the second start, so that there is no third
	// NoReexecVariable names the environment variable that, set to 1, keeps the program from starting itself again.
	NoReexecVariable = "PII_NO_REEXEC"
)

// Reexec starts the program again in this process, with the same arguments, where OpenBLAS mistakes the processor and would
// be several times slower than it could be. OpenBLAS reads its environment variable from the environment that the process
// began with, so setting it here would come too late. The second time it does nothing. Commands that compute are to call it
// first thing.
func Reexec() error {
	if os.Getenv(reexecutedVariable) != "" {
		return os.Unsetenv(reexecutedVariable)
	}
	core := OpenBLASCoretype()
	if core == "" || os.Getenv(NoReexecVariable) == "1" {
		return nil
	}
	if err := errors.Join(os.Setenv(coretypeVariable, core), os.Setenv(reexecutedVariable, "1")); err != nil {
		return fmt.Errorf("start again with %s=%s: %w", coretypeVariable, core, err)
	}
	if err := syscall.Exec("/proc/self/exe", os.Args, os.Environ()); err != nil {
		return fmt.Errorf("start again with %s=%s: %w", coretypeVariable, core, err)
	}
	return nil
}

// OpenBLASCoretype returns the value that OPENBLAS_CORETYPE should have: "" where it is set already, where libtorch does not
// use OpenBLAS, and where OpenBLAS knows the processor.
func OpenBLASCoretype() string {
	if os.Getenv(coretypeVariable) != "" {
		return ""
	}
	library := openBLASLibrary()
	if library == "" {
		return ""
	}
	name := C.CString(library)
	defer C.free(unsafe.Pointer(name))
	core := C.core_of(name)
	if core == nil {
		return ""
	}
	return coretype(C.GoString(core), thisProcessor())
}

// openBLASLibrary returns the name under which libtorch loads OpenBLAS; "" where it does not.
func openBLASLibrary() string {
	path, err := findLibrary()
	if err != nil {
		return "" // Load will say so
	}
	built, err := readBuiltFor(path)
	if err != nil {
		return ""
	}
	return built.OpenBLAS
}

// processor has what the choice of OpenBLAS's kernels depends on.
type processor struct {
	avx2, avx512, amd bool
}

// coretype chooses kernels where OpenBLAS has taken a processor with AVX2 for one without: it knows processors by their model
// numbers, and falls back to the oldest kernels for models that came after it.
func coretype(core string, p processor) string {
	old := []string{"Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Atom", "Sandybridge", "Katmai", "Coppermine", "Northwood",
		"Banias", "Opteron", "Opteron_SSE3", "Barcelona", "Bobcat", "Athlon", "Bulldozer", "Nano", "Generic"}
	mistaken := slices.ContainsFunc(old, func(name string) bool { return strings.EqualFold(name, core) })
	switch {
	case !mistaken:
		return ""
	case p.avx512:
		return "SkylakeX"
	case p.avx2 && p.amd:
		return "Zen"
	case p.avx2:
		return "Haswell"
	}
	return ""
}

func thisProcessor() processor {
	x := cpu.X86
	return processor{
		avx2:   x.HasAVX2 && x.HasFMA,
		avx512: x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512CD,
		amd:    isAMD(),
	}
}

func isAMD() bool {
	content, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && strings.Contains(string(content), "AuthenticAMD")
}
