package torchmodel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sugarme/gotch/ts"
)

var testLabels = []string{"O", "B-X", "I-X"}

// testConfig is a model small enough for a test.
func testConfig() Config {
	return Config{VocabSize: 50, MaxPositions: 24, Dim: 16, HiddenDim: 32, Layers: 2, Heads: 2, Activation: "gelu",
		Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.2, Labels: testLabels}
}

func newTestModel(t testing.TB, s *Session, seed uint64) *Model {
	t.Helper()
	m, err := s.New(testConfig(), seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func randomRows(random *rand.Rand, n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		for range 1 + random.IntN(20) {
			rows[i].IDs = append(rows[i].IDs, int32(random.IntN(50)))
			rows[i].Tags = append(rows[i].Tags, int64(random.IntN(3)))
		}
	}
	return rows
}

func weights(t testing.TB, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.writeWeights(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSameSeedSameModel(t *testing.T) {
	s := openSession(t)
	a, b, c := newTestModel(t, s, 1), newTestModel(t, s, 1), newTestModel(t, s, 2)
	if !bytes.Equal(weights(t, a), weights(t, b)) {
		t.Error("the same seed made two models")
	}
	if bytes.Equal(weights(t, a), weights(t, c)) {
		t.Error("two seeds made one model")
	}
}

func TestSaveAndLoad(t *testing.T) {
	s := openSession(t)
	for _, activation := range []string{"gelu", "relu"} {
		config := testConfig()
		config.Activation = activation
		m, err := s.New(config, 3)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		dir := t.TempDir()
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		back, err := s.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		if !reflect.DeepEqual(back.Config, m.Config) {
			t.Errorf("config came back as %+v", back.Config)
		}
		rows := randomRows(rand.New(rand.NewPCG(1, 1)), 3)
		before, err1 := m.Logits(rows)
		after, err2 := back.Logits(rows)
		if err1 != nil || err2 != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%s: logits differ after loading: %v, %v", activation, err1, err2)
		}
	}
}

func TestWrongRowsAreRefused(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	cases := map[string]Row{
		"takes 1 to 24":       {},
		"has 25 tokens":       {IDs: make([]int32, 25)},
		"token id 50":         {IDs: []int32{1, 50}},
		"token id -1":         {IDs: []int32{-1}},
		"1 tags for 2 tokens": {IDs: []int32{1, 2}, Tags: []int64{0}},
		"has tag id 3":        {IDs: []int32{1}, Tags: []int64{3}},
		"has tag id -1":       {IDs: []int32{1}, Tags: []int64{-1}},
	}
	for want, row := range cases {
		if _, err := m.Logits([]Row{row}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := m.Judge([]Row{{IDs: []int32{1}}}); err == nil || !strings.Contains(err.Error(), "no tags") {
		t.Errorf("loss without tags: %v", err)
	}
	if logits, err := m.Logits(nil); err != nil || logits != nil {
		t.Errorf("no rows: %v, %v", logits, err)
	}
}

func TestUnusableConfigsAreRefused(t *testing.T) {
	good, err := os.ReadFile(filepath.Join(tiny, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ from, to, want string }{
		{`"model_type": "distilbert"`, `"model_type": "bert"`, `model_type is "bert"`},
		{`"pad_token_id": 0`, `"pad_token_id": 0, "pruned_heads": {"1": [2]}`, "pruned_heads"},
		{`"pad_token_id": 0`, `"pad_token_id": 0, "quantization_config": {}`, "quantization_config"},
		{`"n_layers": 3`, `"n_layers": 100000`, "n_layers is 100000"},
		{`"vocab_size": 3000`, `"vocab_size": 30000000000`, "vocab_size is 30000000000"},
		{`"id2label"`, `"num_labels": 1000000, "id2label_"`, "num_labels is 1000000"},
		{`"14": "I-LOCATION"`, `"014": "I-LOCATION"`, "not between"},
		{`"activation": "gelu"`, `"activation": "swish"`, `activation is "swish"`},
		{`"n_heads": 4`, `"n_heads": 5`, "not a multiple"},
		{`"dim": 64`, `"dim": 0`, "dim is 0"},
		{`"dropout": 0.1`, `"dropout": 1.5`, "dropout is 1.5"},
		{`"14": "I-LOCATION"`, `"15": "I-LOCATION"`, "not between"},
		{`"dim": 64`, `"dim": "wide"`, "dim"},
	}
	for _, c := range cases {
		if _, err := parseConfig([]byte(strings.Replace(string(good), c.from, c.to, 1))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.to, err, c.want)
		}
	}
	if _, err := parseConfig(good); err != nil {
		t.Error(err)
	}
}

func TestUnfitWeightsAreNamed(t *testing.T) {
	s := openSession(t)
	dir := t.TempDir()
	m := newTestModel(t, s, 1)
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) {
		path := filepath.Join(dir, configName)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(content), from, to, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	load := func(wants ...string) {
		t.Helper()
		_, err := s.Load(dir)
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
	}
	edit(`"n_layers": 2`, `"n_layers": 3`)
	load("missing: distilbert.transformer.layer.2.attention.k_lin.bias, ", " and 6 more")
	edit(`"n_layers": 3`, `"n_layers": 1`)
	load("not part of the model: distilbert.transformer.layer.1.attention.k_lin.bias, ", " and 6 more")
	edit(`"n_layers": 1`, `"n_layers": 2`)
	edit(`"hidden_dim": 32`, `"hidden_dim": 16`)
	load("ffn.lin1.weight has shape [32 16], not [16 16]")
	path := filepath.Join(dir, weightsName)
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	load(path)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	load("is empty")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	load("has no weights")
}

func TestDevices(t *testing.T) {
	for _, name := range []string{"auto", "cpu", "cuda", "cuda:3"} {
		if err := CheckDevice(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:0"} {
		if CheckDevice(name) == nil {
			t.Errorf("%q was taken for a device", name)
		}
	}
}

// setAll sets all numbers of a parameter.
func (m *Model) setAll(parameter int, value float64) error {
	return m.session.noGrad(func() error { return m.parameters[parameter].tensor.Fill_(ts.FloatScalar(value)) })
}

func (m *Model) setRow(parameter int, row int64, value float64) error {
	return m.session.noGrad(func() error {
		s := new(scope)
		defer s.drop()
		part := s.keep(m.parameters[parameter].tensor.Select(0, row, false))
		if s.err != nil {
			return s.err
		}
		return part.Fill_(ts.FloatScalar(value))
	})
}

func TestBrokenWeightsGiveNoLogits(t *testing.T) {
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		session := openSession(t)
		m := newTestModel(t, session, 1)
		last := m.parameters[len(m.parameters)-1]
		if err := m.setAll(len(m.parameters)-1, value); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Logits([]Row{{IDs: []int32{1, 2, 3}}}); err == nil || !strings.Contains(err.Error(), "not numbers") {
			t.Errorf("%s is %v: %v", last.Name, value, err)
		}
	}
}
