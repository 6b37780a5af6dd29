package torchmodel

import (
	"testing"

	"github.com/sugarme/gotch/ts"
)

// needLibtorch loads libtorch; a checkout without it has not been set up, which is a failure, not a reason to skip.
func needLibtorch(t testing.TB) {
	t.Helper()
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
