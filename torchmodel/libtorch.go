package torchmodel

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "bind.h"
// #include "csrc/pii_torch.h"
import "C"

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unsafe"

	"github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
)

// loaded is what Load found out; its fields are written once.
var loaded struct {
	once  sync.Once
	path  string
	built BuiltFor
	err   error
}

// Load opens libtch.so, and with it libtorch, and checks that they fit together and to this program. It does so once: later
// calls return the first one's result. Nothing of libtorch may be called before it has succeeded. The environment variables
// that libtorch and its libraries read must be set before.
func Load() error {
	loaded.once.Do(func() {
		loaded.path, loaded.built, loaded.err = checkedLibrary()
		if loaded.err == nil {
			loaded.err = prepareEnvironment()
		}
		if loaded.err == nil {
			keepMemory()
			loaded.err = open(loaded.path, loaded.built)
		}
	})
	return loaded.err
}

// open loads the library at path and binds the C functions. Whatever goes wrong is told in one line.
func open(path string, built BuiltFor) error {
	handle, err := libtch.Open(path)
	if err != nil {
		return fmt.Errorf("%s was built for libtorch %s, of %s, and cannot be loaded (%s): %s", path, built.Libtorch, built.LibtorchDir, firstLine(err.Error()), remedy)
	}
	if missing := C.pii_bind_torch(handle); missing != nil {
		return fmt.Errorf("%s lacks %s: %s", path, C.GoString(missing), remedy)
	}
	if err := checkVersion(path); err != nil {
		return err
	}
	ts.InitNone()
	return nil
}

// checkVersion compares the libtorch that libtch.so was compiled with to the one that was loaded.
func checkVersion(path string) error {
	config, err := showConfig()
	if err != nil {
		return err
	}
	built, running := builtVersion(), versionIn(config)
	if running != "" && !sameRelease(built, running) {
		return fmt.Errorf("%s was built for libtorch %s, but libtorch %s was loaded: %s", path, built, running, remedy)
	}
	return nil
}

func builtVersion() string { return C.GoString(C.pii_torch_built_version()) }

var versionSetting = regexp.MustCompile(`TORCH_VERSION=([0-9][^, ]*)`)

// versionIn finds the version in libtorch's description of itself; "" where it does not say.
func versionIn(config string) string {
	if m := versionSetting.FindStringSubmatch(config); m != nil {
		return m[1]
	}
	return ""
}

// sameRelease compares versions without what a builder added behind them, as in 2.1.0+cu121.
func sameRelease(a, b string) bool {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	return a == b
}

func showConfig() (string, error) {
	var text *C.char
	if err := taken(C.pii_torch_show_config(&text)); err != nil {
		return "", fmt.Errorf("ask libtorch for its configuration: %w", err)
	}
	return takenText(text), nil
}

// taken makes an error of a message from C and frees it; nil when there is none.
func taken(message *C.char) error {
	if message == nil {
		return nil
	}
	return errors.New(takenText(message))
}

func takenText(text *C.char) string {
	if text == nil {
		return ""
	}
	defer C.free(unsafe.Pointer(text))
	return C.GoString(text)
}

// SetThreads sets how many threads libtorch computes with on the CPU, at least one.
func SetThreads(n int) error {
	return taken(C.pii_torch_set_num_threads(C.int(max(n, 1))))
}

// Threads returns how many threads libtorch computes with on the CPU.
func Threads() int { return int(C.pii_torch_get_num_threads()) }
