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
	lengths []int
	task    task
	rate    torchmodel.Schedule
	plan    plan
	dir     string // of checkpoints
	saved   time.Time

	Epoch   int           `json:"epoch"`    // epochs done
	LossSum float64       `json:"loss_sum"` // over the steps of the epoch under way
	Norm    float64       `json:"norm"`     // of the last step's gradient, before clipping
	Best    float64       `json:"best"`     // best value of the task's metric so far, that of epoch BestOf
	BestOf  int           `json:"best_of"`
	Waiting int           `json:"waiting"` // epochs since the metric was better by early_stopping_threshold
	History []epochResult `json:"history"`
}

// epochResult is a line of metrics.jsonl.
type epochResult struct {
	Epoch     int      `json:"epoch"`
	Step      int      `json:"step"`
	TrainLoss float64  `json:"train_loss"` // mean of the losses of the epoch's steps: smoothed, weighted, and with dropout
	DevLoss   float64  `json:"dev_loss"`   // mean cross-entropy per token
	DevF1     *float64 `json:"dev_f1"`     // of spans, micro-averaged; null where there is none. See judge
	DevPIIF1  *float64 `json:"dev_pii_f1"` // of spans of personal data
	LR        float64  `json:"lr"`         // of the epoch's last step
	GradNorm  float64  `json:"grad_norm"`  // of the epoch's last step that was taken, before clipping
	Best      bool     `json:"best"`
}

const stateName = "state.safetensors"

// plan is how long a training is, counted as transformers' Trainer does.
type plan struct {
	epochs int
	perEp  int // steps of an epoch; the last step may be of fewer batches, and the last epoch of fewer steps
	total  int
	warmup int
}

func (c *Config) plan(examples int) plan {
	p := plan{epochs: c.Epochs, perEp: ceilDiv(ceilDiv(examples, c.BatchSize), c.Accumulation)}
	p.total = p.perEp * p.epochs
	if c.MaxSteps > 0 {
		p.total, p.epochs = c.MaxSteps, ceilDiv(c.MaxSteps, max(1, p.perEp))
	}
	p.warmup = c.WarmupSteps
	if p.warmup == 0 {
		p.warmup = int(math.Ceil(c.WarmupRatio * float64(p.total)))
	}
	return p
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// task is what a model is trained for.
type task interface {
	objective(train []Example) (torchmodel.Objective, error)
	// rows are rows as one step is to see them. The originals stay as they are; all that is drawn comes from random.
	rows(rows []torchmodel.Row, random *rand.Rand) []torchmodel.Row
	// of judges a model on the dev set. Between batches it looks whether ctx is cancelled.
	of(ctx context.Context, model *torchmodel.Model) (verdict, error)
	value(v verdict) float64 // what the best epoch is chosen by
	better(a, b float64) bool
	figure(v verdict) string // what the log says of a verdict beside its loss
}

// trainModel trains model for a task and leaves the folder of its best epoch at the returned path below checkpoints. Called again
// with the same inputs after an interruption, it goes on where the last checkpoint was, to the same weights.
func trainModel(ctx context.Context, cfg *Config, logger *log.Logger, model *torchmodel.Model, train []Example, task task,
	checkpoints string) (best string, history []epochResult, err error) {
	objective, err := task.objective(train)
	if err != nil {
		return "", nil, err
	}
	trainer, err := newTrainer(cfg, logger, model, objective)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, trainer.Close()) }()
	t := &training{cfg: cfg, log: logger, trainer: trainer, model: model, train: train, dir: checkpoints, task: task,
		lengths: lengthsOf(train), plan: cfg.plan(len(train)), saved: time.Now()}
	if t.rate, err = torchmodel.NewSchedule(cfg.Schedule, cfg.LR, t.plan.warmup, t.plan.total); err != nil {
		return "", nil, err
	}
	if cfg.Schedule != "constant" && t.plan.warmup >= t.plan.total {
		logger.Printf("the warm-up of %d steps is as long as the training or longer, which has %d: the learning rate never gets to lr",
			t.plan.warmup, t.plan.total)
	}
	if err := t.resume(); err != nil {
		return "", nil, err
	}
	progress := pipeline.NewProgress(logger, "training", int64(t.plan.total))
	defer progress.Close()
	progress.Add(trainer.Steps())
	for t.Epoch < t.plan.epochs && !t.stopped() {
		if err := t.epoch(ctx, progress); err != nil {
			return "", nil, err
		}
	}
	if t.stopped() && t.Epoch < t.plan.epochs {
		logger.Printf("stopped early, after epoch %d: %s has come to its patience of %d; the best is of epoch %d", t.Epoch, cfg.BestBy,
			cfg.Patience, t.BestOf)
	}
	return t.bestDir(t.BestOf), t.History, nil
}

