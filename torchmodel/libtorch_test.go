package torchmodel

import (
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sugarme/gotch/libtch"
	"github.com/sugarme/gotch/ts"
)

// needLibtorch loads libtorch; a checkout without it has not been set up, which is a failure, not a reason to skip. The test
// keeps its thread to its end: libtorch keeps errors by thread, and one that is left behind is the next test's.
func needLibtorch(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	if err := Load(); err != nil {
		t.Fatal(err)
	}
}

func tensorOf(t *testing.T, values []float32, shape ...int64) *ts.Tensor {
	t.Helper()
	flat, err := ts.OfSlice(values)
	if err != nil {
		t.Fatal(err)
	}
	tensor, err := flat.View(shape, true)
	if err != nil {
		t.Fatal(err)
	}
	return tensor
}

func float32s(t *testing.T, x *ts.Tensor) []float32 {
	t.Helper()
	values := make([]float32, x.Numel())
	if err := x.CopyData(values, x.Numel()); err != nil {
		t.Fatal(err)
	}
	return values
}

func TestGotchMultiplies(t *testing.T) {
	needLibtorch(t)
	a, b := tensorOf(t, []float32{1, 2, 3, 4}, 2, 2), tensorOf(t, []float32{5, 6, 7, 8}, 2, 2)
	product, err := a.Matmul(b, true)
	if err != nil {
		t.Fatal(err)
	}
	b.MustDrop()
	defer product.MustDrop()
	if got, want := float32s(t, product), []float32{19, 22, 43, 50}; [4]float32(got) != [4]float32(want) {
		t.Errorf("product is %v, want %v", got, want)
	}
}

func TestInfo(t *testing.T) {
	info, err := Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.BuiltFor == "" || info.Config == "" || info.Threads < 1 {
		t.Errorf("%+v: version, configuration or threads are missing", info)
	}
	for what, path := range map[string]string{"libtch.so": info.Library, "libtorch": info.Libtorch} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if (len(info.CUDA) == 0) == (info.NoCUDA == "") {
		t.Errorf("%d CUDA devices, and the reason for none is %q", len(info.CUDA), info.NoCUDA)
	}
	if info.OpenBLASCore != "" && info.BLAS != "OpenBLAS" {
		t.Errorf("BLAS is %q, but OpenBLAS has a core", info.BLAS)
	}
}

func TestSetThreads(t *testing.T) {
	needLibtorch(t)
	before := Threads()
	defer func() {
		if err := SetThreads(before); err != nil {
			t.Error(err)
		}
	}()
	if err := SetThreads(1); err != nil || Threads() != 1 {
		t.Errorf("%d threads after setting 1 (error %v)", Threads(), err)
	}
}

func TestVersionIn(t *testing.T) {
	for config, want := range map[string]string{
		"Build settings: BLAS_INFO=open, TORCH_VERSION=1.13.1, USE_CUDA=OFF, \n": "1.13.1",
		"TORCH_VERSION=2.1.0+cu121, USE_CUDA=ON":                                 "2.1.0+cu121",
		"PyTorch built with:\n":                                                  "",
	} {
		if got := versionIn(config); got != want {
			t.Errorf("version in %q is %q, want %q", config, got, want)
		}
	}
	if !sameRelease("2.1.0+cu121", "2.1.0") || sameRelease("2.1.0", "2.1.1") {
		t.Error("versions are not compared without the builder's suffix")
	}
}

func TestBLASAndOneDNNNames(t *testing.T) {
	for config, want := range map[string][2]string{
		"BLAS_INFO=mkl, X\n  - Intel(R) MKL-DNN v2.7.3 (Git Hash x)": {"MKL", "2.7.3"},
		"BLAS_INFO=generic":                  {"generic", ""},
		"no word of it, but a oneDNN v3.5.3": {"unknown", "3.5.3"},
	} {
		if got := [2]string{blasName(config, false), oneDNNIn(config)}; got != want {
			t.Errorf("%q: %q, want %q", config, got, want)
		}
	}
	if got := blasName("BLAS_INFO=generic", true); got != "OpenBLAS" {
		t.Errorf("with OpenBLAS behind libblas: %q", got)
	}
}

