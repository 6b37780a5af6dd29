package torchmodel

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// theirMaskedLM is a folder that transformers' DistilBertForMaskedLM wrote; see make_masked_lm.py.
const theirMaskedLM = "testdata/masked_lm"

func loadMaskedLM(t testing.TB, s *Session, dir string) (*Model, Loaded) {
	t.Helper()
	m, loaded, err := s.LoadMaskedLM(dir, 5)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m, loaded
}

// maskedRows are random rows of ids below 48, a third of whose tokens are labelled with ids.
func maskedRows(random *rand.Rand, n int) []Row {
	rows := randomRows(random, n)
	for _, row := range rows {
		for i := range row.IDs {
			row.IDs[i] %= 48
			row.Tags[i] = IgnoreIndex
			if i == 0 || random.IntN(3) == 0 {
				row.Tags[i] = int64(random.IntN(48))
			}
		}
	}
	return rows
}

// TestMaskedLMEqualsTransformers compares losses, gradient norms and learning rates of a training, and then logits and loss.
func TestMaskedLMEqualsTransformers(t *testing.T) {
	var golden struct {
		goldenTraining
		Loss float64
	}
	readGolden(t, "testdata/masked_lm.json", &golden)
	m, loaded := loadMaskedLM(t, openSession(t), theirMaskedLM)
	if loaded.String() != "with its head of masked language modelling" {
		t.Error(loaded)
	}
	golden.compare(t, m, FP32, 1e-3)
	rows := golden.After.rows()
	sum, labelled, err := m.Loss(rows)
	if err != nil || labelled == 0 || math.Abs(sum/float64(labelled)-golden.Loss) > 2e-3*golden.Loss {
		t.Errorf("loss %v over %d tokens, want %v; %v", sum/float64(labelled), labelled, golden.Loss, err)
	}
	judged, err := m.Judge(rows)
	if err != nil || judged.Tokens != labelled || math.Abs(judged.LossSum-sum) > 1e-4*sum {
		t.Errorf("with the logits of all tokens the loss is %v over %d, with those of the labelled ones %v over %d; %v", judged.LossSum,
			judged.Tokens, sum, labelled, err)
	}
}

// TestMaskedLMIsSavedAsTransformersDoes loads and saves their folder: the same weights under the same names, and the same words
// in config.json but for those that say nothing.
func TestMaskedLMIsSavedAsTransformersDoes(t *testing.T) {
	m, _ := loadMaskedLM(t, openSession(t), theirMaskedLM)
	dir := t.TempDir()
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	var files [2]*tensorFile
	var configs [2]map[string]any
	for i, d := range []string{theirMaskedLM, dir} {
		file, err := openTensors(filepath.Join(d, weightsName))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files[i] = file
		readGolden(t, filepath.Join(d, configName), &configs[i])
	}
	if !slices.Equal(files[0].names(), files[1].names()) {
		t.Fatalf("the names are %v, want %v", files[1].names(), files[0].names())
	}
	for _, name := range files[0].names() {
		if !bytes.Equal(contentOf(t, files[0], name), contentOf(t, files[1], name)) {
			t.Errorf("%s has other values", name)
		}
	}
	for _, name := range []string{"bos_token_id", "eos_token_id", "transformers_version"} {
		delete(configs[0], name)
	}
	want, _ := json.Marshal(configs[0])
	got, _ := json.Marshal(configs[1])
	if !bytes.Equal(got, want) {
		t.Errorf("config.json is\n%s\nwant\n%s", got, want)
	}
}

