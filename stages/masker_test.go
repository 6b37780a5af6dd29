package stages

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pii/torchmodel"
)

const pieces = 50

func testMasker(probability float64) *masker {
	return &masker{probability: probability, special: []int32{0, 1, 2, 3, 4}, mask: 4, pieces: pieces, batch: batchLimit{tokens: 1 << 20, rows: 2}}
}

// TestMaskedRows holds what every masking keeps to: special tokens stay, the tags are the ids that chosen tokens had, what is not
// chosen stays, the originals do too, and the same source gives the same masking.
func TestMaskedRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.SliceOfN(rapid.Int32Range(0, pieces-1), 1, 12), 1, 6).Draw(t, "ids")
		m := testMasker(rapid.Float64Range(0.01, 0.99).Draw(t, "probability"))
		seed := rapid.Uint64().Draw(t, "seed")
		rows := make([]torchmodel.Row, len(ids))
		ordinary := 0
		for i := range ids {
			rows[i].IDs = slices.Clone(ids[i])
			for _, id := range ids[i] {
				if id > 4 {
					ordinary++
				}
			}
		}
		masked := m.rows(rows, rand.New(rand.NewPCG(seed, 1)))
		if !reflect.DeepEqual(masked, m.rows(rows, rand.New(rand.NewPCG(seed, 1)))) {
			t.Fatal("the same source masks otherwise")
		}
		chosen := 0
		for r, row := range masked {
			if !slices.Equal(rows[r].IDs, ids[r]) || rows[r].Tags != nil {
				t.Fatal("the originals changed")
			}
			if len(row.IDs) != len(ids[r]) || len(row.Tags) != len(ids[r]) {
				t.Fatalf("%d ids and %d tags of %d tokens", len(row.IDs), len(row.Tags), len(ids[r]))
			}
			for at, id := range ids[r] {
				switch {
				case row.Tags[at] != torchmodel.IgnoreIndex:
					if chosen++; id <= 4 || row.Tags[at] != int64(id) || row.IDs[at] < 0 || row.IDs[at] >= pieces {
						t.Fatalf("token %d became %d, with tag %d", id, row.IDs[at], row.Tags[at])
					}
				case row.IDs[at] != id:
					t.Fatalf("token %d became %d and is not guessed", id, row.IDs[at])
				}
			}
		}
		if (chosen > 0) != (ordinary > 0) {
			t.Fatalf("%d of %d tokens are chosen", chosen, ordinary)
		}
	})
}

// TestSharesOfMasking counts over many tokens, each of which is one id, so that a random piece shows.
func TestSharesOfMasking(t *testing.T) {
	m := testMasker(0.15)
	const n = 200_000
	row := torchmodel.Row{IDs: slices.Repeat([]int32{7}, n)}
	masked := m.rows([]torchmodel.Row{row}, rand.New(rand.NewPCG(1, 1)))[0]
	counts := map[string]float64{}
	for at, id := range masked.IDs {
		switch {
		case masked.Tags[at] == torchmodel.IgnoreIndex:
		case id == m.mask:
			counts["masked"]++
		case id == 7:
			counts["kept"]++
		default:
			counts["random"]++
		}
	}
	chosen := counts["masked"] + counts["kept"] + counts["random"]
	const again = 1.0 / pieces // a random piece may be [MASK], or the token itself
	for name, c := range map[string]struct{ got, of, want float64 }{
		"chosen": {chosen, n, 0.15}, "masked": {counts["masked"], chosen, 0.8 + 0.1*again},
		"kept": {counts["kept"], chosen, 0.1 + 0.1*again}, "random": {counts["random"], chosen, 0.1 * (1 - 2*again)},
	} {
		share := c.got / c.of
		if deviation := math.Sqrt(c.want * (1 - c.want) / c.of); math.Abs(share-c.want) > 4*deviation {
			t.Errorf("%s: %.4f, want %.4f", name, share, c.want)
		}
	}
}