// fakeLibrary makes a libtch.so with every function that is bound, which says to be built for one version and run another.
func fakeLibrary(t *testing.T, built, running string, description BuiltFor) string {
	t.Helper()
	libtchSources := filepath.Join(filepath.Dir(libtch.LibraryDir), "libtch")
	path := filepath.Join(t.TempDir(), "libtch.so")
	compileC(t, path, `
		#include <stddef.h>
		#include <string.h>
		#define X(name) void name(void) {}
		#include "bind_names.h"
		#define pii_torch_built_version hidden1
		#define pii_torch_show_config hidden2
		#include "names.h"
		#undef pii_torch_built_version
		#undef pii_torch_show_config
		const char *pii_torch_built_version(void) { return "`+built+`"; }
		char *pii_torch_show_config(char **text) { *text = strdup("TORCH_VERSION=`+running+`, "); return NULL; }`,
		"-I"+libtchSources, "-Icsrc")
	writeDescription(t, path, description)
	return path
}

func writeDescription(t *testing.T, library string, description BuiltFor) {
	t.Helper()
	content, err := json.Marshal(description)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, strings.TrimSuffix(library, ".so")+".json", string(content))
}

func TestLoadTellsInOneLineWhatDoesNotFit(t *testing.T) {
	described := BuiltFor{Libtorch: "1.2.3", LibtorchDir: "/opt/libtorch/lib", Csrc: csrcDigest()}
	broken := filepath.Join(t.TempDir(), "libtch.so")
	writeFile(t, broken, "not a library")
	writeDescription(t, broken, described)
	stranger := filepath.Join(t.TempDir(), "libtch.so")
	compileC(t, stranger, "int something_else;")
	writeDescription(t, stranger, described)
	undescribed := filepath.Join(t.TempDir(), "libtch.so")
	writeFile(t, undescribed, "")
	for name, c := range map[string]struct {
		path string
		want []string
	}{
		"other version":    {fakeLibrary(t, "1.2.3", "4.5.6", described), []string{"1.2.3", "4.5.6"}},
		"other program":    {fakeLibrary(t, "1.2.3", "1.2.3", BuiltFor{Csrc: "another"}), []string{"not of this version"}},
		"no library":       {broken, []string{"built for libtorch 1.2.3", "/opt/libtorch/lib"}},
		"without function": {stranger, []string{"built for libtorch 1.2.3", "is not in it"}},
		"no description":   {undescribed, []string{"libtch.json"}},
		"nothing":          {"/nonexistent/libtch.so", []string{"/nonexistent/libtch.so"}},
	} {
		t.Run(name, func(t *testing.T) {
			said := runHelper(t, "load", LibraryVariable+"="+c.path)
			line, _, _ := strings.Cut(said[strings.Index(said, "load=")+len("load="):], "\n")
			for _, want := range append(c.want, "run `make setup` again") {
				if !strings.Contains(line, want) {
					t.Errorf("the first line is %q; it lacks %q", line, want)
				}
			}
		})
	}
}

func TestLoadTakesALibraryOfTheSameVersion(t *testing.T) {
	path := fakeLibrary(t, "1.2.3+cpu", "1.2.3", BuiltFor{Csrc: csrcDigest()})
	if said := runHelper(t, "load", LibraryVariable+"="+path); !strings.Contains(said, "load=<nil>\n") {
		t.Errorf("it says %q", said)
	}
}

// A program that is not asked to compute neither loads libtorch nor needs it.
func TestProgramIsNotLinkedToLibtorch(t *testing.T) {
	checkNotLinked(t, "/proc/self/exe", "torch", "tch", "blas")
}

// checkNotLinked checks that a program or library is linked to none that has one of these parts in its name.
func checkNotLinked(t *testing.T, path string, parts ...string) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	libraries, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range libraries {
		for _, part := range parts {
			if strings.Contains(name, part) {
				t.Errorf("%s is linked to %s", path, name)
			}
		}
	}
}
