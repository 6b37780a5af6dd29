package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"pii/torchmodel"
)

// training is a training that PyTorch did, step by step.
type training struct {
	Optimizer struct {
		LR          float64    `json:"lr"`
		Betas       [2]float64 `json:"betas"`
		Eps         float64    `json:"eps"`
		WeightDecay float64    `json:"weight_decay"`
		MaxGradNorm float64    `json:"max_grad_norm"`
		Warmup      int        `json:"warmup_steps"`
		Total       int        `json:"total_steps"`
	} `json:"optimizer"`
	Steps []struct {
		Micro    []batch `json:"micro_batches"`
		Loss     float64 `json:"loss"`
		GradNorm float64 `json:"grad_norm"`
		LR       float64 `json:"lr"`
	} `json:"steps"`
	After batch `json:"after"`
}

func checkTraining(dir string) []row {
	rows := []row{
		{what: "training: learning rate, relative", tolerance: 1e-6}, {what: "training: loss of each step, relative", tolerance: 1e-3},
		{what: "training: gradient norm, relative", tolerance: 1e-3}, {what: "training: logits after the last step", tolerance: 2e-3},
	}
	want, err := readJSON[training](filepath.Join(dir, "training.json"))
	if err == nil {
		err = train(rows, want, filepath.Join(dir, modelName))
	}
	for i := range rows {
		rows[i].err = err
	}
	return rows
}

func train(rows []row, want training, folder string) error {
	session, err := torchmodel.Open("cpu", 1)
	if err != nil {
		return err
	}
	defer session.Close()
	return withModel(session, folder, func(m *torchmodel.Model) error {
		m.Config.Dropout, m.Config.AttentionDropout = 0, 0
		o := want.Optimizer
		trainer, err := m.NewTrainer(torchmodel.Optimizer{Beta1: o.Betas[0], Beta2: o.Betas[1], Eps: o.Eps, WeightDecay: o.WeightDecay,
			MaxGradNorm: o.MaxGradNorm}, torchmodel.Objective{})
		if err != nil {
			return err
		}
		return errors.Join(want.take(rows, m, trainer), trainer.Close())
	})
}

// take takes the steps, with the learning rates of our schedule.
func (want training) take(rows []row, m *torchmodel.Model, trainer *torchmodel.Trainer) error {
	o := want.Optimizer
	schedule, err := torchmodel.NewSchedule("linear", o.LR, o.Warmup, o.Total)
	if err != nil {
		return err
	}
	for i, step := range want.Steps {
		var micro [][]torchmodel.Row
		for _, b := range step.Micro {
			micro = append(micro, b.rows())
		}
		lr := schedule.At(i)
		if err := trainer.Step(micro, lr, 1); err != nil {
			return err
		}
		results, err := trainer.Results()
		if err != nil {
			return err
		}
		got := results[0]
		where := fmt.Sprintf("training.json, step %d", i+1)
		rows[0].see(relative(lr, step.LR), where)
		rows[1].see(relative(got.Loss, step.Loss), where)
		rows[2].see(relative(got.GradNorm, step.GradNorm), where)
	}
	logits, err := m.Logits(want.After.rows())
	if err == nil {
		want.After.compare(&rows[3], logits, "training.json, after")
	}
	return err
}

// relative is |got − want| / |want|, and 0 for two zeros.
func relative(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Abs(want)
}
