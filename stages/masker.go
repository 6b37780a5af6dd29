package stages

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pii/torchmodel"
	"pii/wordpiece"
)

// Of the tokens that are chosen to be guessed, a masker hides these shares (Devlin et al. 2019, arXiv:1810.04805, 3.1); the others
// stay as they are.
const (
	shareMasked = 0.8 // become [MASK]
	shareRandom = 0.1 // become any piece of the vocabulary
)

// masker is the task of masked language modelling: tokens are chosen anew each time that a row is seen, as transformers'
// DataCollatorForLanguageModeling chooses them, and are to be guessed. The tags of a masked row are the ids that its chosen tokens
// had.
type masker struct {
	probability float64 // that a token is chosen
	special     []int32 // ids that never are
	mask        int32   // id of [MASK]
	pieces      int     // in the vocabulary
	dev         []torchmodel.Row
	batch       batchLimit // of dev
}

// newMasker masks the dev set once and for all, so that its losses can be compared.
func newMasker(cfg *Config, vocab *wordpiece.Vocabulary, dev []Example) (*masker, error) {
	m := &masker{probability: cfg.MaskProbability, mask: vocab.Mask(), pieces: vocab.Len(), batch: judgeLimit,
		special: []int32{vocab.Pad(), vocab.Unk(), vocab.Cls(), vocab.Sep(), vocab.Mask()}}
	all := make([]int, 0, len(dev))
	for i := range dev {
		if m.any(dev[i]) {
			all = append(all, i)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("the dev set has no token to judge by")
	}
	m.dev = m.rows(pick(dev, all), rand.New(rand.NewPCG(uint64(cfg.Seed), 1<<63))) // no step draws from this source
	return m, nil
}

// ordinary reports whether a token may be chosen. [UNK] may not: it stands for many words.
func (m *masker) ordinary(id int32) bool { return !slices.Contains(m.special, id) }

// any reports whether an example has a token that may be chosen.
func (m *masker) any(e Example) bool { return slices.ContainsFunc(e.InputIDs, m.ordinary) }

// rows masks rows. At least one token of them is chosen, if there is one that may be.
func (m *masker) rows(rows []torchmodel.Row, random *rand.Rand) []torchmodel.Row {
	out := make([]torchmodel.Row, len(rows))
	var places [][2]int // row and token of all that may be chosen
	chosen := 0
	for r, row := range rows {
		out[r] = torchmodel.Row{IDs: slices.Clone(row.IDs), Tags: slices.Repeat([]int64{torchmodel.IgnoreIndex}, len(row.IDs))}
		for at, id := range row.IDs {
			if !m.ordinary(id) {
				continue
			}
			places = append(places, [2]int{r, at})
			if random.Float64() < m.probability {
				m.hide(out[r], at, random)
				chosen++
			}
		}
	}
	if chosen == 0 && len(places) > 0 {
		place := places[random.IntN(len(places))]
		m.hide(out[place[0]], place[1], random)
	}
	return out
}

// hide makes a token one to be guessed.
func (m *masker) hide(row torchmodel.Row, at int, random *rand.Rand) {
	row.Tags[at] = int64(row.IDs[at])
	switch x := random.Float64(); {
	case x < shareMasked:
		row.IDs[at] = m.mask
	case x < shareMasked+shareRandom:
		row.IDs[at] = int32(random.IntN(m.pieces))
	}
}

// objective is the plain mean over the chosen tokens.
func (m *masker) objective([]Example) (torchmodel.Objective, error) {
	return torchmodel.Objective{}, nil
}

func (m *masker) of(ctx context.Context, model *torchmodel.Model) (verdict, error) {
	lengths := make([]int, len(m.dev))
	for i, row := range m.dev {
		lengths[i] = len(row.IDs)
	}
	sum, tokens := 0.0, 0
	for _, part := range m.batch.batches(lengths) {
		if err := ctx.Err(); err != nil {
			return verdict{}, err
		}
		rows := make([]torchmodel.Row, len(part))
		for i, index := range part {
			rows[i] = m.dev[index]
		}
		loss, n, err := model.Loss(rows)
		if err != nil {
			return verdict{}, err
		}
		sum, tokens = sum+loss, tokens+n
	}
	return verdict{Loss: sum / float64(tokens)}, nil
}

func (m *masker) value(v verdict) float64  { return v.Loss }
func (m *masker) better(a, b float64) bool { return a < b }
func (m *masker) figure(v verdict) string {
	return fmt.Sprintf("dev perplexity %.2f", perplexity(v.Loss))
}

// perplexity is that of a mean cross-entropy in nats, over the masked tokens alone.
func perplexity(loss float64) float64 { return math.Exp(loss) }
