// Command mean makes a model whose weights are the mean of those of others of the same shape, trained from the same start: of what each
// has learned in its last steps by chance, less is left.
//
//	mean NEW_FOLDER FOLDER FOLDER [FOLDER …]
package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/nlpodyssey/safetensors"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "mean: name a new folder and two model folders or more")
		os.Exit(2)
	}
	if err := meanFolder(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "mean:", err)
		os.Exit(1)
	}
}

// meanFolder makes a folder like the first of some but for the weights.
func meanFolder(to string, folders []string) error {
	contents := make([][]byte, len(folders))
	for i, folder := range folders {
		var err error
		if contents[i], err = os.ReadFile(filepath.Join(folder, "model.safetensors")); err != nil {
			return err
		}
	}
	content, err := mean(contents)
	if err != nil {
		return fmt.Errorf("%s: %w", folders[0], err)
	}
	if err := os.CopyFS(to, os.DirFS(folders[0])); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "model.safetensors"), content, 0o666)
}

// mean gives the content of a safetensors file whose tensors are the means of those of others, all of them F32. Its errors name models by
// number, from 1.
func mean(contents [][]byte) ([]byte, error) {
	files := make([]safetensors.SafeTensors, len(contents))
	for i, content := range contents {
		var err error
		if files[i], err = safetensors.Deserialize(content); err != nil {
			return nil, err
		}
		if files[i].Len() != files[0].Len() {
			return nil, fmt.Errorf("model %d has %d tensors, not %d", i+1, files[i].Len(), files[0].Len())
		}
	}
	means := map[string]safetensors.TensorView{}
	for _, tensor := range files[0].Tensors() {
		views := make([]safetensors.TensorView, len(files))
		for i, file := range files {
			view, ok := file.Tensor(tensor.Name)
			if !ok || view.DType() != safetensors.F32 || !slices.Equal(view.Shape(), tensor.TensorView.Shape()) {
				return nil, fmt.Errorf("tensor %s: model %d has none of F32 and shape %v", tensor.Name, i+1, tensor.TensorView.Shape())
			}
			views[i] = view
		}
		view, err := safetensors.NewTensorView(safetensors.F32, tensor.TensorView.Shape(), meanValues(views))
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", tensor.Name, err)
		}
		means[tensor.Name] = view
	}
	return safetensors.Serialize(means, map[string]string{"format": "pt"})
}

func meanValues(views []safetensors.TensorView) []byte {
	size := len(views[0].Data())
	values := make([]byte, 0, size)
	for at := 0; at < size; at += 4 {
		sum := 0.0
		for _, view := range views {
			sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(view.Data()[at:])))
		}
		values = binary.LittleEndian.AppendUint32(values, math.Float32bits(float32(sum/float64(len(views)))))
	}
	return values
}
