package torchmodel

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func newTestTrainer(t testing.TB, m *Model, objective Objective) *Trainer {
	t.Helper()
	trainer, err := m.NewTrainer(testOptimizer, objective)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := trainer.Close(); err != nil {
			t.Error(err)
		}
	})
	return trainer
}

// TestShards: every row is in one shard, shards are alike in size, and shorter rows come first.
func TestShards(t *testing.T) {
	for n := 1; n < 70; n++ {
		rows := randomRows(rand.New(rand.NewPCG(1, uint64(n))), n)
		before := slices.Clone(rows)
		total, last := 0, 0
		for _, shard := range shardsOf(rows) {
			if len(shard) > shardRows || len(shard) < min(n, shardRows)/2 {
				t.Errorf("a shard of %d rows of %d", len(shard), n)
			}
			for _, row := range shard {
				if len(row.IDs) < last {
					t.Error("a longer row goes before a shorter one")
				}
				last = len(row.IDs)
			}
			total += len(shard)
		}
		if total != n {
			t.Errorf("%d rows of %d are in shards", total, n)
		}
		for i := range rows {
			if &rows[i].IDs[0] != &before[i].IDs[0] {
				t.Fatal("the caller's rows were moved")
			}
		}
	}
}

// TestThreadsDoNotChangeTraining trains with dropout, accumulation and rounds that are not full.
func TestThreadsDoNotChangeTraining(t *testing.T) {
	train := func(threads int) (all []byte, results []StepResult) {
		m := newTestModel(t, openThreads(t, threads), 5)
		if err := m.Freeze(false, 1); err != nil {
			t.Fatal(err)
		}
		trainer := newTestTrainer(t, m, Objective{LabelSmoothing: 0.1, ClassWeights: []float64{0.1, 2, 3}})
		for step := range 6 {
			random := rand.New(rand.NewPCG(7, uint64(step)))
			micro := [][]Row{randomRows(random, 21), randomRows(random, 20)}
			results = append(results, takeStep(t, trainer, micro, 1e-2, int64(step)<<16))
		}
		return weights(t, m), results
	}
	want, results := train(1)
	for _, threads := range []int{2, 3, 4} {
		if got, r := train(threads); !bytes.Equal(got, want) || !slices.Equal(r, results) {
			t.Errorf("%d threads train to other weights than one", threads)
		}
	}
}

// TestThreadsDoNotChangeMaskedLM: word embeddings get gradients from both ends, and the shortest rows' shard has no labels.
func TestThreadsDoNotChangeMaskedLM(t *testing.T) {
	train := func(threads int) []byte {
		m := newMaskedModel(t, openThreads(t, threads), 5)
		trainer := newTestTrainer(t, m, Objective{})
		for step := range 4 {
			rows := slices.Repeat([]Row{{IDs: []int32{1}, Tags: []int64{IgnoreIndex}}}, shardRows)
			rows = append(rows, maskedRows(rand.New(rand.NewPCG(7, uint64(step))), 2*shardRows)...)
			if err := trainer.Step([][]Row{rows}, 1e-2, int64(step)<<16); err != nil {
				t.Fatal(err)
			}
		}
		return weights(t, m)
	}
	if want := train(1); !bytes.Equal(train(2), want) || !bytes.Equal(train(3), want) {
		t.Error("more threads train to other weights than one")
	}
}

// gradients are those that a step without update leaves, by the parameters' names.
func gradients(t *testing.T, m *Model) map[string][]float32 {
	t.Helper()
	all := map[string][]float32{}
	err := m.session.noGrad(func() error {
		s := new(scope)
		defer s.drop()
		for _, p := range m.parameters {
			if grad := p.tensor.MustGrad(false); grad.MustDefined() {
				all[p.Name] = s.floats(s.keep(grad, nil))
			}
		}
		return s.err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestShardsHaveTheWholesGradients compares with one backward pass over all rows.
func TestShardsHaveTheWholesGradients(t *testing.T) {
	m := newTestModel(t, openThreads(t, 2), 5)
	m.Config.Dropout, m.Config.AttentionDropout = 0, 0
	trainer := newTestTrainer(t, m, Objective{}).eager()
	rows := randomRows(rand.New(rand.NewPCG(2, 2)), 37)
	weight := trainer.objective.weightOf(rows)
	collect := func(compute func() (float64, error)) (float64, map[string][]float32) {
		var sum float64
		err := m.session.do(func() (err error) {
			if err := trainer.crew.clear(); err != nil {
				return err
			}
			sum, err = compute()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return sum, gradients(t, m)
	}
	wantSum, want := collect(func() (float64, error) { return trainer.backwardOfShard(m, 0, rows, weight, nil) })
	gotSum, got := collect(func() (float64, error) { return trainer.accumulate(rows, weight, 1) })
	if math.Abs(gotSum-wantSum) > 1e-5*wantSum || len(got) != len(want) || len(want) != len(m.parameters) {
		t.Errorf("loss %v of %d parameters, want %v of %d", gotSum, len(got), wantSum, len(want))
	}
	for name, values := range want {
		for i := range values {
			if d := math.Abs(float64(values[i] - got[name][i])); !(d <= 1e-6) {
				t.Fatalf("%s: gradient %d is %v, want %v", name, i, got[name][i], values[i])
			}
		}
	}
}

// TestFailedShardsLeaveNothing lets one shard of a step fail, on each thread in turn.
func TestFailedShardsLeaveNothing(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(4, 4)), 32)
	want := func() []byte {
		m := newTestModel(t, openThreads(t, 2), 5)
		if err := newTestTrainer(t, m, Objective{}).Step([][]Row{rows}, 1e-2, 1); err != nil {
			t.Fatal(err)
		}
		return weights(t, m)
	}()
	m := newTestModel(t, openThreads(t, 2), 5)
	trainer := newTestTrainer(t, m, Objective{})
	for fails := range 4 {
		err := m.session.do(func() error {
			_, err := trainer.crew.accumulate(4, func(m *Model, i int) (float64, error) {
				if i == fails {
					return 0, errors.New("no luck")
				}
				return trainer.backwardOfShard(m, i, shardsOf(rows)[i], 1, newMasks(1, i))
			})
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "no luck") {
			t.Errorf("shard %d: %v", fails, err)
		}
	}
	wrong := append(slices.Clone(rows), Row{IDs: []int32{50}, Tags: []int64{0}})
	if err := trainer.Step([][]Row{wrong}, 1e-2, 1); err == nil || !strings.Contains(err.Error(), "token id 50") {
		t.Errorf("a wrong row: %v", err)
	}
	if err := trainer.Step([][]Row{rows}, 1e-2, 1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(weights(t, m), want) {
		t.Error("a failed step has changed the next one")
	}
}
