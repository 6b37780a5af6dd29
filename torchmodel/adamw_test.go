package torchmodel

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// referenceAdamW is AdamW in float64, written from the paper.
func referenceAdamW(p, g, m, v []float64, decay float64, s adamWSettings, factor float64) {
	for i := range p {
		grad := g[i] * factor
		p[i] -= s.LR * decay * p[i]
		m[i] = s.Beta1*m[i] + (1-s.Beta1)*grad
		v[i] = s.Beta2*v[i] + (1-s.Beta2)*grad*grad
		mHat := m[i] / (1 - math.Pow(s.Beta1, float64(s.Step)))
		vHat := v[i] / (1 - math.Pow(s.Beta2, float64(s.Step)))
		p[i] -= s.LR * mHat / (math.Sqrt(vHat) + s.Eps)
	}
}

type adamWCase struct {
	kind         gotch.DType
	device       gotch.Device
	params, m, v []*ts.Tensor
	decay        []float64
	p64, m64     [][]float64
	v64          [][]float64
	weights      [][]float32 // the gradient of the loss is these
}

func newAdamWCase(t *testing.T, kind gotch.DType, device gotch.Device, sizes []int64) *adamWCase {
	random := rand.New(rand.NewPCG(1, 2))
	c := &adamWCase{kind: kind, device: device}
	for i, size := range sizes {
		values, weights := make([]float32, size), make([]float32, size)
		values64 := make([]float64, size)
		for j := range values {
			values[j], weights[j] = float32(random.NormFloat64()), float32(random.NormFloat64())
			values64[j] = float64(values[j])
		}
		start := tensorOf(t, values, size)
		p := start.MustTotype(kind, true).MustTo(device, true)
		c.params = append(c.params, p.MustSetRequiresGrad(true, true))
		c.m = append(c.m, ts.MustZeros([]int64{size}, kind, device))
		c.v = append(c.v, ts.MustZeros([]int64{size}, kind, device))
		c.decay = append(c.decay, 0.01*float64(i%2))
		c.p64, c.m64, c.v64 = append(c.p64, values64), append(c.m64, make([]float64, size)), append(c.v64, make([]float64, size))
		c.weights = append(c.weights, weights)
	}
	return c
}

func (c *adamWCase) state() adamWState { return adamWState{c.params, c.m, c.v, c.decay} }

// backward gives every parameter but the skipped one the gradient weights * scale.
func (c *adamWCase) backward(t *testing.T, scale float64, skip int) {
	t.Helper()
	for i, p := range c.params {
		if i == skip {
			continue
		}
		w := tensorOf(t, c.weights[i], int64(len(c.weights[i]))).MustTotype(c.kind, true).MustTo(c.device, true)
		factor := ts.FloatScalar(scale)
		product := p.MustMul(w, false).MustMulScalar(factor, true)
		loss := product.MustSum(c.kind, true)
		loss.MustBackward()
		loss.MustDrop()
		w.MustDrop()
	}
}

func (c *adamWCase) referenceNorm(scale float64, skip int) float64 {
	sum := 0.0
	for i, weights := range c.weights {
		for _, w := range weights {
			if i != skip {
				sum += float64(w) * scale * float64(w) * scale
			}
		}
	}
	return math.Sqrt(sum)
}

func TestAdamWStepAsReference(t *testing.T) {
	for name, kind := range map[string]gotch.DType{"single pass": gotch.Float, "operators": gotch.Double} {
		t.Run(name, func(t *testing.T) {
			needLibtorch(t)
			c := newAdamWCase(t, kind, gotch.CPU, adamWSizes)
			c.takeSteps(t, 1, func(s adamWSettings) (float64, error) { return c.state().step(s) })
		})
	}
}

// Without clipping and with it, on the device: what a GPU computes is the reference's.
func TestDeviceAdamWIsTheReference(t *testing.T) {
	s := openDevice(t)
	needLibtorch(t)
	c := newAdamWCase(t, gotch.Float, s.device, adamWSizes)
	const factor, leftOut = 8, 3
	held := new(scope)
	defer held.drop()
	scale := lossScale{factor: factor, leftOut: leftOut}.onDevice(held, s.device)
	c.takeSteps(t, factor, func(s adamWSettings) (float64, error) {
		s.Step += leftOut // of which AdamW knows nothing
		r, err := c.stepOnDevice(t, s, scale, 3, 2)
		if math.Abs(r.Loss-1.25) > 1e-6 {
			t.Errorf("step %d: losses 3 and 2 by weight 4 are %v", s.Step, r.Loss)
		}
		return r.GradNorm, err
	})
}

