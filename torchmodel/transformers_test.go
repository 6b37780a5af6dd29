package torchmodel

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// theirs is the folder of checkpoints that transformers and PyTorch wrote; see README.md there.
const theirs = "testdata/transformers"

type goldenTransformers struct {
	Labels   []string                 `json:"labels"`
	InputIDs [][]int32                `json:"input_ids"`
	Logits   map[string][][][]float64 `json:"logits"` // of each checkpoint, text, token and class
}

func readTheirs(t *testing.T) goldenTransformers {
	t.Helper()
	var golden goldenTransformers
	readGolden(t, filepath.Join(theirs, "expected.json"), &golden)
	return golden
}

func TestCheckpointsOfTransformers(t *testing.T) {
	golden := readTheirs(t)
	if len(golden.Logits) != 10 {
		t.Fatalf("%d checkpoints have expected logits: %v", len(golden.Logits), slices.Sorted(maps.Keys(golden.Logits)))
	}
	s := openSession(t)
	for way, load := range map[string]func(dir string) (*Model, error){"whole": s.Load,
		"to predict": func(dir string) (*Model, error) { return s.LoadToPredict(dir, FP32) }} {
		for name, want := range golden.Logits {
			m, err := load(filepath.Join(theirs, name))
			if err != nil {
				t.Error(err)
				continue
			}
			if !slices.Equal(m.Config.Labels, golden.Labels) {
				t.Errorf("%s: labels %v", name, m.Config.Labels)
			}
			t.Run(name+" "+way, func(t *testing.T) { golden.compare(t, m, want) })
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func (g goldenTransformers) compare(t *testing.T, m *Model, want [][][]float64) {
	t.Helper()
	for i, ids := range g.InputIDs {
		logits, err := m.Logits([]Row{{IDs: ids}})
		if err != nil {
			t.Fatal(err)
		}
		one := [][]int{slices.Repeat([]int{1}, len(ids))}
		goldenBatch{InputIDs: [][]int32{ids}, Mask: one, Logits: want[i : i+1]}.compare(t, logits, 1e-4)
	}
}

// The forms that keep all bits hold the very same weights.
func TestFormsOfOneCheckpointAreEqual(t *testing.T) {
	s := openSession(t)
	load := func(name string) []byte {
		m, err := s.Load(filepath.Join(theirs, name))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return weights(t, m)
	}
	pairs := map[string][]string{"f32": {"sharded", "bin", "bin-views", "bin-sharded", "gamma-beta"}, "f16": {"bin-legacy"},
		"bf16": {"bin-bf16"}}
	for first, others := range pairs {
		want := load(first)
		for _, name := range others {
			if !bytes.Equal(load(name), want) {
				t.Errorf("%s has other weights than %s", name, first)
			}
		}
	}
}

// bodyOf is the weights of a model without its classifier.
func bodyOf(t *testing.T, m *Model) []byte {
	t.Helper()
	all := m.parameters
	defer func() { m.parameters = all }()
	m.parameters = slices.DeleteFunc(slices.Clone(all), func(p Parameter) bool { return !strings.HasPrefix(p.Name, body+".") })
	return weights(t, m)
}

func TestBaseModelsGetAClassifier(t *testing.T) {
	s := openSession(t)
	f32, err := s.Load(filepath.Join(theirs, "f32"))
	if err != nil {
		t.Fatal(err)
	}
	defer f32.Close()
	cases := []struct{ name, want string }{
		{"bare", "with a new classifier (classifier.bias, classifier.weight), as the checkpoint has none"},
		{"mlm", "with a new classifier (classifier.bias, classifier.weight), as the checkpoint has none, and without what else the " +
			"checkpoint has (vocab_layer_norm.bias, vocab_layer_norm.weight, vocab_projector.bias, vocab_projector.weight, " +
			"vocab_transform.bias, vocab_transform.weight)"},
		{"sequence", "with a new classifier (classifier.bias, classifier.weight), as the checkpoint has other labels (LABEL_0, " +
			"LABEL_1, LABEL_2), and without what else the checkpoint has (pre_classifier.bias, pre_classifier.weight)"},
	}
	for _, c := range cases {
		dir := filepath.Join(theirs, c.name)
		m, loaded, err := s.LoadBody(dir, testLabels, 5)
		if err != nil {
			t.Error(err)
			continue
		}
		if loaded.String() != c.want || loaded.NewHead == nil {
			t.Errorf("%s: %s", c.name, loaded)
		}
		again, _, err := s.LoadBody(dir, testLabels, 5)
		if err != nil {
			t.Fatal(err)
		}
		other, _, err := s.LoadBody(dir, testLabels, 6)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bodyOf(t, m), bodyOf(t, f32)) {
			t.Errorf("%s: the body is another", c.name)
		}
		if !bytes.Equal(weights(t, m), weights(t, again)) || bytes.Equal(weights(t, m), weights(t, other)) {
			t.Errorf("%s: the new classifier does not follow from the seed", c.name)
		}
		for _, m := range []*Model{m, again, other} {
			m.Close()
		}
	}
}

func TestBaseModelsDoNotPredict(t *testing.T) {
	s := openSession(t)
	for name, want := range map[string]string{"bare": "base model", "mlm": "base model",
		"sequence": "not part of the model: pre_classifier.bias, pre_classifier.weight"} {
		if _, err := s.Load(filepath.Join(theirs, name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestLabelsOfACheckpoint(t *testing.T) {
	golden := readTheirs(t)
	s := openSession(t)
	dir := filepath.Join(theirs, "f32")
	m, loaded, err := s.LoadBody(dir, golden.Labels, 1)
	if err != nil || loaded.NewHead != nil || loaded.String() != "with its classifier" {
		t.Fatalf("the same labels: %s, %v", loaded, err)
	}
	defer m.Close()
	order := []int{0, 3, 4, 1, 2}
	var labels []string
	for _, k := range order {
		labels = append(labels, golden.Labels[k])
	}
	turned, loaded, err := s.LoadBody(dir, labels, 1)
	if err != nil || !loaded.Reordered || loaded.String() != "with its classifier, whose classes are in another order" {
		t.Fatalf("another order: %s, %v", loaded, err)
	}
	defer turned.Close()
	rows := []Row{{IDs: golden.InputIDs[0]}}
	a, err1 := m.Logits(rows)
	b, err2 := turned.Logits(rows)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for i := range a[0] {
		if at := i - i%5; a[0][at+order[i%5]] != b[0][i] {
			t.Fatalf("class %s of token %d changed its logit", labels[i%5], i/5)
		}
	}
	other, loaded, err := s.LoadBody(dir, testLabels, 1)
	if err != nil || !strings.Contains(loaded.String(), "other labels (O, B-X, I-X") {
		t.Fatalf("other labels: %s, %v", loaded, err)
	}
	defer other.Close()
}

func TestConfigsOfTransformers4(t *testing.T) {
	c, err := ReadConfig(filepath.Join(theirs, "mlm"))
	if err != nil || !slices.Equal(c.Labels, []string{"LABEL_0", "LABEL_1"}) {
		t.Errorf("%v, %v", c.Labels, err)
	}
	c, err = parseConfig([]byte(`{"model_type": "distilbert", "num_labels": 3, "torch_dtype": "float16"}`))
	if err != nil || len(c.Labels) != 3 || c.Dim != 768 || c.VocabSize != 30522 {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = parseConfig([]byte(`{"model_type": "distilbert", "hidden_size": 96, "num_attention_heads": 3, "num_hidden_layers": 2}`))
	if err != nil || c.Dim != 96 || c.Heads != 3 || c.Layers != 2 {
		t.Errorf("the names of other models: %+v, %v", c, err)
	}
}

func TestWeightFiles(t *testing.T) {
	for name, want := range map[string][]string{
		"f32": {"model.safetensors"},
		"bin": {"pytorch_model.bin"},
		"sharded": {"model.safetensors.index.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
			"model-00003-of-00003.safetensors"},
		"bin-sharded": {"pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"},
	} {
		if got, err := WeightFiles(filepath.Join(theirs, name)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	dir := t.TempDir()
	if _, err := WeightFiles(dir); !errors.Is(err, ErrNoWeights) {
		t.Error(err)
	}
	names := []string{"pytorch_model.bin.index.json", "pytorch_model.bin", "model.safetensors.index.json", "model.safetensors"}
	for _, name := range names { // each goes before those that were there
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"weight_map": {"a": "part"}}`), 0o666); err != nil {
			t.Fatal(err)
		}
		if got, err := WeightFiles(dir); err != nil || got[0] != name {
			t.Errorf("%v, %v, want %s", got, err, name)
		}
	}
}