// pretrainSchool is a small pretraining: examples in which each token follows from the one before it.
type pretrainSchool struct{ *school }

func newPretrainSchool(t *testing.T, options map[string]string) *pretrainSchool {
	t.Helper()
	s := &pretrainSchool{newSchool(t, options)}
	for _, list := range [][]Example{s.train, s.dev} {
		for _, e := range list {
			for at := 2; at < len(e.InputIDs)-1; at++ {
				e.InputIDs[at] = 5 + (e.InputIDs[at-1]-4)%int32(s.vocab.Len()-5)
			}
		}
	}
	return s
}

func (s *pretrainSchool) run(ctx context.Context, t *testing.T, dir string) (result, error) {
	t.Helper()
	session, err := s.env.session("cpu", 1)
	if err != nil {
		t.Fatal(err)
	}
	model, err := session.New(torchmodel.Config{VocabSize: s.vocab.Len(), MaxPositions: 16, Dim: 16, HiddenDim: 32, Layers: 2, Heads: 2,
		Activation: "gelu", Dropout: 0.1, AttentionDropout: 0.1, InitializerRange: 0.1, MaskedLM: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	task, err := newMasker(s.cfg, s.vocab, s.dev)
	if err != nil {
		t.Fatal(err)
	}
	train, err := task.learnable(s.train, s.env.Log)
	if err != nil {
		t.Fatal(err)
	}
	best, history, err := trainModel(ctx, s.cfg, s.env.Log, model, train, task, dir)
	return resultOf(t, best, history, err)
}

// TestPretrainingResumesAnywhere interrupts a pretraining wherever it can be, and lets it go on, to the same bytes.
func TestPretrainingResumesAnywhere(t *testing.T) {
	s := newPretrainSchool(t, map[string]string{"gradient_accumulation_steps": "2", "freeze_layers": "1", "early_stopping_patience": "3"})
	counter := &countdown{context.Background(), 1 << 30}
	want, err := s.run(counter, t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	moments := 1<<30 - counter.left
	for at := range moments {
		dir := t.TempDir()
		if _, err := s.run(&countdown{context.Background(), at}, t, dir); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at %d: %v", at, err)
		}
		got, err := s.run(context.Background(), t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.history, want.history) || !bytes.Equal(got.weights, want.weights) {
			t.Errorf("interrupted at %d of %d: another result", at, moments)
		}
	}
}

func TestPretrainingLearns(t *testing.T) {
	s := newPretrainSchool(t, map[string]string{"epochs": "30", "mask_probability": "0.3"})
	got, err := s.run(context.Background(), t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first, last := got.history[0], got.history[len(got.history)-1]
	if !(last.TrainLoss < first.TrainLoss-0.5) { // fifteen examples say nothing of dev
		t.Errorf("train loss from %.3f to %.3f", first.TrainLoss, last.TrainLoss)
	}
	if first.DevF1 != nil || first.DevPIIF1 != nil {
		t.Error("a masked language model has an F1")
	}
}

func TestNothingToGuessIsSaid(t *testing.T) {
	s := newPretrainSchool(t, nil)
	empty := []Example{{InputIDs: []int32{2, 3}}, {InputIDs: []int32{2, 1, 3}}} // [CLS] [SEP], and one with [UNK]
	if _, err := newMasker(s.cfg, s.vocab, empty); err == nil || !strings.Contains(err.Error(), "dev set has no token") {
		t.Error(err)
	}
	m, err := newMasker(s.cfg, s.vocab, s.dev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.learnable(empty, log.New(io.Discard, "", 0)); err == nil || !strings.Contains(err.Error(), "no token to learn from") {
		t.Error(err)
	}
	var said bytes.Buffer
	kept, err := m.learnable(append(empty, s.train...), log.New(&said, "", 0))
	if err != nil || len(kept) != len(s.train) || !strings.Contains(said.String(), "2 windows") {
		t.Errorf("%d kept, %v, %s", len(kept), err, said.String())
	}
}
