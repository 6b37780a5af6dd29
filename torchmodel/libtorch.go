package torchmodel

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "bind.h"
// #include "csrc/pii_torch.h"
import "C"

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
)

// csrc is the C++ in libtch.so: its digest says which library this program was written for.
//
//go:embed csrc/*.cpp csrc/*.h
var csrc embed.FS

// LibraryVariable names the environment variable that overrides where libtch.so is looked for.
const LibraryVariable = "PII_LIBTCH"

const remedy = "run `make setup` again"

// loaded is what Load found out; its fields are written once.
var loaded struct {
	once  sync.Once
	path  string
	built BuiltFor
	err   error
}

// BuiltFor is what set-up writes beside libtch.so about the libtorch that it was built for.
type BuiltFor struct {
	Libtorch    string `json:"libtorch"`     // version
	LibtorchDir string `json:"libtorch_dir"` // folder of its libraries
	Source      string `json:"source"`       // where set-up took it from, in words
	CXX11ABI    bool   `json:"cxx11_abi"`    // whether std::string is that of C++11
	CUDA        bool   `json:"cuda"`         // whether it has CUDA's part
	OpenBLAS    string `json:"openblas"`     // name of the OpenBLAS library that is loaded with it; "" where there is none
	OneDNN      bool   `json:"onednn"`       // whether our own C++ in it uses oneDNN
	Csrc        string `json:"csrc"`         // digest of our own C++ in it
}

// Load opens libtch.so, and with it libtorch, and checks that they fit together and to this program. It does so once: later
// calls return the first one's result. Nothing of libtorch may be called before it has succeeded. The environment variables
// that libtorch and its libraries read must be set before.
func Load() error {
	loaded.once.Do(func() {
		loaded.path, loaded.err = findLibrary()
		if loaded.err == nil {
			loaded.err = prepareEnvironment()
		}
		if loaded.err == nil {
			keepMemory()
			loaded.built, loaded.err = open(loaded.path)
		}
	})
	return loaded.err
}

// findLibrary returns where libtch.so is: where the environment says, beside the executable, or where set-up put it.
func findLibrary() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		return path, nil
	}
	candidates := []string{filepath.Join(libtch.LibraryDir, csrcDigest(), "libtch.so")}
	if executable, err := os.Executable(); err == nil {
		dir := filepath.Dir(executable)
		candidates = slices.Concat([]string{filepath.Join(dir, "libtch.so"), filepath.Join(dir, "lib", "libtch.so")}, candidates)
	}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no libtch.so for this program beside it, in lib/, or in %s: %s", libtch.LibraryDir, remedy)
}

// csrcDigest is computed as in scripts/setup.sh: over the sources and then the headers, by name.
func csrcDigest() string {
	hash := sha256.New()
	for _, pattern := range []string{"csrc/*.cpp", "csrc/*.h"} {
		names, _ := fs.Glob(csrc, pattern) // the pattern is well-formed
		for _, name := range names {
			content, _ := csrc.ReadFile(name) // embedded
			hash.Write(content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// open loads the library at path and binds the C functions. Whatever goes wrong is told in one line.
func open(path string) (BuiltFor, error) {
	built, err := readBuiltFor(path)
	if err != nil {
		return built, err
	}
	if built.Csrc != csrcDigest() {
		return built, fmt.Errorf("%s is not of this version of the program: %s", path, remedy)
	}
	handle, err := libtch.Open(path)
	if err != nil {
		return built, fmt.Errorf("%s was built for libtorch %s, of %s, and cannot be loaded (%s): %s", path, built.Libtorch, built.LibtorchDir, firstLine(err.Error()), remedy)
	}
	if missing := C.pii_bind(handle); missing != nil {
		return built, fmt.Errorf("%s lacks %s: %s", path, C.GoString(missing), remedy)
	}
	if err := checkVersion(path); err != nil {
		return built, err
	}
	ts.InitNone()
	return built, nil
}

func readBuiltFor(path string) (built BuiltFor, err error) {
	if _, err := os.Stat(path); err != nil {
		return built, fmt.Errorf("no libtch.so: %w: %s", err, remedy)
	}
	name := strings.TrimSuffix(path, ".so") + ".json"
	content, err := os.ReadFile(name)
	if err != nil {
		return built, fmt.Errorf("beside libtch.so lies no description of it: %w: %s", err, remedy)
	}
	if err := json.Unmarshal(content, &built); err != nil {
		return built, fmt.Errorf("%s: %w: %s", name, err, remedy)
	}
	return built, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
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
	defer C.pii_torch_free(text)
	return C.GoString(text)
}

// SetThreads sets how many threads libtorch computes with on the CPU, at least one.
func SetThreads(n int) error {
	return taken(C.pii_torch_set_num_threads(C.int(max(n, 1))))
}

// Threads returns how many threads libtorch computes with on the CPU.
func Threads() int { return int(C.pii_torch_get_num_threads()) }
