package torchmodel

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sugarme/gotch/ts"
)

// TestObjectiveEqualsPyTorch compares losses and gradients, each divided by the weight of the labelled tokens.
func TestObjectiveEqualsPyTorch(t *testing.T) {
	needLibtorch(t)
	var golden []struct {
		Smoothing    float64
		Weights      []float64
		Tags         []int64
		Logits       [][]float32
		Loss         float64
		Gradient     [][]float64
		Transformers *float64
	}
	readGolden(t, "testdata/objectives.json", &golden)
	for _, g := range golden {
		s := new(scope)
		defer s.drop()
		rows, classes := int64(len(g.Logits)), int64(len(g.Logits[0]))
		var flat []float32
		for _, row := range g.Logits {
			flat = append(flat, row...)
		}
		weights := ts.None
		if g.Weights != nil {
			values := make([]float32, classes)
			for i, w := range g.Weights {
				values[i] = float32(w)
			}
			weights = tensorOf(t, values, classes)
		}
		logits := tensorOf(t, flat, rows, classes).MustSetRequiresGrad(true, true)
		tags, err := ts.OfSlice(g.Tags)
		if err != nil {
			t.Fatal(err)
		}
		sum := s.crossEntropySum(logits, tags, weights, IgnoreIndex, g.Smoothing)
		by := Objective{ClassWeights: g.Weights}.weightOf([]Row{{Tags: g.Tags}})
		mean := s.scale(sum, 1/by)
		if s.err != nil {
			t.Fatal(s.err)
		}
		mean.MustBackward()
		loss := float64(s.floats(mean)[0])
		if math.Abs(loss-g.Loss) > 1e-5*g.Loss || g.Transformers != nil && math.Abs(loss-*g.Transformers) > 1e-5*g.Loss {
			t.Errorf("smoothing %v, weights %v: loss %v, want %v", g.Smoothing, g.Weights, loss, g.Loss)
		}
		for i, got := range s.floats(logits.MustGrad(false)) {
			if want := g.Gradient[int64(i)/classes][int64(i)%classes]; math.Abs(float64(got)-want) > 1e-6 {
				t.Fatalf("smoothing %v, weights %v: gradient %d is %v, want %v", g.Smoothing, g.Weights, i, got, want)
			}
		}
	}
}

// TestStepDoesNotDependOnItsDivision takes one step over rows together and in micro-batches.
func TestStepDoesNotDependOnItsDivision(t *testing.T) {
	s := openSession(t)
	rows := randomRows(rand.New(rand.NewPCG(3, 3)), 12)
	sameStepFor(t, func() *Model { return newTestModel(t, s, 5) }, Objective{LabelSmoothing: 0.1, ClassWeights: []float64{0.1, 3, 1}},
		[][][]Row{{rows}, {rows[:5], rows[5:]}, {rows[:1], rows[1:4], rows[4:11], rows[11:]}})
}

// sameStepFor takes the first step of a model over divisions of the same rows into micro-batches, without dropout, and compares.
func sameStepFor(t *testing.T, model func() *Model, objective Objective, divisions [][][]Row) {
	t.Helper()
	var want StepResult
	for i, micro := range divisions {
		m := model()
		m.Config.Dropout, m.Config.AttentionDropout = 0, 0
		trainer, err := m.NewTrainer(testOptimizer, objective)
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		got := takeStep(t, trainer, micro, 1e-3, 1)
		if i == 0 {
			want = got
		}
		if math.Abs(got.Loss-want.Loss) > 1e-5*want.Loss || math.Abs(got.GradNorm-want.GradNorm) > 1e-4*want.GradNorm {
			t.Errorf("in %d micro-batches: %+v, want %+v", len(micro), got, want)
		}
	}
}

func TestWrongObjectivesAreRefused(t *testing.T) {
	m := newTestModel(t, openSession(t), 1)
	for want, objective := range map[string]Objective{
		"label smoothing":          {LabelSmoothing: 1},
		"2 class weights for 3":    {ClassWeights: []float64{1, 1}},
		"weight of class 1 is 0":   {ClassWeights: []float64{1, 0, 1}},
		"weight of class 2 is NaN": {ClassWeights: []float64{1, 1, math.NaN()}},
	} {
		if _, err := m.NewTrainer(testOptimizer, objective); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", objective, err, want)
		}
	}
}
