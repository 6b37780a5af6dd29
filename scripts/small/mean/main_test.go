package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
)

// weights is a safetensors file of one tensor.
func weights(t *testing.T, name string, values ...float32) []byte {
	t.Helper()
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	view, err := safetensors.NewTensorView(safetensors.F32, []uint64{uint64(len(values))}, data)
	if err != nil {
		t.Fatal(err)
	}
	content, err := safetensors.Serialize(map[string]safetensors.TensorView{name: view}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestMean(t *testing.T) {
	dir := t.TempDir()
	folders := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")}
	for i, values := range [][]float32{{1, -2}, {2, -2}, {6, 7}} {
		if err := os.Mkdir(folders[i], 0o777); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{"model.safetensors": weights(t, "w", values...), "pii.json": []byte(filepath.Base(folders[i]))} {
			if err := os.WriteFile(filepath.Join(folders[i], name), content, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	to := filepath.Join(dir, "mean")
	if err := meanFolder(to, folders); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(to, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := safetensors.Deserialize(content)
	if err != nil {
		t.Fatal(err)
	}
	view, _ := file.Tensor("w")
	if got := view.Data(); !reflect.DeepEqual(got, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, math.Float32bits(3)), math.Float32bits(1))) {
		t.Errorf("the mean of 1, 2 and 6 and of -2, -2 and 7 is %x", got)
	}
	if other, err := os.ReadFile(filepath.Join(to, "pii.json")); string(other) != "a" || err != nil {
		t.Errorf("pii.json is %q, %v, want the first folder's", other, err)
	}
}

func TestOnlyAlikeModelsHaveAMean(t *testing.T) {
	for _, other := range [][]byte{weights(t, "w", 1), weights(t, "v", 1, 2), []byte("x")} {
		if _, err := mean([][]byte{weights(t, "w", 1, 2), other}); err == nil {
			t.Error("a mean of models that are not alike")
		}
	}
	half, err := os.ReadFile("../../../torchmodel/testdata/transformers/f16/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mean([][]byte{half, half}); err == nil || !strings.Contains(err.Error(), "F32") {
		t.Errorf("of F16: %v", err)
	}
}
