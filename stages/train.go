package stages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"pii/pipeline"
	"pii/torchmodel"
)

// training is one run of the training loop: fixed inputs above, what a checkpoint keeps below.
type training struct {
	cfg     *Config
	log     *log.Logger
	trainer *torchmodel.Trainer
	model   *torchmodel.Model
	train   []Example
	dev     []Example
	lengths []int
	augment *augmenter
	rate    torchmodel.Schedule
	perEp   int    // steps of an epoch
	dir     string // of checkpoints
	saved   time.Time

	Epoch   int           `json:"epoch"`    // epochs done
	LossSum float64       `json:"loss_sum"` // over the steps of the epoch under way
	Best    float64       `json:"best"`     // lowest dev loss so far, that of epoch BestOf
	BestOf  int           `json:"best_of"`
	History []epochResult `json:"history"`
}

// epochResult is a line of metrics.jsonl.
type epochResult struct {
	Epoch     int     `json:"epoch"`
	Step      int     `json:"step"`
	TrainLoss float64 `json:"train_loss"` // mean cross-entropy of the epoch's steps, with dropout
	DevLoss   float64 `json:"dev_loss"`   // mean cross-entropy per token
	LR        float64 `json:"lr"`         // of the epoch's last step
	GradNorm  float64 `json:"grad_norm"`  // of the epoch's last step, before clipping
	Best      bool    `json:"best"`
}

const stateName = "state.safetensors"

// trainModel trains model and leaves the folder of its best epoch at the returned path below checkpoints. Called again
// with the same inputs after an interruption, it goes on where the last checkpoint was, to the same weights.
func trainModel(ctx context.Context, cfg *Config, logger *log.Logger, model *torchmodel.Model, train, dev []Example, augment *augmenter,
	checkpoints string) (best string, history []epochResult, err error) {
	trainer, err := model.NewTrainer(torchmodel.Optimizer{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8,
		WeightDecay: cfg.WeightDecay, MaxGradNorm: cfg.MaxGradNorm}, torchmodel.Objective{LabelSmoothing: cfg.LabelSmoothing})
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, trainer.Close()) }()
	t := &training{cfg: cfg, log: logger, trainer: trainer, model: model, train: train, dev: dev, dir: checkpoints, augment: augment,
		lengths: lengthsOf(train), saved: time.Now()}
	t.perEp = (len(train) + cfg.BatchSize - 1) / cfg.BatchSize
	total := t.perEp * cfg.Epochs
	if t.rate, err = torchmodel.NewSchedule("linear", cfg.LR, int(math.Ceil(cfg.WarmupRatio*float64(total))), total); err != nil {
		return "", nil, err
	}
	if err := t.resume(); err != nil {
		return "", nil, err
	}
	progress := pipeline.NewProgress(logger, "training", int64(t.perEp*cfg.Epochs))
	defer progress.Close()
	progress.Add(trainer.Steps())
	for t.Epoch < cfg.Epochs {
		if err := t.epoch(ctx, progress); err != nil {
			return "", nil, err
		}
	}
	return t.bestDir(t.BestOf), t.History, nil
}

func lengthsOf(examples []Example) []int {
	lengths := make([]int, len(examples))
	for i, e := range examples {
		lengths[i] = len(e.InputIDs)
	}
	return lengths
}

