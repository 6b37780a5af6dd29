package torchmodel

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// goldens are the fixtures that `make parity` reads.
const goldens = "../scripts/parity/testdata/"

const tiny = goldens + "tiny-distilbert"

// openSession opens the CPU with one thread, so that sums are formed in one order on every machine.
func openSession(t testing.TB) *Session {
	t.Helper()
	s, err := Open("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func loadTiny(t testing.TB, s *Session) *Model {
	t.Helper()
	m, err := s.Load(tiny)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func readGolden(t testing.TB, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

// goldenBatch is a padded batch with its expected logits.
type goldenBatch struct {
	InputIDs [][]int32     `json:"input_ids"`
	Mask     [][]int       `json:"attention_mask"`
	Labels   [][]int64     `json:"labels"`
	Logits   [][][]float64 `json:"logits"`
}

// rows are the batch's rows without their padding.
func (g goldenBatch) rows() []Row {
	var rows []Row
	for i, ids := range g.InputIDs {
		length := 0
		for _, m := range g.Mask[i] {
			length += m
		}
		row := Row{IDs: ids[:length]}
		if g.Labels != nil {
			row.Tags = g.Labels[i][:length]
		}
		rows = append(rows, row)
	}
	return rows
}

func (g goldenBatch) compare(t *testing.T, logits [][]float32, tolerance float64) {
	t.Helper()
	worst := 0.0
	for i, row := range g.rows() {
		width := len(logits[i]) / len(row.IDs)
		for token := range row.IDs {
			for k, want := range g.Logits[i][token] {
				worst = math.Max(worst, math.Abs(float64(logits[i][token*width+k])-want))
			}
		}
	}
	if !(worst <= tolerance) {
		t.Errorf("logits differ by up to %g, allowed is %g", worst, tolerance)
	}
}

func TestLogitsEqualTransformers(t *testing.T) {
	m := loadTiny(t, openSession(t))
	var golden []goldenBatch
	readGolden(t, goldens+"logits.json", &golden)
	for _, g := range golden {
		logits, err := m.Logits(g.rows())
		if err != nil {
			t.Fatal(err)
		}
		g.compare(t, logits, 1e-4)
	}
}

func TestLogitsDoNotDependOnTheRestOfTheBatch(t *testing.T) {
	m := loadTiny(t, openSession(t))
	var golden []goldenBatch
	readGolden(t, goldens+"logits.json", &golden)
	for _, g := range golden {
		together, err := m.Logits(g.rows())
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range g.rows() {
			alone, err := m.Logits([]Row{row})
			if err != nil {
				t.Fatal(err)
			}
			for k := range alone[0] {
				if d := math.Abs(float64(alone[0][k] - together[i][k])); !(d <= 1e-5) {
					t.Fatalf("row %d: a logit differs by %g alone and in the batch", i, d)
				}
			}
		}
	}
}

type goldenTraining struct {
	Optimizer struct {
		LR               float64    `json:"lr"`
		Betas            [2]float64 `json:"betas"`
		Eps              float64    `json:"eps"`
		WeightDecay      float64    `json:"weight_decay"`
		MaxGradNorm      float64    `json:"max_grad_norm"`
		Schedule         string     `json:"lr_scheduler_type"` // empty is linear
		Warmup           int        `json:"warmup_steps"`
		Total            int        `json:"total_steps"`
		LabelSmoothing   float64    `json:"label_smoothing"`
		ClassWeights     []float64  `json:"class_weights"`
		FreezeEmbeddings bool       `json:"freeze_embeddings"`
		FreezeLayers     int        `json:"freeze_layers"`
	} `json:"optimizer"`
	Steps []struct {
		Micro    []goldenBatch `json:"micro_batches"`
		Loss     float64       `json:"loss"`
		GradNorm float64       `json:"grad_norm"`
		LR       float64       `json:"lr"`
	} `json:"steps"`
	After goldenBatch `json:"after"`
}

func TestTrainingEqualsTransformers(t *testing.T) {
	for _, path := range []string{goldens + "training.json", "testdata/training_options.json"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var golden goldenTraining
			readGolden(t, path, &golden)
			golden.compare(t, loadTiny(t, openSession(t)), FP32, 1e-3)
		})
	}
}

// compare trains m as the golden training did, in a precision of products, with learning rates of our own schedule. Losses may differ
// by tolerance of themselves; in fp32 the norms of gradients and what the model has learned are compared too.
func (g goldenTraining) compare(t *testing.T, m *Model, precision string, tolerance float64) {
	t.Helper()
	m.Config.Dropout, m.Config.AttentionDropout = 0, 0
	o := g.Optimizer
	if err := m.Freeze(o.FreezeEmbeddings, o.FreezeLayers); err != nil {
		t.Fatal(err)
	}
	trainer, err := m.NewTrainer(Optimizer{o.Betas[0], o.Betas[1], o.Eps, o.WeightDecay, o.MaxGradNorm, precision},
		Objective{o.LabelSmoothing, o.ClassWeights})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	schedule, err := NewSchedule(cmp.Or(o.Schedule, "linear"), o.LR, o.Warmup, o.Total)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Steps) != o.Total {
		t.Fatalf("%d steps of %d", len(g.Steps), o.Total)
	}
	for i, step := range g.Steps {
		var micro [][]Row
		for _, g := range step.Micro {
			micro = append(micro, g.rows())
		}
		lr := schedule.At(i)
		if math.Abs(lr-step.LR) > 1e-12*o.LR {
			t.Errorf("step %d: learning rate %g, want %g", i+1, lr, step.LR)
		}
		got := takeStep(t, trainer, micro, lr, 1)
		if !(math.Abs(got.Loss-step.Loss) <= tolerance*step.Loss) ||
			precision == FP32 && !(math.Abs(got.GradNorm-step.GradNorm) <= tolerance*step.GradNorm) {
			t.Errorf("step %d: loss %g, norm %g; want %g, %g", i+1, got.Loss, got.GradNorm, step.Loss, step.GradNorm)
		}
	}
	if precision == FP32 {
		g.After.compare(t, logitsOf(t, m, g.After.rows()), 2e-3)
	}
}
