package stages

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"pii/labels"
)

// TestJudgeFindsSpansAsTaggersDo gives each token high scores for the tag wanted.
func TestJudgeFindsSpansAsTaggersDo(t *testing.T) {
	s := newSchool(t, nil)
	piece := func(name string) int32 {
		id, ok := s.vocab.ID(name)
		if !ok {
			t.Fatalf("the vocabulary lacks %s", name)
		}
		return id
	}
	j, err := newJudge(s.cfg, s.set, s.vocab, false, s.dev)
	if err != nil {
		t.Fatal(err)
	}
	a, goesOn := piece("a"), piece("##b")
	for _, c := range []struct {
		name            string
		ids             []int32
		gold, best      []int64 // best is the tag with the highest score
		wantGold, wants []labels.Span
	}{
		{"as labelled", []int32{2, a, a, a, 3}, []int64{-100, 1, 2, 0, -100}, []int64{0, 1, 2, 0, 0},
			[]labels.Span{{Start: 0, End: 2, Label: "X"}}, []labels.Span{{Start: 0, End: 2, Label: "X"}}},
		{"nothing ends inside a word", []int32{2, a, goesOn, a, 3}, []int64{-100, 3, 4, 0, -100}, []int64{0, 3, 0, 0, 0},
			[]labels.Span{{Start: 0, End: 2, Label: "Y"}}, nil},
		{"without labels on the other pieces", []int32{2, goesOn, a, goesOn, a, 3}, []int64{-100, -100, 1, -100, 0, -100},
			[]int64{3, 3, 1, 3, 0, 3}, []labels.Span{{Start: 0, End: 1, Label: "X"}}, []labels.Span{{Start: 0, End: 1, Label: "X"}}},
	} {
		logits := make([]float32, len(c.ids)*s.set.Len())
		for i, tag := range c.best {
			logits[i*s.set.Len()+int(tag)] = 5
		}
		logits[2*s.set.Len()] += 0.5 // in the second case, rather O than I-Y
		gold, predicted := j.spans(Example{InputIDs: c.ids, Labels: c.gold}, logits)
		if !reflect.DeepEqual(gold, c.wantGold) {
			t.Errorf("%s: gold %v, want %v", c.name, gold, c.wantGold)
		}
		if !reflect.DeepEqual(predicted, c.wants) {
			t.Errorf("%s: %v, want %v", c.name, predicted, c.wants)
		}
	}
}

// TestJudgeLossIsTheMeanOfAll compares with the loss of each window alone.
func TestJudgeLossIsTheMeanOfAll(t *testing.T) {
	s := newSchool(t, nil)
	model := s.model(t)
	defer model.Close()
	j, err := newJudge(s.cfg, s.set, s.vocab, false, s.dev)
	if err != nil {
		t.Fatal(err)
	}
	got, err := j.of(context.Background(), model)
	if err != nil {
		t.Fatal(err)
	}
	sum, tokens := 0.0, 0
	for i := range s.dev {
		judged, err := model.Judge(pick(s.dev, []int{i}))
		if err != nil {
			t.Fatal(err)
		}
		sum, tokens = sum+judged.LossSum, tokens+judged.Tokens
	}
	if want := sum / float64(tokens); math.Abs(got.Loss-want) > 1e-5*want || got.F1 == nil || got.PIIF1 == nil {
		t.Errorf("loss %v, want %v; F1 %v, PII F1 %v", got.Loss, want, got.F1, got.PIIF1)
	}
	for metric, better := range map[string]bool{bestByLoss: true, bestByF1: false, bestByPIIF1: false} {
		if j.metric = metric; j.better(0.1, 0.2) != better || j.better(0.2, 0.1) == better || j.better(0.1, 0.1) {
			t.Errorf("%s: 0.1 is better than 0.2: %v", metric, j.better(0.1, 0.2))
		}
	}
}

// TestMetricNeedsSpans has a dev set with spans of Y alone, which is no personal data.
func TestMetricNeedsSpans(t *testing.T) {
	s := newSchool(t, nil)
	dev := []Example{{InputIDs: []int32{2, 6, 3}, Labels: []int64{-100, 3, -100}}}
	for metric, good := range map[string]bool{bestByLoss: true, bestByF1: true, bestByPIIF1: false} {
		s.cfg.BestBy = metric
		_, err := newJudge(s.cfg, s.set, s.vocab, false, dev)
		if good != (err == nil) || err != nil && !strings.Contains(err.Error(), "metric_for_best_model is "+metric) {
			t.Errorf("%s: %v", metric, err)
		}
	}
}
