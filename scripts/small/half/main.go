// Command half rewrites the weights of a model folder in half the bytes: each float32 becomes the nearest float16. The shipped model is
// stored so; pii reads it as float32 again.
//
//	half FOLDER
package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/nlpodyssey/safetensors"
	"github.com/x448/float16"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "half: name one model folder")
		os.Exit(2)
	}
	if err := halveFolder(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "half:", err)
		os.Exit(1)
	}
}

// halveFolder rewrites model.safetensors, and what config.json says of its dtype.
func halveFolder(dir string) error {
	weights, config := filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "config.json")
	content, err := os.ReadFile(weights)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	halved, err := halve(content)
	if err != nil {
		return fmt.Errorf("%s: %w", weights, err)
	}
	if err := os.WriteFile(weights, halved, 0o666); err != nil {
		return err
	}
	return os.WriteFile(config, []byte(strings.Replace(string(text), `"dtype": "float32"`, `"dtype": "float16"`, 1)), 0o666)
}

// halve gives the content of a safetensors file with its F32 tensors as F16. A value that float16 cannot hold is an error.
func halve(content []byte) ([]byte, error) {
	file, err := safetensors.Deserialize(content)
	if err != nil {
		return nil, err
	}
	halves := map[string]safetensors.TensorView{}
	for _, tensor := range file.Tensors() {
		view := tensor.TensorView
		if view.DType() == safetensors.F32 {
			data, err := halveValues(view.Data())
			if err != nil {
				return nil, fmt.Errorf("tensor %s: %w", tensor.Name, err)
			}
			if view, err = safetensors.NewTensorView(safetensors.F16, view.Shape(), data); err != nil {
				return nil, fmt.Errorf("tensor %s: %w", tensor.Name, err)
			}
		}
		halves[tensor.Name] = view
	}
	return safetensors.Serialize(halves, map[string]string{"format": "pt"})
}

func halveValues(values []byte) ([]byte, error) {
	half := make([]byte, 0, len(values)/2)
	for at := 0; at+4 <= len(values); at += 4 {
		value := math.Float32frombits(binary.LittleEndian.Uint32(values[at:]))
		nearest := float16.Fromfloat32(value)
		if !nearest.IsFinite() {
			return nil, fmt.Errorf("value %d is %g, more than float16 can hold", at/4, value)
		}
		half = binary.LittleEndian.AppendUint16(half, nearest.Bits())
	}
	return half, nil
}
