package torchmodel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
	"pgregory.net/rapid"
)

// tableCase is a table of embeddings beside another parameter, trained twice: with the table's own gradient, and by rows.
type tableCase struct {
	random       *rand.Rand
	width        int64
	table, other [2]*ts.Tensor // eager, lazy
	m, v         [2][]*ts.Tensor
	lazy         *lazyRows
	decay        float64
}

const tablePadding = 3

func newTableCase(t *testing.T, random *rand.Rand, rows, width int64, decay float64) *tableCase {
	c := &tableCase{random: random, width: width, decay: decay}
	values := c.normals(int(rows*width), 1)
	for i := range values {
		values[i] *= float32(random.IntN(4)) * 0.1 // some are 0
	}
	others := c.normals(21, 1)
	for side := range 2 {
		c.table[side] = tensorOf(t, values, rows, width).MustSetRequiresGrad(true, true)
		c.other[side] = tensorOf(t, others, 21).MustSetRequiresGrad(true, true)
		for _, shape := range [][]int64{{rows, width}, {21}} {
			c.m[side] = append(c.m[side], ts.MustZeros(shape, gotch.Float, gotch.CPU))
			c.v[side] = append(c.v[side], ts.MustZeros(shape, gotch.Float, gotch.CPU))
		}
	}
	p := Parameter{Name: "table", tensor: c.table[1]}
	var err error
	if c.lazy, err = newLazyRows(p, c.m[1][0], c.v[1][0], decay, tablePadding); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *tableCase) close() {
	c.lazy.free()
	for side := range 2 {
		for _, x := range slices.Concat([]*ts.Tensor{c.table[side], c.other[side]}, c.m[side], c.v[side]) {
			x.MustDrop()
		}
	}
}

func (c *tableCase) normals(n int, scale float64) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(c.random.NormFloat64() * scale)
	}
	return values
}

