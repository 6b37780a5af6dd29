package torchmodel

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sugarme/gotch/libtch"
)

// csrc is the C++ in libtch.so and libpii.so: its digest says which libraries this program was written for.
//
//go:embed csrc/*.cpp csrc/*.h csrc/engine/*.cpp csrc/engine/*.h
var csrc embed.FS

// LibraryVariable names the environment variable that overrides where libtch.so is looked for, and libpii.so beside it.
const LibraryVariable = "PII_LIBTCH"

const remedy = "run `make setup` again"

// BuiltFor is what set-up writes beside libtch.so about the libtorch that it was built for.
type BuiltFor struct {
	Libtorch    string `json:"libtorch"`     // version
	LibtorchDir string `json:"libtorch_dir"` // folder of its libraries
	Source      string `json:"source"`       // where set-up took it from, in words
	CXX11ABI    bool   `json:"cxx11_abi"`    // whether std::string is that of C++11
	CUDA        bool   `json:"cuda"`         // whether it has CUDA's part
	CUDAHeaders bool   `json:"cuda_headers"` // whether libtch.so was compiled with CUDA's headers: it has graphs, and figures of a GPU's memory
	OpenBLAS    string `json:"openblas"`     // name of the OpenBLAS library that is loaded with it; "" where there is none
	Csrc        string `json:"csrc"`         // digest of our own C++ in both libraries
}

// Built says what libtch.so was built for, without loading it.
func Built() (BuiltFor, error) {
	path, err := findLibrary()
	if err != nil {
		return BuiltFor{}, err
	}
	return readBuiltFor(path)
}

// checkedLibrary returns where libtch.so is and what it was built for, once it is known that set-up made it for this program.
func checkedLibrary() (path string, built BuiltFor, err error) {
	if path, err = findLibrary(); err != nil {
		return "", built, err
	}
	built, err = readBuiltFor(path)
	if err == nil && built.Csrc != csrcDigest() {
		err = fmt.Errorf("%s is not of this version of the program: %s", path, remedy)
	}
	return path, built, err
}

// findLibrary returns where libtch.so is: where the environment says, beside the executable, or where set-up put it.
func findLibrary() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		return filepath.Abs(path) // a bare name would be looked for in the system's folders
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

// csrcDigest is computed as in scripts/setup.sh: over the sources and then the headers, each libtorch's before the engine's, by name.
func csrcDigest() string {
	hash := sha256.New()
	for _, pattern := range []string{"csrc/*.cpp", "csrc/engine/*.cpp", "csrc/*.h", "csrc/engine/*.h"} {
		names, _ := fs.Glob(csrc, pattern) // the pattern is well-formed
		for _, name := range names {
			content, _ := csrc.ReadFile(name) // embedded
			hash.Write(content)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
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