// newTrainer freezes what is to stay as it is and makes the trainer of the rest.
func newTrainer(cfg *Config, logger *log.Logger, model *torchmodel.Model, objective torchmodel.Objective) (*torchmodel.Trainer, error) {
	if cfg.FreezeLayers > model.Config.Layers {
		return nil, cfg.fault("freeze_layers", fmt.Sprintf("is %d, but the model has %d layers", cfg.FreezeLayers, model.Config.Layers))
	}
	if err := model.Freeze(cfg.FreezeEmbeddings, cfg.FreezeLayers); err != nil {
		return nil, err
	}
	if !cfg.fromCheckpoint() && (cfg.FreezeEmbeddings || cfg.FreezeLayers > 0) {
		logger.Printf("what is frozen of a new model stays random")
	}
	return model.NewTrainer(torchmodel.Optimizer{Beta1: cfg.AdamBeta1, Beta2: cfg.AdamBeta2, Eps: cfg.AdamEpsilon,
		WeightDecay: cfg.WeightDecay, MaxGradNorm: cfg.MaxGradNorm, Precision: cfg.TrainPrecision}, objective)
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
	steps := epochSteps(t.lengths, t.cfg.BatchSize, t.cfg.Accumulation, t.cfg.Seed, t.Epoch)
	steps = steps[:min(len(steps), t.plan.total-t.Epoch*t.plan.perEp)]
	for at := t.trainer.Steps() - t.Epoch*t.plan.perEp; at < len(steps); at++ {
		if err := t.pause(ctx); err != nil {
			return err
		}
		if err := t.step(steps[at]); err != nil {
			return err
		}
		progress.Add(1)
	}
	if err := t.note(); err != nil {
		return err
	}
	dev, err := t.task.of(ctx, t.model)
	if ctx.Err() != nil {
		return t.interrupted(ctx)
	}
	if err != nil {
		return err
	}
	if !finite(dev.Loss) {
		return fmt.Errorf("epoch %d: dev loss %v: the training has diverged; a lower lr helps", t.Epoch+1, dev.Loss)
	}
	return t.endEpoch(dev, epochResult{Epoch: t.Epoch + 1, Step: t.trainer.Steps(), TrainLoss: t.LossSum / float64(len(steps)),
		DevLoss: dev.Loss, DevF1: dev.F1, DevPIIF1: dev.PIIF1, LR: t.rate.At(t.trainer.Steps() - 1), GradNorm: t.Norm})
}

// step takes one step over batches of indices, and notes how it went when that is due. What it draws is a function of the seed, the step and the batch's place in it.
func (t *training) step(batches [][]int) error {
	step := t.trainer.Steps()
	random := rand.New(rand.NewPCG(uint64(t.cfg.Seed), uint64(step)<<1|1))
	micro := make([][]torchmodel.Row, len(batches))
	for i, batch := range batches {
		micro[i] = t.task.rows(pick(t.train, batch), random)
	}
	err := t.trainer.Step(micro, t.rate.At(step), t.stepSeed(step))
	if err == nil && t.trainer.Due() {
		err = t.note()
	}
	return err
}

// note takes down how the steps went that have been taken since the last call, of which a GPU may have many. An error is of the first
// that diverged: nothing is saved after it.
func (t *training) note() error {
	results, err := t.trainer.Results()
	if err != nil {
		return err
	}
	return t.count(results, t.trainer.Steps())
}

// count adds the results of the steps up to the last one.
func (t *training) count(results []torchmodel.StepResult, last int) error {
	for i, result := range results {
		if result.LeftOut { // the training goes on with a smaller scale of the loss
			t.LossSum += result.Loss
			continue
		}
		if !finite(result.Loss) || !finite(result.GradNorm) {
			step := last - len(results) + i + 1
			return fmt.Errorf("step %d: loss %v, gradient norm %v: the training has diverged; a lower lr helps", step, result.Loss,
				result.GradNorm)
		}
		t.LossSum, t.Norm = t.LossSum+result.Loss, result.GradNorm
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// stepSeed gives the micro-batches of each step dropout masks of their own.
func (t *training) stepSeed(step int) int64 { return t.cfg.Seed + int64(step)<<16 }

func (t *training) endEpoch(dev verdict, r epochResult) error {
	before := t.BestOf
	r.Best = t.weigh(t.task.value(dev), r.Epoch)
	t.log.Printf("epoch %d of %d: train loss %.4f, dev loss %.4f, %s%s", r.Epoch, t.plan.epochs, r.TrainLoss, r.DevLoss,
		t.task.figure(dev), map[bool]string{true: ", the best so far"}[r.Best])
	if r.Best {
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

// weigh compares the metric of an epoch with the best one so far, and reports whether it is better.
func (t *training) weigh(value float64, epoch int) bool {
	first := t.BestOf == 0
	best := first || t.task.better(value, t.Best)
	t.Waiting++
	if first || best && math.Abs(value-t.Best) > t.cfg.PatienceThreshold {
		t.Waiting = 0
	}
	if best {
		t.Best, t.BestOf = value, epoch
	}
	return best
}

// stopped reports whether early stopping ends the training. It follows transformers' EarlyStoppingCallback: what is better, but
// not by more than the threshold, is the best and does not end the waiting.
func (t *training) stopped() bool { return t.cfg.Patience > 0 && t.Waiting >= t.cfg.Patience }

// bestDir is where the model of an epoch lies while it is the best.
func (t *training) bestDir(epoch int) string {
	return filepath.Join(t.dir, fmt.Sprintf("best-%d", epoch))
}

// pause saves a checkpoint when it is time, or when ctx is cancelled, whose error it returns.
func (t *training) pause(ctx context.Context) error {
	if ctx.Err() != nil {
		return t.interrupted(ctx)
	}
	if time.Since(t.saved) < t.cfg.CheckpointEvery {
		return nil
	}
	return t.save()
}

// interrupted saves a checkpoint, and returns the error of ctx, which is cancelled.
func (t *training) interrupted(ctx context.Context) error {
	t.log.Printf("interrupted at step %d; saving a checkpoint to go on from", t.trainer.Steps())
	return errors.Join(ctx.Err(), t.save())
}

func (t *training) save() error {
	if err := t.note(); err != nil {
		return err
	}
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
	t.log.Printf("going on from step %s of %d", strconv.Itoa(t.trainer.Steps()), t.plan.total)
	return nil
}

func pick(examples []Example, indices []int) []torchmodel.Row {
	rows := make([]torchmodel.Row, len(indices))
	for i, index := range indices {
		rows[i] = torchmodel.Row{IDs: examples[index].InputIDs, Tags: examples[index].Labels}
	}
	return rows
}
