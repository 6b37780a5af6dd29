// Command deepen gives a model more layers that at first hardly change what it computes, for training to make use of: their attention
// and feed-forward outputs are zero, and their layer norms give back what comes in.
//
//	deepen FOLDER NEW_FOLDER LAYERS
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nlpodyssey/safetensors"
)

func main() {
	more := 0
	if len(os.Args) == 4 {
		more, _ = strconv.Atoi(os.Args[3])
	}
	if more < 1 {
		fmt.Fprintln(os.Stderr, "deepen: name a model folder, a new folder and how many layers are added")
		os.Exit(2)
	}
	if err := deepenFolder(os.Args[1], os.Args[2], more); err != nil {
		fmt.Fprintln(os.Stderr, "deepen:", err)
		os.Exit(1)
	}
}

// deepenFolder makes a folder like another but for the weights and n_layers in config.json.
func deepenFolder(dir, to string, more int) error {
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		return err
	}
	weights, settings := filepath.Join(to, "model.safetensors"), filepath.Join(to, "config.json")
	text, err := os.ReadFile(settings)
	if err != nil {
		return err
	}
	config := map[string]any{}
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}
	layers, ok := config["n_layers"].(float64)
	if !ok {
		return fmt.Errorf("%s: has no n_layers", settings)
	}
	content, err := os.ReadFile(weights)
	if err != nil {
		return err
	}
	if content, err = deepen(content, int(layers), more); err != nil {
		return fmt.Errorf("%s: %w", weights, err)
	}
	if err := os.WriteFile(weights, content, 0o666); err != nil {
		return err
	}
	config["n_layers"] = int(layers) + more
	if text, err = json.MarshalIndent(config, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(settings, append(text, '\n'), 0o666)
}

// deepen gives the content of a safetensors file of F32 tensors with more layers after the last of so many.
func deepen(content []byte, layers, more int) ([]byte, error) {
	file, err := safetensors.Deserialize(content)
	if err != nil {
		return nil, err
	}
	all, last := map[string]safetensors.TensorView{}, map[string]safetensors.TensorView{}
	for _, tensor := range file.Tensors() {
		all[tensor.Name] = tensor.TensorView
		if before, rest, found := strings.Cut(tensor.Name, fmt.Sprintf(".layer.%d.", layers-1)); found {
			last[before+".layer.%d."+rest] = tensor.TensorView
		}
	}
	scale, mean, err := outputMoments(last)
	if err != nil {
		return nil, err
	}
	for name, view := range last {
		if view, err = newTensor(name, view, scale, mean); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		for i := range more {
			all[fmt.Sprintf(name, layers+i)] = view
		}
	}
	return safetensors.Serialize(all, map[string]string{"format": "pt"})
}

// outputMoments are the standard deviation and the mean of what a layer puts out, over its elements, as its last norm makes them.
func outputMoments(layer map[string]safetensors.TensorView) (scale, mean float32, err error) {
	var gain, bias []float32
	for name, view := range layer {
		switch {
		case view.DType() != safetensors.F32:
			return 0, 0, fmt.Errorf("tensor %s is no F32", name)
		case strings.HasSuffix(name, ".output_layer_norm.weight"):
			gain = floats(view.Data())
		case strings.HasSuffix(name, ".output_layer_norm.bias"):
			bias = floats(view.Data())
		}
	}
	if len(gain) == 0 || len(gain) != len(bias) {
		return 0, 0, fmt.Errorf("the last layer has no norm at its end")
	}
	var sum, squares float64
	for i, b := range bias {
		sum += float64(b)
		squares += float64(b)*float64(b) + float64(gain[i])*float64(gain[i])
	}
	m := sum / float64(len(bias))
	return float32(math.Sqrt(squares/float64(len(bias)) - m*m)), float32(m), nil
}

// newTensor is a tensor of a new layer: as in the layer before it, but for norms and for what is added to a layer's input.
func newTensor(name string, like safetensors.TensorView, scale, mean float32) (safetensors.TensorView, error) {
	data := like.Data()
	switch {
	case strings.Contains(name, ".out_lin."), strings.Contains(name, ".ffn.lin2."):
		data = make([]byte, len(data))
	case strings.HasSuffix(name, "layer_norm.weight"):
		data = repeated(scale, len(data)/4)
	case strings.HasSuffix(name, "layer_norm.bias"):
		data = repeated(mean, len(data)/4)
	}
	return safetensors.NewTensorView(safetensors.F32, like.Shape(), data)
}

func floats(data []byte) []float32 {
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return values
}

func repeated(value float32, n int) []byte {
	var data []byte
	for range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(value))
	}
	return data
}
