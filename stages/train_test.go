package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pii/labels"
	"pii/torchmodel"
	"pii/wordpiece"
)

// school is all that a small training needs.
type school struct {
	cfg        *Config
	env        *Env
	set        *labels.Set
	vocab      *wordpiece.Vocabulary
	train, dev []Example
}

// newSchool has random examples whose tags follow from their tokens, and the settings of options.
func newSchool(t *testing.T, options map[string]string) *school {
	t.Helper()
	s := &school{cfg: Default(), env: &Env{Out: io.Discard, Log: log.New(io.Discard, "", 0)}}
	t.Cleanup(s.env.Close)
	settings := map[string]string{"labels": "X:pii,Y", "epochs": "2", "batch_size": "4", "lr": "0.02", "threads": "1", "device": "cpu",
		"max_length": "16", "stride": "4", "checkpoint_every": "1h", "predict_batch_size": "4"}
	for _, more := range []map[string]string{settings, options} {
		for key, text := range more {
			if err := s.cfg.Set(key, text, "test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.cfg.Resolve(); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.set, err = s.cfg.LabelSet(); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z ab ba cd dc ef fe")
	s.vocab, err = wordpiece.Train(slices.Values(words), 100, wordpiece.TrainOptions{Options: wordpiece.DefaultOptions()})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	s.train, s.dev = s.examples(random, 15), s.examples(random, 7)
	return s
}

func (s *school) examples(random *rand.Rand, n int) []Example {
	list := make([]Example, n)
	for i := range list {
		e := Example{InputIDs: []int32{2}, Labels: []int64{labels.Ignored}}
		for range 3 + random.IntN(10) {
			id := 5 + random.IntN(s.vocab.Len()-5)
			e.InputIDs, e.Labels = append(e.InputIDs, int32(id)), append(e.Labels, int64([]int{0, 0, 1, 3}[id%4]))
		}
		e.InputIDs, e.Labels = append(e.InputIDs, 3), append(e.Labels, labels.Ignored)
		list[i] = e
	}
	return list
}

func (s *school) model(t *testing.T) *torchmodel.Model {
	t.Helper()
	session, err := s.env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	model, err := session.New(torchmodel.Config{VocabSize: s.vocab.Len(), MaxPositions: 16, Dim: 16, HiddenDim: 32, Layers: 2, Heads: 2,
		Activation: "gelu", Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.1, Labels: s.set.TagNames()}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// result is what a training leaves: the weights of the best epoch and the lines of metrics.jsonl.
type result struct {
	weights []byte
	history []epochResult
}

// run trains in folder dir, where an earlier call may have been interrupted.
func (s *school) run(ctx context.Context, t *testing.T, dir string) (result, error) {
	t.Helper()
	model := s.model(t)
	defer model.Close()
	best, history, err := trainModel(ctx, s.cfg, s.env.Log, model, s.train, s.task(t), dir)
	return resultOf(t, best, history, err)
}

// task is what the school trains for.
func (s *school) task(t *testing.T) tagging {
	t.Helper()
	judge, err := newJudge(s.cfg, s.set, s.vocab, apart(s.set, s.train), s.dev)
	if err != nil {
		t.Fatal(err)
	}
	return tagging{s.cfg, newAugmenter(s.cfg, s.set, s.vocab, s.train), judge}
}

// resultOf reads what trainModel has left.
func resultOf(t *testing.T, best string, history []epochResult, err error) (result, error) {
	t.Helper()
	if err != nil {
		return result{}, err
	}
	weights, err := os.ReadFile(filepath.Join(best, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return result{weights, history}, nil
}

// countdown is a context that is cancelled when it has been asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// allOptions are settings of training that are off by default.
var allOptions = map[string]string{"gradient_accumulation_steps": "3", "lr_scheduler_type": "cosine", "warmup_steps": "2",
	"label_smoothing": "0.1", "class_weights": "balanced", "freeze_embeddings": "true", "freeze_layers": "1", "word_dropout": "0.1",
	"mention_replacement": "0.5", "metric_for_best_model": "pii_f1", "early_stopping_patience": "2", "epochs": "12",
	"early_stopping_threshold": "0.1", "adam_beta1": "0.8"}

// TestTrainingResumesAnywhere interrupts a training wherever it can be, between steps and between the batches of dev, and lets
// it go on, to the same bytes; once with the defaults and once with all options.
func TestTrainingResumesAnywhere(t *testing.T) {
	for name, options := range map[string]map[string]string{"defaults": nil, "options": allOptions,
		"max_steps": {"max_steps": "7", "lr_scheduler_type": "constant_with_warmup", "class_weights": "O=0.5,X=2,B-X=3"}} {
		t.Run(name, func(t *testing.T) {
			s := newSchool(t, options)
			counter := &countdown{context.Background(), 1 << 30}
			want, err := s.run(counter, t, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			moments := 1<<30 - counter.left
			if name == "options" && len(want.history) == s.cfg.Epochs {
				t.Fatal("training did not stop early: the test tests too little")
			}
			check := func(got result, how string, at int) {
				t.Helper()
				if !reflect.DeepEqual(got.history, want.history) || !bytes.Equal(got.weights, want.weights) {
					t.Errorf("interrupted %s %d of %d: another result", how, at, moments)
				}
			}
			for at := range moments {
				dir := t.TempDir()
				if _, err := s.run(&countdown{context.Background(), at}, t, dir); !errors.Is(err, context.Canceled) {
					t.Fatalf("interrupted at %d: %v", at, err)
				}
				if _, err := os.Stat(filepath.Join(dir, stateName)); err != nil {
					t.Errorf("interrupted at %d, also while dev was judged, steps are lost: %v", at, err)
				}
				got, err := s.run(context.Background(), t, dir)
				if err != nil {
					t.Fatal(err)
				}
				check(got, "at", at)
			}
			const every = 5 // more than the batches of dev, at which nothing is saved
			s.cfg.CheckpointEvery = time.Nanosecond
			dir := t.TempDir()
			for range moments {
				got, err := s.run(&countdown{context.Background(), every}, t, dir)
				if errors.Is(err, context.Canceled) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				check(got, "again and again, every", every)
				return
			}
			t.Error("a training that is interrupted again and again gets nowhere")
		})
	}
}

// TestFrozenTrainingLeavesWeightsAlone looks at the weights that a whole training leaves.
func TestFrozenTrainingLeavesWeightsAlone(t *testing.T) {
	s := newSchool(t, allOptions)
	before := t.TempDir()
	model := s.model(t)
	if err := errors.Join(model.Save(before), model.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := s.run(context.Background(), t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	start, err := os.ReadFile(filepath.Join(before, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for name, wantSame := range map[string]bool{"distilbert.embeddings.word_embeddings.weight": true,
		"distilbert.embeddings.LayerNorm.bias": true, "distilbert.transformer.layer.0.ffn.lin1.weight": true,
		"distilbert.transformer.layer.1.ffn.lin1.weight": false, "classifier.weight": false} {
		if same := bytes.Equal(tensorBytes(t, start, name), tensorBytes(t, got.weights, name)); same != wantSame {
			t.Errorf("%s stayed as it was: %v", name, same)
		}
	}
}

// tensorBytes is a tensor of a safetensors file.
func tensorBytes(t *testing.T, file []byte, name string) []byte {
	t.Helper()
	size := int(file[0]) | int(file[1])<<8 | int(file[2])<<16
	var header map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(file[8:8+size], &header); err != nil {
		t.Fatal(err)
	}
	at := header[name].Offsets
	if at[1] == 0 {
		t.Fatalf("there is no %s", name)
	}
	return file[8+size+at[0] : 8+size+at[1]]
}

func TestEarlyStoppingEqualsTransformers(t *testing.T) {
	content, err := os.ReadFile("testdata/earlystopping.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Metric    string
		Patience  int
		Threshold float64
		Values    []float64
		Best      []bool
		Stopped   bool
	}
	if err := json.Unmarshal(content, &golden); err != nil {
		t.Fatal(err)
	}
	for i, g := range golden {
		tr := &training{cfg: &Config{Patience: g.Patience, PatienceThreshold: g.Threshold}, task: tagging{judge: &judge{metric: g.Metric}}}
		var best []bool
		for e, value := range g.Values {
			if best = append(best, tr.weigh(value, e+1)); tr.stopped() {
				break
			}
		}
		if !slices.Equal(best, g.Best) || tr.stopped() != g.Stopped {
			t.Errorf("case %d, %s with patience %d, threshold %v, values %v: best %v, stopped %v; want %v, %v", i, g.Metric, g.Patience,
				g.Threshold, g.Values, best, tr.stopped(), g.Best, g.Stopped)
		}
	}
}

func TestPlanCountsAsTransformers(t *testing.T) {
	base := Config{Epochs: 5, BatchSize: 16, Accumulation: 1, WarmupRatio: 0.1}
	for _, c := range []struct {
		change   func(*Config)
		examples int
		want     plan
	}{
		{func(*Config) {}, 100, plan{5, 7, 35, 4}},
		{func(*Config) {}, 1, plan{5, 1, 5, 1}},
		{func(c *Config) { c.Accumulation = 3 }, 100, plan{5, 3, 15, 2}},
		{func(c *Config) { c.Accumulation = 100 }, 100, plan{5, 1, 5, 1}},
		{func(c *Config) { c.WarmupSteps = 6 }, 100, plan{5, 7, 35, 6}},
		{func(c *Config) { c.MaxSteps = 8 }, 100, plan{2, 7, 8, 1}},
		{func(c *Config) { c.MaxSteps = 7 }, 100, plan{1, 7, 7, 1}},
		{func(c *Config) { c.MaxSteps, c.Accumulation = 100, 2 }, 100, plan{25, 4, 100, 10}},
	} {
		cfg := base
		c.change(&cfg)
		if got := cfg.plan(c.examples); got != c.want {
			t.Errorf("%d examples: %+v, want %+v", c.examples, got, c.want)
		}
	}
}

func TestFreezingTooManyLayersIsSaid(t *testing.T) {
	s := newSchool(t, map[string]string{"freeze_layers": "9"})
	_, err := s.run(context.Background(), t, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "freeze_layers is 9") || !strings.Contains(err.Error(), "2 layers") {
		t.Errorf("freezing 9 of 2 layers: %v", err)
	}
}

func TestLongWarmupIsSaid(t *testing.T) {
	s := newSchool(t, map[string]string{"warmup_steps": "500", "epochs": "1"})
	var said bytes.Buffer
	s.env.Log = log.New(&said, "", 0)
	if _, err := s.run(context.Background(), t, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), "warm-up of 500 steps") {
		t.Errorf("the log says:\n%s", said.String())
	}
}

// Steps that were left out count by their losses; the first that diverged ends the training.
func TestResultsOfStepsAreCounted(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		results    []torchmodel.StepResult
		loss, norm float64
		fails      string
	}{
		"none":                      {nil, 1, 5, ""},
		"taken":                     {[]torchmodel.StepResult{{Loss: 2, GradNorm: 3}, {Loss: 4, GradNorm: 6}}, 7, 6, ""},
		"left out":                  {[]torchmodel.StepResult{{Loss: 2, GradNorm: 3}, {Loss: 4, GradNorm: inf, LeftOut: true}}, 7, 3, ""},
		"all left out":              {[]torchmodel.StepResult{{Loss: 2, GradNorm: math.NaN(), LeftOut: true}}, 3, 5, ""},
		"diverged":                  {[]torchmodel.StepResult{{Loss: 2, GradNorm: inf, LeftOut: true}, {Loss: 4, GradNorm: inf}}, 3, 5, "step 10: loss 4"},
		"a loss that is not finite": {[]torchmodel.StepResult{{Loss: inf, GradNorm: inf}, {Loss: 4, GradNorm: 1}}, 1, 5, "step 9: loss +Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &training{LossSum: 1, Norm: 5}
			err := tr.count(c.results, 10)
			if tr.LossSum != c.loss || tr.Norm != c.norm {
				t.Errorf("loss %v, norm %v; want %v, %v", tr.LossSum, tr.Norm, c.loss, c.norm)
			}
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("error %v, want %q", err, c.fails)
			}
		})
	}
}
