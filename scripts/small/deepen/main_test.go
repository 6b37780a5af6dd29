package main

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"pii/torchmodel"
)

const (
	tiny = "../../parity/testdata/tiny-distilbert"
	half = "../../../torchmodel/testdata/transformers/f16"
)

// What comes out of a layer has another mean and another deviation in each token, a norm the same ones in all: nearly the same is what
// can be had. Logits of this model go from -3 to 2.4.
func TestDeeperModelComputesNearlyTheSame(t *testing.T) {
	deeper := filepath.Join(t.TempDir(), "deeper")
	if err := deepenFolder(tiny, deeper, 3); err != nil {
		t.Fatal(err)
	}
	want, got := logits(t, tiny, 3), logits(t, deeper, 6)
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) < 0.15) {
			t.Errorf("logit %d is %g, before %g", i, got[i], want[i])
		}
	}
}

// logits are those of a short text by a model of so many layers.
func logits(t *testing.T, dir string, layers int) []float32 {
	t.Helper()
	session, err := torchmodel.Open("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	model, err := session.LoadToPredict(dir, torchmodel.FP32)
	if err != nil {
		t.Fatal(err)
	}
	if model.Config.Layers != layers {
		t.Errorf("%d layers, want %d", model.Config.Layers, layers)
	}
	rows, err := model.Logits([]torchmodel.Row{{IDs: []int32{2, 5, 17, 9, 3}}})
	if err := errors.Join(err, model.Close()); err != nil {
		t.Fatal(err)
	}
	return rows[0]
}

func TestOutputMoments(t *testing.T) {
	layer := map[string]safetensors.TensorView{}
	for name, values := range map[string][]float32{"weight": {1, 2, 2, 4}, "bias": {1, 1, 3, 3}} {
		var data []byte
		for _, v := range values {
			data = append(data, repeated(v, 1)...)
		}
		view, err := safetensors.NewTensorView(safetensors.F32, []uint64{4}, data)
		if err != nil {
			t.Fatal(err)
		}
		layer["a.layer.%d.output_layer_norm."+name] = view
	}
	scale, mean, err := outputMoments(layer)
	if want := math.Sqrt(25./4 + 1); err != nil || mean != 2 || math.Abs(float64(scale)-want) > 1e-6 {
		t.Errorf("scale %g, mean %g, %v; want %g and 2", scale, mean, err, want)
	}
}

func TestOnlyFloat32IsDeepened(t *testing.T) {
	err := deepenFolder(half, filepath.Join(t.TempDir(), "deeper"), 1)
	if err == nil || !strings.Contains(err.Error(), "is no F32") {
		t.Errorf("%v", err)
	}
}