// backward gives what the tokens of a shard read a gradient, to both sides; what they read must be the same.
func (c *tableCase) backward(t *testing.T, shard int, ids []int32, grads []float32) {
	t.Helper()
	s := new(scope)
	defer s.drop()
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	in := s.ints(wide, []int64{1, int64(len(ids))}, gotch.CPU)
	g := s.float32s(grads, []int64{1, int64(len(ids)), c.width}, gotch.CPU)
	var read [2][]float32
	for side, words := range []*pickedWords{nil, c.lazy.picked()} {
		s.words = words
		x := s.wordEmbedding(c.table[side], in, tablePadding)
		read[side] = s.floats(x)
		if s.err == nil {
			loss := s.keep(s.keep(x.Mul(g, false)).Sum(gotch.Float, false))
			s.fail(loss.Backward())
			if words != nil {
				s.fail(c.lazy.add(shard, in, words))
			}
			loss = s.keep(c.other[side].Sum(gotch.Float, false))
			s.fail(loss.Backward())
		}
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	if !bytes.Equal(bytesOf(read[0]), bytesOf(read[1])) {
		t.Fatal("a row that is read is behind")
	}
}

// step takes a step on both sides over a few shards; their norms must be the same.
func (c *tableCase) step(t *testing.T, ids [][]int32, scale float64, s adamWSettings) {
	t.Helper()
	rows := make([]Row, len(ids))
	for i := range ids {
		rows[i].IDs = ids[i]
	}
	if err := c.lazy.begin(rows, Config{VocabSize: math.MaxInt32, MaxPositions: math.MaxInt32}); err != nil {
		t.Fatal(err)
	}
	for shard := range ids {
		c.backward(t, shard, ids[shard], c.normals(len(ids[shard])*int(c.width), scale))
	}
	var norms [2]float64
	for side, words := range []*lazyRows{nil, c.lazy} {
		s.words = words
		var err error
		state := adamWState{[]*ts.Tensor{c.table[side], c.other[side]}, c.m[side], c.v[side], []float64{c.decay, 0}}
		if norms[side], err = state.step(s); err != nil {
			t.Fatal(err)
		}
	}
	if math.Float64bits(norms[0]) != math.Float64bits(norms[1]) {
		t.Fatalf("step %d: the norm is %v, by rows %v", s.Step, norms[0], norms[1])
	}
}

func (c *tableCase) compare(t *testing.T, step int) {
	t.Helper()
	if err := c.lazy.makeUpAll(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		for name, pair := range map[string][2]*ts.Tensor{"first moment": {c.m[0][i], c.m[1][i]}, "second moment": {c.v[0][i], c.v[1][i]},
			"weight": {[2]*ts.Tensor{c.table[0], c.other[0]}[i], [2]*ts.Tensor{c.table[1], c.other[1]}[i]}} {
			want, got := new(scope).floats(pair[0]), new(scope).floats(pair[1])
			for j := range want {
				if math.Float32bits(want[j]) != math.Float32bits(got[j]) {
					t.Fatalf("step %d, parameter %d, element %d: %s %v, by rows %v", step, i, j, name, want[j], got[j])
				}
			}
		}
	}
}

// TestRowsThatWaitAreExact compares every bit of weights, moments and norms, over rows that rest for one step or for many, with
// any schedule, decay and clipping, some steps whose gradients are infinite, and reads at any time.
func TestRowsThatWaitAreExact(t *testing.T) {
	needLibtorch(t)
	runtime.LockOSThread() // gradient mode is per thread
	defer runtime.UnlockOSThread()
	rapid.Check(t, func(r *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		size := rapid.SampledFrom([][2]int64{{37, 16}, {37, 5}, {900, 24}, {4000, 40}}).Draw(r, "size")
		steps := rapid.SampledFrom([]int{5, 60, 700}).Draw(r, "steps") * 37 / int(size[0]+36)
		s := adamWSettings{Beta1: rapid.SampledFrom([]float64{0, 0.5, 0.9}).Draw(r, "beta1"),
			Beta2: rapid.SampledFrom([]float64{0.5, 0.99, 0.999}).Draw(r, "beta2"), Eps: rapid.SampledFrom([]float64{1e-8, 1e-3, 0}).Draw(r, "eps"),
			MaxGradNorm: rapid.SampledFrom([]float64{0, 1, 1e4}).Draw(r, "clip")}
		kind, peak := rapid.SampledFrom(Schedules).Draw(r, "schedule"), rapid.SampledFrom([]float64{1e-5, 1e-3, 0.5}).Draw(r, "rate")
		rate, err := NewSchedule(kind, peak, steps/5, steps)
		if err != nil {
			t.Fatal(err)
		}
		c := newTableCase(t, random, size[0], size[1], rapid.SampledFrom([]float64{0, 0.01, 0.5}).Draw(r, "decay"))
		defer c.close()
		reads, scale := rapid.SampledFrom([]int{2, 50, 1 << 30}).Draw(r, "reads"), rapid.SampledFrom([]float64{1e-6, 1, 1e3}).Draw(r, "scale")
		for step := range max(2, steps) {
			s.Step, s.LR = step+1, rate.At(step)
			scale := scale
			if random.IntN(60) == 0 {
				scale = math.Inf(1)
			}
			c.step(t, c.shards(int(size[0])), scale, s)
			if random.IntN(reads) == 0 {
				c.compare(t, step+1)
			}
		}
		c.compare(t, steps)
	})
}

// shards draws the ids of a step's shards. Low ids are frequent; some are of padding, and a shard may be nothing else.
func (c *tableCase) shards(rows int) [][]int32 {
	all := make([][]int32, 1+c.random.IntN(3))
	for i := range all {
		for range 1 + c.random.IntN(6) {
			all[i] = append(all[i], int32(float64(rows)*math.Pow(c.random.Float64(), 6)))
		}
	}
	return all
}

// eager makes a trainer that has taken no step update the word embeddings whole.
func (t *Trainer) eager() *Trainer {
	t.words.free()
	t.words = nil
	return t
}

// TestLazyTrainingIsEager trains models to the same weights and moments by rows and whole, judged and saved on the way.
func TestLazyTrainingIsEager(t *testing.T) {
	for name, freeze := range map[string]func(m *Model) error{
		"all": func(m *Model) error { return nil }, "layer": func(m *Model) error { return m.Freeze(false, 1) },
		"embeddings": func(m *Model) error { return m.Freeze(true, 0) }} {
		t.Run(name, func(t *testing.T) {
			train := func(threads int, lazy bool) []byte {
				m := newTestModel(t, openThreads(t, threads), 5)
				if err := freeze(m); err != nil {
					t.Fatal(err)
				}
				trainer := newTestTrainer(t, m, Objective{})
				if (trainer.words != nil) != (name != "embeddings") {
					t.Error("rows wait where they are frozen, or do not wait elsewhere")
				}
				if !lazy {
					trainer.eager()
				}
				return trainedStates(t, m, trainer)
			}
			want := train(1, false)
			for threads := 1; threads < 4; threads++ {
				if !bytes.Equal(train(threads, true), want) {
					t.Errorf("%d threads: rows that wait end elsewhere", threads)
				}
			}
		})
	}
}

// trainedStates takes steps with few words and returns all that is read after some of them.
func trainedStates(t *testing.T, m *Model, trainer *Trainer) []byte {
	t.Helper()
	var all bytes.Buffer
	for step := range 24 {
		random := rand.New(rand.NewPCG(7, uint64(step)))
		micro := [][]Row{randomRows(random, 2), randomRows(random, 9)}
		for _, rows := range micro {
			for _, row := range rows {
				for i := range row.IDs {
					row.IDs[i] = row.IDs[i]%5 + int32(step/8*5)
				}
			}
		}
		if err := trainer.Step(micro, 1e-2, int64(step)<<16); err != nil {
			t.Fatal(err)
		}
		judged, err := Judged{}, error(nil)
		switch step % 7 {
		case 2:
			judged, err = m.Judge(randomRows(random, 5))
			all.Write(bytesOf(slices.Concat(judged.Logits...)))
		case 4:
			judged.Logits, err = m.Logits(randomRows(random, 5))
			all.Write(bytesOf(slices.Concat(judged.Logits...)))
		case 6:
			err = trainer.Save(&all, map[string]string{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(all.Bytes(), weights(t, m)...)
}

// TestTwoTrainersOfAModel takes steps of both in turn: neither reads rows that wait for the other.
func TestTwoTrainersOfAModel(t *testing.T) {
	train := func(lazy bool) []byte {
		m := newTestModel(t, openThreads(t, 1), 5)
		trainers := []*Trainer{newTestTrainer(t, m, Objective{}), newTestTrainer(t, m, Objective{})}
		for i := range 6 {
			trainer := trainers[i%2]
			if !lazy && i < 2 {
				trainer.eager()
			}
			rows := []Row{{IDs: []int32{int32(i), 7}, Tags: []int64{0, 1}}}
			if err := trainer.Step([][]Row{rows}, 1e-2, 1); err != nil {
				t.Fatal(err)
			}
		}
		return weights(t, m)
	}
	if !bytes.Equal(train(true), train(false)) {
		t.Error("rows that wait for one trainer were read by another")
	}
}
