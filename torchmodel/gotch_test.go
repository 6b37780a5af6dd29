package torchmodel

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Unmended, gotch never frees the handle that an in-place function replaces, and with it the tensor.
func TestInPlaceFunctionsDoNotLeak(t *testing.T) {
	needLibtorch(t)
	live, before := ts.LiveTensors(), resident(t)
	one := ts.FloatScalar(1)
	for range 200 {
		x := ts.MustOnes([]int64{1 << 20}, gotch.Float, gotch.CPU) // 4 MB
		x.MustAddScalar_(one)
		x.MustDrop()
	}
	if grown := (resident(t) - before) >> 20; grown > 200 {
		t.Errorf("memory grew by %d MB", grown)
	}
	if n := ts.LiveTensors() - live; n != 0 {
		t.Errorf("%d tensors are alive", n)
	}
}

func TestDropTwiceIsHarmless(t *testing.T) {
	needLibtorch(t)
	x := ts.MustOnes([]int64{2}, gotch.Float, gotch.CPU)
	for range 2 {
		if err := x.Drop(); err != nil {
			t.Error(err)
		}
	}
}

func TestFunctionsWithSeveralResults(t *testing.T) {
	needLibtorch(t)
	x := tensorOf(t, []float32{3, 1, 2, 6, 5, 4}, 2, 3)
	defer x.MustDrop()
	values, indices, err := x.MaxDim(1, false, false)
	if err != nil {
		t.Fatal(err)
	}
	defer values.MustDrop()
	defer indices.MustDrop()
	if got := float32s(t, values); got[0] != 3 || got[1] != 6 {
		t.Errorf("maxima are %v", got)
	}
	if got := indices.MustInt64Value([]int64{1}); got != 0 {
		t.Errorf("the second maximum is at %d", got)
	}
	parts, err := x.Split(2, 1)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, error %v", len(parts), err)
	}
	for _, part := range parts {
		part.MustDrop()
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	needLibtorch(t)
	a, b := tensorOf(t, []float32{1, 2}, 2), tensorOf(t, []float32{1, 2, 3}, 3)
	defer a.MustDrop()
	defer b.MustDrop()
	_, err := a.Matmul(b, false)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("the product of vectors of different lengths: %v", err)
	}
}

func TestBackwardOfSeveral(t *testing.T) {
	needLibtorch(t)
	x := tensorOf(t, []float32{2}, 1).MustSetRequiresGrad(true, true)
	y := tensorOf(t, []float32{5}, 1).MustSetRequiresGrad(true, true)
	xy, yy := x.MustMul(y, false), y.MustMul(y, false)
	gradients, err := ts.RunBackward([]*ts.Tensor{xy, yy}, []*ts.Tensor{x, y}, false, false)
	if err != nil || len(gradients) != 2 {
		t.Fatalf("%d gradients, error %v", len(gradients), err)
	}
	if gx, gy := float32s(t, gradients[0])[0], float32s(t, gradients[1])[0]; gx != 5 || gy != 12 {
		t.Errorf("gradients of xy + y² at (2, 5) are %v and %v, want 5 and 12", gx, gy)
	}
}

func TestNoneIsUndefined(t *testing.T) {
	needLibtorch(t)
	if defined, err := ts.None.Defined(); err != nil || defined {
		t.Errorf("None is defined: %v, error %v", defined, err)
	}
}

// The driver's functions as cuda.h declares them, for one device.
const fakeDriver = `
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return FAILURE; }
int cuGetErrorString(int status, const char **text) { *text = "the driver is too old"; return 0; }
int cuDeviceGet(int *device, int index) { *device = index + 7; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, device == 7 ? "Fake 9000" : "?", size); return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)1; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxPushCurrent_v2(void *context) { return context != (void *)1; }
int cuCtxPopCurrent_v2(void **context) { return 0; }
int cuMemGetInfo_v2(size_t *now, size_t *total) { *now = 5000000000; *total = 8000000000; return 0; }
`

func TestCUDADeviceAsTheDriverTells(t *testing.T) {
	for failure, want := range map[string]string{
		"0": "{Index:0 Name:Fake 9000 TotalMemory:8000000000 FreeMemory:5000000000} <nil>\n",
		"3": "cuInit: the driver is too old\n",
	} {
		dir := t.TempDir()
		compileC(t, filepath.Join(dir, "libcuda.so.1"), fakeDriver, "-DFAILURE="+failure)
		if said := runHelper(t, "cuda", "LD_LIBRARY_PATH="+dir); !strings.Contains(said, want) {
			t.Errorf("it says %q, want %q in it", said, want)
		}
	}
}

// A libtorch with CUDA is not loaded to find that there is no GPU.
func TestAutoIsTheCPUWithoutADriver(t *testing.T) {
	if hasDriver() {
		t.Skip("here is a driver")
	}
	library := filepath.Join(t.TempDir(), "libtch.so")
	writeFile(t, library, "not a library")
	writeDescription(t, library, BuiltFor{CUDA: true, Csrc: csrcDigest()})
	dir := t.TempDir()
	if said := runHelper(t, "device", LibraryVariable+"="+library); !strings.Contains(said, `device="cpu" <nil>`) {
		t.Errorf("without a driver it says %q", said)
	}
	compileC(t, filepath.Join(dir, "libcuda.so.1"), fakeDriver, "-DFAILURE=0")
	if said := runHelper(t, "device", LibraryVariable+"="+library, "LD_LIBRARY_PATH="+dir); !strings.Contains(said, "cannot be loaded") {
		t.Errorf("with a driver it says %q", said)
	}
}

func BenchmarkSmallOperation(b *testing.B) {
	needLibtorch(b)
	x := ts.MustOnes([]int64{2}, gotch.Float, gotch.CPU)
	defer x.MustDrop()
	for b.Loop() {
		y, err := x.Add(x, false)
		if err != nil {
			b.Fatal(err)
		}
		if err := y.Drop(); err != nil {
			b.Fatal(err)
		}
	}
}
