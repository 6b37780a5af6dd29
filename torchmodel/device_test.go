package torchmodel

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// deviceVariable names the device that the tests of this file compute on: those whose names begin with TestDevice are what
// scripts/gpu-check.sh runs on a GPU. Without it, what is done on a GPU is done on the CPU.
const deviceVariable = "PII_TEST_DEVICE"

func openDevice(t testing.TB) *Session {
	t.Helper()
	device := os.Getenv(deviceVariable)
	if device == "" {
		device = "cpu"
	}
	s, err := Open(device, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.asGPU = true
	t.Cleanup(s.Close)
	return s
}

// devicePrecisions are those that the device has, with how far a logit may be from fp32's, relative to the largest.
func devicePrecisions(t testing.TB, s *Session) map[string]float64 {
	t.Helper()
	if s.Device() == "cpu" {
		return map[string]float64{FP32: 1e-5, BF16: 0.03}
	}
	all := map[string]float64{FP32: 1e-4, TF32: 5e-3, FP16: 5e-3}
	if name, err := ResolvePrecision(Auto, s.Device()); err != nil {
		t.Fatal(err)
	} else if name == BF16 {
		all[BF16] = 0.03
	}
	return all
}

func TestDevicePassIsTheModel(t *testing.T) {
	onCPU, s := openSession(t), openDevice(t)
	for name, c := range engineShapes() {
		if name == "odd" { // its heads are narrower than a GPU's kernels take
			c.Dim, c.HiddenDim = 48, 56
		}
		c.MaxPositions = 60
		rows := manyLengths(c, rand.New(rand.NewPCG(1, 1)), 6)
		want := logitsOf(t, newModel(t, onCPU, c), rows)
		m := newModel(t, s, c)
		for precision, tolerance := range devicePrecisions(t, s) {
			if name == "base" && precision == BF16 && !s.device.IsCuda() {
				continue // without instructions for it, libtorch takes minutes
			}
			if err := m.preparePass(precision); err != nil {
				t.Fatal(err)
			}
			if m.Precision() != precision || !strings.HasPrefix(m.Products(), "libtorch") {
				t.Errorf("it computes in %s by %s", m.Precision(), m.Products())
			}
			worst, same := apart(t, want, logitsOf(t, m, rows), c.classes())
			largest := float64(slices.Max(slices.Concat(want...)))
			t.Logf("%s in %s: %.2g of the largest logit, %.2f%% of the tags equal", name, precision, worst/largest, 100*same)
			if !(worst <= tolerance*largest) {
				t.Errorf("%s in %s: logits differ by %g of the largest, allowed is %g", name, precision, worst/largest, tolerance)
			}
			alone, _ := apart(t, want[1:2], logitsOf(t, m, rows[1:2]), c.classes()) // no padding, and so no mask
			if !(alone <= tolerance*largest) {
				t.Errorf("%s in %s: alone, logits differ by %g of the largest", name, precision, alone/largest)
			}
		}
	}
}

func TestDeviceLogitsEqualTransformers(t *testing.T) {
	m := loadTiny(t, openDevice(t))
	if err := m.preparePass(FP32); err != nil {
		t.Fatal(err)
	}
	var golden []goldenBatch
	readGolden(t, goldens+"logits.json", &golden)
	for _, g := range golden {
		g.compare(t, logitsOf(t, m, g.rows()), 1e-4)
	}
}

// TestDeviceTrainingEqualsPyTorch: in fp32 the losses are PyTorch's, in any precision they are within 2 %.
func TestDeviceTrainingEqualsPyTorch(t *testing.T) {
	var golden goldenTraining
	readGolden(t, goldens+"training.json", &golden)
	s := openDevice(t)
	for precision := range devicePrecisions(t, s) {
		t.Run(precision, func(t *testing.T) {
			golden.compare(t, loadTiny(t, s), precision, map[bool]float64{true: 1e-3, false: 0.02}[precision == FP32])
		})
	}
}

// Shards, replicas and dropout with keys work in bfloat16 too, and the result does not depend on the number of threads.
func TestMixedTrainingOnTheCPU(t *testing.T) {
	o := testOptimizer
	o.Precision = BF16
	var losses [2][]float64
	for threads := range 2 {
		m := newModel(t, openThreads(t, threads+1), testConfig())
		trainer, err := m.NewTrainer(o, Objective{})
		if err != nil {
			t.Fatal(err)
		}
		defer trainer.Close()
		for step := range 5 {
			rows := randomRows(rand.New(rand.NewPCG(7, uint64(step))), 20)
			losses[threads] = append(losses[threads], takeStep(t, trainer, [][]Row{rows}, 1e-3, int64(step)).Loss)
		}
	}
	if !slices.Equal(losses[0], losses[1]) {
		t.Errorf("losses with one thread %v, with two %v", losses[0], losses[1])
	}
}

// shortOfMemory makes a session fail, with the message of an error of CUDA's, where more than so many tokens are computed at once.
func shortOfMemory(s *Session, most int) (warnings *[]string, failed *int) {
	warnings, failed = new([]string), new(int)
	s.Warn = func(format string, arguments ...any) {
		*warnings = append(*warnings, fmt.Sprintf(format, arguments...))
	}
	s.shortage = func(cells int) error {
		if cells <= most {
			return nil
		}
		*failed++
		return errors.New("CUDA out of memory. Tried to allocate 2.00 GiB")
	}
	return warnings, failed
}

func TestDevicePredictsInLessMemory(t *testing.T) {
	s := openDevice(t)
	c := testConfig()
	m := newModel(t, s, c)
	if err := m.preparePass(FP32); err != nil {
		t.Fatal(err)
	}
	rows := manyLengths(c, rand.New(rand.NewPCG(1, 1)), 32)
	want := logitsOf(t, m, rows)
	warnings, failed := shortOfMemory(s, cells(rows)/5)
	for range 3 {
		if worst, _ := apart(t, want, logitsOf(t, m, rows), c.classes()); !(worst < 1e-5) {
			t.Errorf("in parts, logits differ by %g", worst)
		}
	}
	if len(*warnings) != 1 || *failed != 3 { // at the whole, a half and a quarter
		t.Errorf("it failed %d times and warned: %q", *failed, *warnings)
	}
	shortOfMemory(s, 0)
	if _, err := m.Logits(rows); !isOutOfMemory(err) {
		t.Errorf("without memory for a row: %v", err)
	}
}

func TestDeviceTrainsInLessMemory(t *testing.T) {
	c := testConfig()
	c.Dropout, c.AttentionDropout = 0, 0
	rows := randomRows(rand.New(rand.NewPCG(1, 1)), 12)
	var losses [2]float64
	for i, short := range []bool{false, true} {
		s := openDevice(t)
		var warnings *[]string
		if short {
			warnings, _ = shortOfMemory(s, cells(rows)/3)
		}
		trainer := newTestTrainer(t, newModel(t, s, c), Objective{})
		for range 3 {
			losses[i] = takeStep(t, trainer, [][]Row{rows}, 1e-2, 1).Loss
		}
		if short && len(*warnings) != 1 {
			t.Errorf("warnings: %q", *warnings)
		}
	}
	if math.Abs(losses[0]-losses[1]) > 1e-4*losses[0] {
		t.Errorf("the third loss is %g, in parts %g", losses[0], losses[1])
	}
}

// What libtorch says when a GPU has too little memory is known for what it is, from gotch's calls and from ours.
func TestDeviceOutOfMemoryIsKnown(t *testing.T) {
	s := openDevice(t)
	if !s.device.IsCuda() {
		t.Skip("needs a GPU")
	}
	err := s.do(func() error {
		x, err := ts.Zeros([]int64{1 << 42}, gotch.Float, s.device)
		if err == nil {
			err = x.Drop()
		}
		return err
	})
	if !isOutOfMemory(err) {
		t.Errorf("16 TiB on a GPU: %v", err)
	}
}

func TestSavedLossScale(t *testing.T) {
	for name, c := range map[string]struct {
		scale, good, leftOut string
		want                 lossScale
		fails                bool
	}{
		"none":                    {"", "", "", lossScale{firstScale, 0, 0}, false},
		"all":                     {"1024", "7", "3", lossScale{1024, 7, 3}, false},
		"of before left-out ones": {"1024", "7", "", lossScale{1024, 7, 0}, false},
		"beyond float32":          {"1e60", "7", "", lossScale{lastScale, 7, 0}, false},
		"zero":                    {"0", "1", "0", lossScale{}, true},
		"no number":               {"NaN", "1", "0", lossScale{}, true},
		"without end":             {"+Inf", "1", "0", lossScale{}, true},
		"a word":                  {"x", "1", "0", lossScale{}, true},
		"no steps":                {"2", "", "0", lossScale{}, true},
		"more left out than were": {"2", "1", "11", lossScale{}, true},
		"less than none left out": {"2", "1", "-1", lossScale{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			values := map[string]string{"loss_scale": c.scale, "loss_scale_steps": c.good, "loss_scale_left_out": c.leftOut}
			got, err := savedLossScale(values, 10)
			if c.fails != (err != nil) || err == nil && got != c.want {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestPrecisionsThatTheCPULacks(t *testing.T) {
	var none *NoPrecisionError
	for _, name := range []string{FP16, TF32} {
		if _, err := ResolvePrecision(name, "cpu"); !errors.As(err, &none) {
			t.Errorf("%s to predict: %v", name, err)
		}
		if err := ResolveTrainPrecision(name, "cpu"); !errors.As(err, &none) {
			t.Errorf("%s to train: %v", name, err)
		}
	}
	if err := ResolveTrainPrecision(INT8, "cpu"); err == nil || !strings.Contains(err.Error(), "not fp32") {
		t.Errorf("int8 to train: %v", err)
	}
}

// A trainer in bfloat16 goes on from its saved state, whose scale is 1.
func TestMixedStateIsRestored(t *testing.T) {
	o := testOptimizer
	o.Precision = BF16
	trainer, err := newModel(t, openSession(t), testConfig()).NewTrainer(o, Objective{})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	trainSteps(t, trainer, 2)
	path := saveState(t, trainer, map[string]string{})
	if _, err := trainer.Restore(path); err != nil || trainer.scale != nil {
		t.Errorf("%v, %v", trainer.scale, err)
	}
}

// BenchmarkDeviceStep takes training steps of DistilBERT-base over 16 rows of 40 tokens.
func BenchmarkDeviceStep(b *testing.B) {
	s := openDevice(b)
	if !s.device.IsCuda() { // as trainings are on a CPU: in shards, on all cores
		s = openThreads(b, 0)
	}
	for precision := range devicePrecisions(b, s) {
		b.Run(precision, func(b *testing.B) {
			m := newModel(b, s, DistilBERTBase(30522, testLabels))
			o := testOptimizer
			o.Precision = precision
			trainer, err := m.NewTrainer(o, Objective{})
			if err != nil {
				b.Fatal(err)
			}
			defer trainer.Close()
			random, rows := rand.New(rand.NewPCG(1, 1)), make([]Row, 16)
			for i := range rows {
				for range 40 {
					rows[i].IDs = append(rows[i].IDs, int32(5+random.IntN(30000)))
					rows[i].Tags = append(rows[i].Tags, int64(random.IntN(len(testLabels))))
				}
			}
			b.ResetTimer()
			for range b.N {
				if err := trainer.Step([][]Row{rows}, 5e-5, 1); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := trainer.Results(); err != nil { // a GPU has then computed them
				b.Fatal(err)
			}
		})
	}
}