func contentOf(t *testing.T, file *tensorFile, name string) []byte {
	t.Helper()
	x := file.tensors[name]
	_, size, err := sizeOf(x.shape, x.dtype)
	content := make([]byte, size)
	if err == nil {
		err = x.read(content)
	}
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestMaskedLMTakesCheckpoints(t *testing.T) {
	s := openSession(t)
	const made = "with a new head of masked language modelling (vocab_layer_norm.bias, vocab_layer_norm.weight, vocab_projector.bias, " +
		"vocab_transform.bias, vocab_transform.weight), as the checkpoint has none"
	f32, err := s.Load(filepath.Join(theirs, "f32"))
	if err != nil {
		t.Fatal(err)
	}
	defer f32.Close()
	for name, want := range map[string]string{
		"mlm":  "with its head of masked language modelling", // vocab_projector.weight is there, and the word embeddings again
		"bare": made,
		"f32":  made + ", and without what else the checkpoint has (classifier.bias, classifier.weight)",
	} {
		m, loaded := loadMaskedLM(t, s, filepath.Join(theirs, name))
		if loaded.String() != want {
			t.Errorf("%s: %s", name, loaded)
		}
		if !bytes.Equal(bodyOf(t, m), bodyOf(t, f32)) {
			t.Errorf("%s: the body is another", name)
		}
	}
	// And the way back: a model that finds spans starts from a masked language model.
	m, loaded, err := s.LoadBody(theirMaskedLM, testLabels, 5)
	if err != nil || loaded.NewHead == nil || !strings.Contains(loaded.String(), "vocab_transform.weight") {
		t.Fatalf("%s, %v", loaded, err)
	}
	defer m.Close()
	lm, _ := loadMaskedLM(t, s, theirMaskedLM)
	if !bytes.Equal(bodyOf(t, m), bodyOf(t, lm)) {
		t.Error("the body of the model that finds spans is another")
	}
	if _, err := s.Load(theirMaskedLM); err == nil || !strings.Contains(err.Error(), "base model") {
		t.Errorf("a masked language model finds spans: %v", err)
	}
}

func TestMaskedLMWithItsOwnOutputIsRefused(t *testing.T) {
	dir := t.TempDir()
	content, err := os.ReadFile(filepath.Join(theirMaskedLM, configName))
	if err == nil {
		content = bytes.Replace(content, []byte(`"tie_word_embeddings": true`), []byte(`"tie_word_embeddings": false`), 1)
		err = os.WriteFile(filepath.Join(dir, configName), content, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := openSession(t).LoadMaskedLM(dir, 1); err == nil || !strings.Contains(err.Error(), "tie_word_embeddings is false") {
		t.Error(err)
	}
}

func newMaskedModel(t testing.TB, s *Session, seed uint64) *Model {
	t.Helper()
	c := testConfig()
	c.Labels, c.MaskedLM = nil, true
	m, err := s.New(c, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestMaskedLMLearns(t *testing.T) {
	m := newMaskedModel(t, openSession(t), 5)
	trainer, err := m.NewTrainer(testOptimizer, Objective{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	rows := maskedRows(rand.New(rand.NewPCG(1, 1)), 16)
	before, _, err := m.Loss(rows)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 60 {
		if err := trainer.Step([][]Row{rows}, 1e-2, int64(step)); err != nil {
			t.Fatal(err)
		}
	}
	after, labelled, err := m.Loss(rows)
	if err != nil || !(after < before/2) {
		t.Errorf("mean loss went from %g to %g, %v", before/float64(labelled), after/float64(labelled), err)
	}
}

// TestMaskedLMStepDoesNotDependOnItsDivision: one of the micro-batches has no masked token.
func TestMaskedLMStepDoesNotDependOnItsDivision(t *testing.T) {
	s := openSession(t)
	rows := maskedRows(rand.New(rand.NewPCG(3, 3)), 6)
	rows = append(rows, Row{IDs: []int32{2, 7, 3}, Tags: []int64{IgnoreIndex, IgnoreIndex, IgnoreIndex}})
	sameStepFor(t, func() *Model { return newMaskedModel(t, s, 5) }, Objective{}, [][][]Row{{rows}, {rows[:3], rows[3:6], rows[6:]}})
}

// TestResumedMaskedLMIsBitIdentical stops a training with dropout in the middle.
func TestResumedMaskedLMIsBitIdentical(t *testing.T) {
	s := openSession(t)
	path := filepath.Join(t.TempDir(), "state.safetensors")
	train := func(m *Model, from, to int) {
		trainer, err := m.NewTrainer(testOptimizer, Objective{})
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		if from > 0 {
			if _, err := trainer.Restore(path); err != nil || trainer.Steps() != from {
				t.Fatal(trainer.Steps(), err)
			}
		}
		for step := from; step < to; step++ {
			rows := maskedRows(rand.New(rand.NewPCG(7, uint64(step))), 4)
			if err := trainer.Step([][]Row{rows}, 1e-2, int64(step)<<16); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		if err := trainer.Save(&b, map[string]string{}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	whole, stopped, resumed := newMaskedModel(t, s, 5), newMaskedModel(t, s, 5), newMaskedModel(t, s, 99)
	train(whole, 0, 8)
	train(stopped, 0, 3)
	train(resumed, 3, 8)
	if !bytes.Equal(weights(t, whole), weights(t, resumed)) {
		t.Error("a training that was stopped ends elsewhere")
	}
}

func TestMaskedLMParameters(t *testing.T) {
	c := testConfig()
	c.Labels, c.MaskedLM = nil, true
	want := []string{"vocab_layer_norm.bias", "vocab_layer_norm.weight", "vocab_projector.bias", "vocab_transform.bias",
		"vocab_transform.weight"}
	if got := slices.Sorted(maps.Keys(c.headNames())); !slices.Equal(got, want) {
		t.Errorf("the head has %v", got)
	}
	m := newMaskedModel(t, openSession(t), 1)
	logits, err := m.Logits([]Row{{IDs: []int32{2, 9, 3}}})
	if err != nil || len(logits[0]) != 3*c.VocabSize {
		t.Errorf("%d logits of three tokens, %v", len(logits[0]), err)
	}
	if _, _, err := m.Loss([]Row{{IDs: []int32{1}, Tags: []int64{50}}}); err == nil || !strings.Contains(err.Error(), "has tag id 50") {
		t.Error(err)
	}
}
