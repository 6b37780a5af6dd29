package stages

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"pii/data"
	"pii/labels"
	"pii/metrics"
)

// EvaluateOptions say what EvaluateFiles holds against what, and what it shows of it. "-" is standard input, for one of Gold
// and Pred.
type EvaluateOptions struct {
	Gold, Pred string
	JSON       bool   // print an Evaluation
	Slices     bool   // print the table of slices too; JSON has them in any case
	Errors     int    // print so many of the worst errors
	ErrorsOut  string // write them to this file too, all of them where Errors is 0
	ShowText   bool   // errors quote the transcripts, which are masked otherwise
}

func (o EvaluateOptions) check(cfg *Config) error {
	if o.ErrorsOut == "" {
		return nil
	}
	if isStream(o.ErrorsOut) {
		return &ConfigError{fmt.Sprintf("--errors-out %s is not a file", o.ErrorsOut)}
	}
	return spare("--errors-out", o.ErrorsOut, append(cfg.sources(), source{"the file of --gold", o.Gold}, source{"the file of --pred", o.Pred})...)
}

// Evaluation is what evaluate says as JSON.
type Evaluation struct {
	*metrics.Scores
	Errors  []Fault          `json:"errors,omitempty"` // the worst first, as many as were asked for
	Targets []metrics.Target `json:"targets"`
}

// EvaluateFiles holds a file of predictions against labelled transcripts and prints the figures. The error is a MissedError
// where all is printed and a target that was set is missed.
func EvaluateFiles(ctx context.Context, cfg *Config, env *Env, o EvaluateOptions) error {
	if err := o.check(cfg); err != nil {
		return err
	}
	var worst *worstFaults
	if o.Errors > 0 || o.ErrorsOut != "" {
		worst = &worstFaults{most: o.Errors, plain: o.ShowText}
	}
	scores, err := evaluateFiles(ctx, cfg, env, o.Gold, o.Pred, worst)
	if err != nil {
		return err
	}
	evaluation := Evaluation{Scores: scores, Targets: cfg.scoreTargets(scores)}
	faults := worst.list()
	if o.ErrorsOut != "" {
		if err := env.createWhole(o.ErrorsOut, func(w io.Writer) error { return writeLines(w, faults) }); err != nil {
			return err
		}
	}
	if o.Errors > 0 {
		evaluation.Errors = faults
	}
	if o.JSON {
		err = PrintJSON(env.Out, evaluation)
	} else {
		err = evaluation.print(env.Out, o.Slices)
	}
	if err != nil {
		return err
	}
	return missed(evaluation.Targets)
}

func (e Evaluation) print(w io.Writer, withSlices bool) error {
	out := bufio.NewWriter(w)
	err := e.Table(out)
	if withSlices {
		fmt.Fprintln(out)
		err = errors.Join(err, e.SliceTable(out))
	}
	err = errors.Join(err, e.printErrors(out))
	if len(e.Targets) > 0 {
		fmt.Fprintln(out)
	}
	return errors.Join(err, printTargets(out, e.Targets), out.Flush())
}

// evaluateFiles counts, and notes the worst errors where worst is not nil.
func evaluateFiles(ctx context.Context, cfg *Config, env *Env, gold, pred string, worst *worstFaults) (*metrics.Scores, error) {
	set, err := cfg.LabelSet()
	if err != nil {
		return nil, err
	}
	predictions, err := env.readPredictions(pred)
	if err != nil {
		return nil, err
	}
	e := evaluator{set: set, counter: metrics.NewCounter(set), sliceBy: cfg.SliceBy, worst: worst, have: map[string]bool{}}
	if err := e.countFile(ctx, env, gold, pred, predictions); err != nil {
		return nil, err
	}
	scores := e.counter.Scores()
	for _, field := range cfg.SliceBy {
		if !e.have[field] {
			env.Log.Printf("%s: no transcript has the field %s of slice_by", gold, data.Quote(field))
			scores.Slices = slices.DeleteFunc(scores.Slices, func(s metrics.SliceScore) bool { return s.By == field })
		}
	}
	return &scores, nil
}

// evaluator counts the spans of a file.
type evaluator struct {
	set     *labels.Set
	counter *metrics.Counter
	sliceBy []string
	have    map[string]bool // the fields of sliceBy that were there
	worst   *worstFaults
}

// countFile counts transcript by transcript. A transcript without a prediction, or a prediction without a transcript, is an
// error: a score over part of a file would pass for one over all of it.
func (e *evaluator) countFile(ctx context.Context, env *Env, gold, pred string, predictions map[string][]PredictedEntity) error {
	reader, err := env.open(gold, data.Options{Labels: e.set, RequireEntities: true, Keep: append(slices.Clone(e.sliceBy), data.NoiseKinds)})
	if err != nil {
		return err
	}
	defer reader.Close()
	err = eachTranscript(ctx, reader.Next, func(transcript data.Transcript) error {
		entities, ok := predictions[transcript.ID]
		if !ok {
			return fmt.Errorf("%s: there is no prediction for transcript %q of %s", pred, transcript.ID, gold)
		}
		delete(predictions, transcript.ID)
		if err := checkWithin(entities, transcript); err != nil {
			return fmt.Errorf("%s: transcript %q: %w", pred, transcript.ID, err)
		}
		if err := e.counter.Add(transcript.Entities, spansOf(entities), e.slicesOf(transcript)...); err != nil {
			return fmt.Errorf("%s: transcript %q: %w", pred, transcript.ID, err)
		}
		e.worst.add(e.set, transcript, entities)
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(predictions)) {
		return fmt.Errorf("%s: %d predictions are of transcripts that %s does not have, such as %q", pred, len(predictions), gold, id)
	}
	return nil
}

// checkWithin finds a span that ends beyond the text. What it claims to hide there would count as hidden.
func checkWithin(entities []PredictedEntity, t data.Transcript) error {
	length := utf8.RuneCountInString(t.Text)
	for i, e := range entities {
		if e.End > length {
			return fmt.Errorf("entities[%d] ends at %d, the text at %d code points", i, e.End, length)
		}
	}
	return nil
}

// slicesOf names the parts of the file that a transcript is in, by what is known of it without a prediction.
func (e *evaluator) slicesOf(t data.Transcript) []metrics.Slice {
	var in []metrics.Slice
	for _, trait := range t.Traits() {
		in = append(in, metrics.Slice{By: trait.Name, Value: trait.Value})
	}
	if kinds, ok := t.Fields[data.NoiseKinds]; ok {
		if len(kinds) == 0 {
			kinds = []string{"none"}
		}
		for _, kind := range kinds {
			in = append(in, metrics.Slice{By: data.NoiseKinds, Value: kind})
		}
	}
	for _, field := range e.sliceBy {
		values, ok := t.Fields[field]
		e.have[field] = e.have[field] || ok
		if len(values) == 0 {
			values = []string{""}
		}
		for _, value := range values {
			in = append(in, metrics.Slice{By: field, Value: value})
		}
	}
	return in
}

func spansOf(entities []PredictedEntity) []labels.Span {
	spans := make([]labels.Span, len(entities))
	for i, e := range entities {
		spans[i] = labels.Span{Start: e.Start, End: e.End, Label: e.Label}
	}
	return spans
}