func TestDeviceAdamWLeavesParametersWhereGradientsAreNotFinite(t *testing.T) {
	s := openDevice(t)
	needLibtorch(t)
	for _, wrong := range []float64{math.Inf(1), math.NaN()} {
		c := newAdamWCase(t, gotch.Float, s.device, []int64{5, 7})
		c.weights[0][3] = float32(wrong)
		c.backward(t, 1, -1)
		r, err := c.stepOnDevice(t, adamWSettings{LR: 1, Beta1: 0.9, Beta2: 0.9, Eps: 1e-8, Step: 1, MaxGradNorm: 1}, nil, 1)
		if err != nil || finite([]float32{float32(r.GradNorm)}) || r.LeftOut {
			t.Errorf("a gradient of %v: %+v, %v", wrong, r, err)
		}
		c.compare(t, 1)
		for _, moment := range append(c.m, c.v...) {
			for _, x := range float32s(t, moment) {
				if x != 0 {
					t.Fatalf("a gradient of %v: a moment is %v", wrong, x)
				}
			}
		}
	}
}

// The scale that a step leaves, and what its result says, by the scale that it had, its gradient and its loss. Where the gradient is not
// finite no weight changes, else the step is AdamW's.
func TestDeviceStepsAdjustTheScale(t *testing.T) {
	s := openDevice(t)
	needLibtorch(t)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		before     lossScale
		grad, loss float32
		after      lossScale
		leftOut    bool
	}{
		"good":                    {lossScale{1024, 7, 3}, 1, 4, lossScale{1024, 8, 3}, false},
		"overflow":                {lossScale{1024, 7, 3}, inf, 4, lossScale{512, 0, 4}, true},
		"no number":               {lossScale{1024, 7, 3}, nan, 4, lossScale{512, 0, 4}, true},
		"overflow to 1":           {lossScale{2, 0, 0}, inf, 4, lossScale{1, 0, 1}, true},
		"divergence at 1":         {lossScale{1, 5, 0}, inf, 4, lossScale{1, 0, 1}, false},
		"a loss without end":      {lossScale{1024, 7, 3}, nan, inf, lossScale{512, 0, 4}, false},
		"before growth":           {lossScale{1024, 1998, 0}, 1, 4, lossScale{1024, 1999, 0}, false},
		"growth":                  {lossScale{1024, 1999, 3}, 1, 4, lossScale{2048, 0, 3}, false},
		"growth from 1":           {lossScale{1, 1999, 3}, 1, 4, lossScale{2, 0, 3}, false},
		"overflow instead":        {lossScale{1024, 1999, 3}, inf, 4, lossScale{512, 0, 4}, true},
		"no growth past the last": {lossScale{lastScale, 1999, 0}, 1, 4, lossScale{lastScale, 0, 0}, false},
	} {
		t.Run(name, func(t *testing.T) { scaledStep(t, s, c.before, c.after, c.grad, c.loss, c.leftOut) })
	}
}

// scaledStep takes one step, of the gradients times the scale, and compares what it leaves. One of the gradients is grad.
func scaledStep(t *testing.T, s *Session, before, after lossScale, grad, loss float32, leftOut bool) {
	c := newAdamWCase(t, gotch.Float, s.device, []int64{5, 7})
	c.weights[0][3] = grad
	held := new(scope)
	defer held.drop()
	scale := before.onDevice(held, s.device)
	settings := adamWSettings{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Step: before.leftOut + 1, MaxGradNorm: 1}
	factor := min(before.factor, 1024) // with the last scale, gradients are almost 0: they would overflow
	c.backward(t, factor, -1)
	r, err := c.stepOnDevice(t, settings, scale, loss)
	if err != nil || r.LeftOut != leftOut || finite([]float32{grad}) != finite([]float32{float32(r.GradNorm)}) {
		t.Errorf("%+v, %v", r, err)
	}
	if got, err := readLossScale(scale); err != nil || got != after {
		t.Errorf("the scale is then %+v, %v; want %+v", got, err, after)
	}
	if finite([]float32{grad}) {
		grads := factor / before.factor
		settings.Step = 1
		c.reference(settings, -1, grads*min(1, 1/(c.referenceNorm(grads, -1)+1e-6)))
	}
	c.compare(t, 1)
}

// stepOnDevice takes a step whose parts have these losses, by weight 4, and reads how it went.
func (c *adamWCase) stepOnDevice(t *testing.T, s adamWSettings, scale *ts.Tensor, losses ...float32) (StepResult, error) {
	t.Helper()
	var parts []*ts.Tensor
	for _, loss := range losses {
		parts = append(parts, tensorOf(t, []float32{loss}, 1).MustSum(c.kind, true).MustTo(c.device, true))
	}
	result, err := c.state().stepOnDevice(s, parts, 4, scale)
	if err != nil {
		return StepResult{}, err
	}
	read, err := readResults([]*ts.Tensor{result})
	if err = errors.Join(err, dropAll(append(parts, result))); err != nil {
		return StepResult{}, err
	}
	return read[0], nil
}

