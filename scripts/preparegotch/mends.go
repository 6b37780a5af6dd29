package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A mend replaces a pattern in one file. It must match exactly count times: another count means that the module is not
// the one these mends were written for, and a half-mended copy would be worse than none.
type mend struct {
	file, why, pattern, with string
	count                    int
}

// leak is how gotch makes a place for an output: malloc(0), never freed, and,
// where several outputs are written behind one another, too small for them.
const leak = `\(\*lib\.Ctensor\)\(unsafe\.Pointer\(C\.malloc\(0\)\)\)`

var mends = []mend{
	{"init.go", "no folder is made, and the process not ended, because a package was imported",
		`(?s)\n\tif _, err := os\.Stat\(CachedDir\).*?\n\t}\n}`, "\n}", 1},
	{"libtch/tensor.go", "a C int was read as eight bytes",
		`\*\(\*int\)\(unsafe\.Pointer\(&(\w+)\)\)`, "int($1)", 2},
	{"libtch/device.go", "a C int was read as eight bytes",
		`\*\(\*int\)\(unsafe\.Pointer\(&(\w+)\)\)`, "int($1)", 1},
	{"ts/tensor-generated.go", "outputs of functions with one output", `ptr := ` + leak, "ptr := new(lib.Ctensor)", 2221},
	{"ts/tensor-generated.go", "the handle that an in-place function replaces was never freed, so the tensor lived for ever",
		`ts\.ctensor = \*ptr`, "ts.take(*ptr)", 260},
	{"ts/tensor-generated.go", "without C the file compiles in a fraction of the time", `// #include "stdlib\.h"\nimport "C"\n`, "", 1},
	{"ts/tensor-generated.go", "for keepAlive", `import\(\n`, "import (\n  \"runtime\"\n", 1},
	{"ts/patch.go", "outputs of functions with one output", `\n\tptr := ` + leak, "\n\tptr := new(lib.Ctensor)", 1},
	{"ts/patch.go", "the C array of results was never freed", `\n\tcurrentPtr := ctensorsPtr\n`,
		"\n\tdefer C.free(unsafe.Pointer(ctensorsPtr))\n\tcurrentPtr := ctensorsPtr\n", 9},
	{"ts/tensor.go", "outputs of functions with one output", `\n\tptr := ` + leak, "\n\tptr := new(lib.Ctensor)", 1},
	{"ts/tensor.go", "the counters and the map behind the global lock; see replacement/tensor.go.txt",
		`(?s)\nvar \(\n\tTensorCount.*?\n\)\n`, "\n", 1},
	{"ts/tensor.go", "made when the library is loaded, not when the package is", `(?s)\n// NOTE\. None is an undefined.*?NewTensor\(\)\n`, "\n", 1},
	{"ts/tensor.go", "a filler of 100 kB in each tensor", `(?s)\ntype bigStruct struct.*?\n}\n`, "\n", 1},
	{"ts/tensor.go", "the type; see replacement/tensor.go.txt", `(?s)\n// Tensor is a Go wrapper.*?\ntype Tensor struct.*?\n}\n`, "\n", 1},
	{"ts/tensor.go", "the field is gone", `\n\tts\.calledFrom = "ts\.Drop\(\)"\n`, "\n", 1},
	{"ts/jit.go", "lists of tensors and values were written past the end of their allocation, which was never freed",
		`ptr1 := \(\*lib\.(C\w+)\)\(unsafe\.Pointer\(C\.malloc\(0\)\)\)(\n\t\tlib\.\w+\(cval\.civalue, ptr1, int\((\w+)\)\))`,
		"ptr1 := (*lib.$1)(C.malloc(C.size_t(16*int($3) + 16)))\n\t\tdefer C.free(unsafe.Pointer(ptr1))$2", 4},
	{"ts/jit.go", "the same for lists of numbers",
		`ptr1 := unsafe\.Pointer\(C\.malloc\(0\)\)(\n\t\tlib\.\w+\(cval\.civalue, ptr1, int\((\w+)\)\))`,
		"ptr1 := unsafe.Pointer(C.malloc(C.size_t(16*int($2) + 16)))\n\t\tdefer C.free(ptr1)$1", 3},
}

// A replacement swaps whole functions for those in a file of replacement/.
type replacement struct {
	file, with string
	functions  []string
}

var replacements = []replacement{
	{"ts/tensor.go", "tensor.go.txt", []string{"newTensor", "CheckCMemLeak", "freeCTensor", "newName", "RunBackward"}},
	{"ts/scalar.go", "scalar.go.txt", []string{"freeCScalar", "newScalarName", "newScalar", "nbytes"}},
	{"ts/error.go", "error.go.txt", []string{"TorchErr"}},
	{"libtch/tensor.go", "libtch.go.txt", []string{"AtSaveMulti", "AtoGetLearningRates"}},
	{"libtch/lib.go", "lib.go.txt", nil},
	{"libtch/bind.h", "bind.h.txt", nil},
	{"libtch/bind.c", "bind.c.txt", nil},
	{"libtch/bind.S", "bind.S.txt", nil},
}

//go:embed replacement
var replacementFiles embed.FS

// mendAll changes the copied module in place.
func mendAll(module string) error {
	for _, m := range mends {
		if err := edit(filepath.Join(module, m.file), m.apply); err != nil {
			return err
		}
	}
	for _, file := range []string{"ts/tensor-generated.go", "ts/patch.go"} {
		if err := edit(filepath.Join(module, file), sizeOutputs); err != nil {
			return err
		}
	}
	for _, r := range replacements {
		if err := r.write(module); err != nil {
			return err
		}
	}
	if err := writeBindings(filepath.Join(module, "libtch")); err != nil {
		return err
	}
	if err := splitGenerated(filepath.Join(module, "libtch"), 16); err != nil {
		return err
	}
	if err := keepAllAlive(filepath.Join(module, "ts")); err != nil {
		return err
	}
	return dropUnusedImports(module)
}

func edit(path string, change func(string) (string, error)) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := change(string(content))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

func (m mend) apply(text string) (string, error) {
	pattern, err := regexp.Compile(m.pattern)
	if err != nil {
		return "", err
	}
	if n := len(pattern.FindAllStringIndex(text, -1)); n != m.count {
		return "", fmt.Errorf("%q is there %d times, not %d (%s)", m.pattern, n, m.count, m.why)
	}
	return pattern.ReplaceAllString(text, m.with), nil
}

var (
	firstOutput = regexp.MustCompile(`^(\s*)(\w+) := ` + leak + `$`)
	laterOutput = regexp.MustCompile(`^\s*\w+ := \(\*lib\.Ctensor\)\(unsafe\.Pointer\(uintptr\(unsafe\.Pointer\(\w+\)\) \+ unsafe\.Sizeof\(\w+\)\)\)$`)
)

// sizeOutputs gives functions with several outputs an array of as many: C++ writes them behind one another, and the lines
// below the first compute the addresses of the others.
func sizeOutputs(text string) (string, error) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		first := firstOutput.FindStringSubmatch(line)
		if first == nil {
			continue
		}
		n := 1
		for i+n < len(lines) && laterOutput.MatchString(lines[i+n]) {
			n++
		}
		if n == 1 {
			return "", fmt.Errorf("line %d: expected the addresses of further outputs below it", i+1)
		}
		lines[i] = fmt.Sprintf("%s%s := &new([%d]lib.Ctensor)[0]", first[1], first[2], n)
	}
	return strings.Join(lines, "\n"), nil
}