// epoch takes the epoch's remaining steps, judges the result on dev and keeps it if it is the best.
func (t *training) epoch(ctx context.Context, progress *pipeline.Progress) error {
	batches := epochOrder(t.lengths, t.cfg.BatchSize, t.cfg.Seed, t.Epoch)
	var last torchmodel.StepResult
	for at := t.trainer.Steps() - t.Epoch*t.perEp; at < len(batches); at++ {
		if err := t.pause(ctx); err != nil {
			return err
		}
		step := t.trainer.Steps()
		rows := t.augment.rows(pick(t.train, batches[at]), rand.New(rand.NewPCG(uint64(t.cfg.Seed), uint64(step)<<1|1)))
		result, err := t.trainer.Step([][]torchmodel.Row{rows}, t.rate.At(step), t.stepSeed(step))
		if err != nil {
			return err
		}
		if !finite(result.Loss) || !finite(result.GradNorm) {
			return fmt.Errorf("step %d: loss %v, gradient norm %v: the training has diverged; a lower lr helps", step+1, result.Loss,
				result.GradNorm)
		}
		t.LossSum += result.Loss
		last = result
		progress.Add(1)
	}
	devLoss, err := meanLoss(ctx, t.model, t.dev, t.cfg.PredictBatchSize)
	if err != nil {
		return err
	}
	if !finite(devLoss) {
		return fmt.Errorf("epoch %d: dev loss %v: the training has diverged; a lower lr helps", t.Epoch+1, devLoss)
	}
	return t.endEpoch(epochResult{Epoch: t.Epoch + 1, Step: t.trainer.Steps(), TrainLoss: t.LossSum / float64(len(batches)),
		DevLoss: devLoss, LR: t.rate.At(t.trainer.Steps() - 1), GradNorm: last.GradNorm})
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// stepSeed gives the micro-batches of each step dropout masks of their own.
func (t *training) stepSeed(step int) int64 { return t.cfg.Seed + int64(step)<<16 }

func (t *training) endEpoch(r epochResult) error {
	r.Best = len(t.History) == 0 || r.DevLoss < t.Best
	t.log.Printf("epoch %d of %d: train loss %.4f, dev loss %.4f%s", r.Epoch, t.cfg.Epochs, r.TrainLoss, r.DevLoss,
		map[bool]string{true: ", the best so far"}[r.Best])
	before := t.BestOf
	if r.Best {
		t.Best, t.BestOf = r.DevLoss, r.Epoch
		if err := t.saveBest(); err != nil {
			return err
		}
	}
	t.Epoch, t.LossSum, t.History = t.Epoch+1, 0, append(t.History, r)
	if err := t.save(); err != nil || !r.Best {
		return err
	}
	return os.RemoveAll(t.bestDir(before))
}

// bestDir is where the model of an epoch lies while it is the best.
func (t *training) bestDir(epoch int) string {
	return filepath.Join(t.dir, fmt.Sprintf("best-%d", epoch))
}

// pause saves a checkpoint when it is time, or when ctx is cancelled, whose error it returns.
func (t *training) pause(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		t.log.Printf("interrupted at step %d; saving a checkpoint to go on from", t.trainer.Steps())
		return errors.Join(err, t.save())
	}
	if time.Since(t.saved) < t.cfg.CheckpointEvery {
		return nil
	}
	return t.save()
}

func (t *training) save() error {
	content, err := json.Marshal(t)
	if err != nil {
		return err
	}
	err = pipeline.CreateFile(filepath.Join(t.dir, stateName), func(f *os.File) error {
		return t.trainer.Save(f, map[string]string{"training": string(content)})
	})
	t.saved = time.Now()
	return err
}

// saveBest keeps the model beside the one that was the best before: until the state names the new one, going on starts
// from a state that names the old one. What is here already was left by a kill and may be half a model.
func (t *training) saveBest() error {
	best := t.bestDir(t.BestOf)
	if err := os.RemoveAll(best); err != nil {
		return err
	}
	if err := os.Mkdir(best, 0o777); err != nil {
		return err
	}
	if err := t.model.Save(best); err != nil {
		return err
	}
	return syncFolder(best) // before the state that names it
}

func (t *training) resume() error {
	path := filepath.Join(t.dir, stateName)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	values, err := t.trainer.Restore(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(values["training"]), t); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t.log.Printf("going on from step %s of %d", strconv.Itoa(t.trainer.Steps()), t.perEp*t.cfg.Epochs)
	return nil
}

// meanLoss is the mean cross-entropy per labelled token.
func meanLoss(ctx context.Context, model *torchmodel.Model, examples []Example, batchSize int) (float64, error) {
	order := byLength(lengthsOf(examples))
	total, tokens := 0.0, 0
	for at := 0; at < len(order); at += batchSize {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		judged, err := model.Judge(pick(examples, order[at:min(at+batchSize, len(order))]))
		if err != nil {
			return 0, err
		}
		total, tokens = total+judged.LossSum, tokens+judged.Tokens
	}
	if tokens == 0 {
		return 0, errors.New("the dev set has no token to judge by")
	}
	return total / float64(tokens), nil
}

func pick(examples []Example, indices []int) []torchmodel.Row {
	rows := make([]torchmodel.Row, len(indices))
	for i, index := range indices {
		rows[i] = torchmodel.Row{IDs: examples[index].InputIDs, Tags: examples[index].Labels}
	}
	return rows
}