var adamWSizes = []int64{1, 17, 4096, 65536 + 3, 70001}

// takeSteps takes four steps, the later with clipping, and compares each with the reference; one parameter has no gradient. Gradients
// are scaled: take has to divide by scale.
func (c *adamWCase) takeSteps(t *testing.T, scale float64, take func(adamWSettings) (norm float64, err error)) {
	t.Helper()
	const skip = 2
	for step := 1; step <= 4; step++ {
		s := adamWSettings{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: step, MaxGradNorm: float64(step-1) * 100}
		c.backward(t, scale, skip)
		norm, err := take(s)
		if err != nil {
			t.Fatal(err)
		}
		want := c.referenceNorm(1, skip)
		if math.Abs(norm-want) > 1e-5*want {
			t.Errorf("step %d: norm %v, want %v", step, norm, want)
		}
		factor := 1.0
		if s.MaxGradNorm > 0 {
			factor = min(1, s.MaxGradNorm/(want+1e-6))
		}
		c.reference(s, skip, factor)
		c.compare(t, step)
	}
}

// reference takes the step in float64, with gradients times factor, of all parameters but the skipped one.
func (c *adamWCase) reference(s adamWSettings, skip int, factor float64) {
	for i := range c.p64 {
		if i != skip {
			g := make([]float64, len(c.weights[i]))
			for j, w := range c.weights[i] {
				g[j] = float64(w)
			}
			referenceAdamW(c.p64[i], g, c.m64[i], c.v64[i], c.decay[i], s, factor)
		}
	}
}

func (c *adamWCase) compare(t *testing.T, step int) {
	t.Helper()
	for i, p := range c.params {
		single := p.MustDetach(false).MustTotype(gotch.Float, true)
		for j, got := range float32s(t, single) {
			if want := c.p64[i][j]; math.Abs(float64(got)-want) > 2e-6*(1+math.Abs(want)) {
				t.Fatalf("step %d, parameter %d, element %d: %v, want %v", step, i, j, got, want)
			}
		}
		single.MustDrop()
		if grad := p.MustGrad(false); grad.MustDefined() {
			t.Errorf("step %d: parameter %d still has a gradient", step, i)
		}
	}
}

func TestAdamWStepLeavesParametersWhereGradientsAreInfinite(t *testing.T) {
	needLibtorch(t)
	c := newAdamWCase(t, gotch.Float, gotch.CPU, []int64{5})
	c.weights[0][3] = float32(math.Inf(1))
	c.backward(t, 1, -1)
	norm, err := c.state().step(adamWSettings{LR: 1, Beta1: 0.9, Beta2: 0.9, Eps: 1e-8, Step: 1})
	if err != nil || !math.IsInf(norm, 1) {
		t.Errorf("norm %v, error %v; want an infinite norm", norm, err)
	}
	c.compare(t, 1)
}

func TestAdamWStepRefusesWrongNumbers(t *testing.T) {
	needLibtorch(t)
	c := newAdamWCase(t, gotch.Float, gotch.CPU, []int64{5})
	if _, err := c.state().step(adamWSettings{Step: 0}); err == nil {
		t.Error("step 0 was taken")
	}
	if _, err := (adamWState{c.params, c.m[:0], c.v, c.decay}).step(adamWSettings{Step: 1}); err == nil {
		t.Error("a missing moment was accepted")
	}
	c.m[0] = ts.MustZeros([]int64{4}, gotch.Float, gotch.CPU)
	c.backward(t, 1, -1)
	if _, err := c.state().step(adamWSettings{Step: 1}); err == nil {
		t.Error("a moment of another shape was accepted")
	}
}

// BenchmarkAdamWStep is one step over as many parameters as DistilBERT has.
func BenchmarkAdamWStep(b *testing.B) {
	needLibtorch(b)
	var params, m, v []*ts.Tensor
	var total int64
	for _, size := range []int64{30522 * 768, 6 * 4 * 768 * 768, 6 * 2 * 768 * 3072} {
		params = append(params, ts.MustOnes([]int64{size}, gotch.Float, gotch.CPU).MustSetRequiresGrad(true, true))
		m, v = append(m, ts.MustZeros([]int64{size}, gotch.Float, gotch.CPU)), append(v, ts.MustZeros([]int64{size}, gotch.Float, gotch.CPU))
		total += size
	}
	state := adamWState{params, m, v, make([]float64, len(params))}
	for b.Loop() {
		b.StopTimer()
		for _, p := range params {
			sum := p.MustSum(gotch.Float, false)
			sum.MustBackward()
			sum.MustDrop()
		}
		b.StartTimer()
		if _, err := state.step(adamWSettings{LR: 1e-5, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Step: 1, MaxGradNorm: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(total * 4 * 8) // the gradient twice, parameter and moments read and written
}
