package stages

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pii/data"
	"pii/labels"
	"pii/metrics"
	"pii/torchmodel"
)

// What thresholds can be chosen by.
const (
	byPrecision = "precision"
	byFBeta     = "fbeta"
)

var thresholdChoices = []string{byPrecision, byFBeta, none}

// calibrationName is the file that says how sure a model is, and how right.
const calibrationName = "calibration.json"

// fewSpans is how many found spans on dev a type needs for a threshold of its own; with fewer it gets that of all personal data.
const fewSpans = 20

// calibration is what calibration.json holds: a model's scores on dev, before and after they were made to mean something.
type calibration struct {
	Temperature float64         `json:"temperature"` // what logits are divided by: the one with the least NLL
	NLL         beforeAfter     `json:"nll"`         // mean over labelled tokens, in nats
	ECE         eces            `json:"ece"`         // expected calibration errors
	Choice      string          `json:"threshold_choice"`
	Thresholds  []typeThreshold `json:"thresholds"` // of each type of personal data
	Pooled      *metrics.Choice `json:"pooled"`     // of personal data of all types; null without thresholds
	Reliability struct {
		Tokens metrics.Reliability `json:"tokens"`
		Spans  metrics.Reliability `json:"spans"`
	} `json:"reliability"` // after
	Precisions map[string]nearness `json:"precisions,omitempty"` // those below fp32 that the machine has; none where dev was read on a GPU
}

// eces are expected calibration errors of tokens, which go by their most probable tag, and of found spans, which are right where
// both borders and the type are. O, which most tokens are, hides what becomes of the others, so these are told apart: by what
// they are, and by what the model takes them for.
type eces struct {
	Tokens    beforeAfter `json:"tokens"`
	GoldNotO  beforeAfter `json:"tokens_labelled_not_o"`
	FoundNotO beforeAfter `json:"tokens_found_not_o"`
	Spans     beforeAfter `json:"spans"`
}

// beforeAfter is a figure at temperature 1 and at the fitted one; null where there is nothing that it could be of.
type beforeAfter struct {
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// typeThreshold is the threshold of a type.
type typeThreshold struct {
	Label string `json:"label"`
	metrics.Choice
	Pooled bool `json:"pooled"` // it is that of all personal data, since too few spans of the type were found
}

// devReading is the dev set as a model scores it.
type devReading struct {
	judge  *judge
	logits metrics.Logits
	texts  []scoredWindow
}

// scoredWindow is a window's part of the logits.
type scoredWindow struct {
	words labelled
	first int // the place of its first labelled token among those of all windows
}

// scoresOf are the logits of a window's labelled tokens.
func (r *devReading) scoresOf(w scoredWindow) []float32 {
	return r.logits.Scores[w.first*r.logits.Classes : (w.first+len(w.words.tags))*r.logits.Classes]
}

// read runs a model over the dev set.
func (j *judge) read(ctx context.Context, model *torchmodel.Model) (*devReading, error) {
	r := &devReading{judge: j, logits: metrics.Logits{Classes: j.set.Len()}}
	_, _, err := j.each(ctx, model, func(e Example, logits []float32) error {
		words := j.words(e)
		r.texts = append(r.texts, scoredWindow{words, len(r.logits.Targets)})
		r.logits.Scores = append(r.logits.Scores, j.scores(words, logits)...)
		r.logits.Targets = append(r.logits.Targets, words.tags...)
		return nil
	})
	if err == nil {
		err = r.logits.Check()
	}
	return r, err
}

// foundSpan is a span that a model finds, with its score, and whether it is right.
type foundSpan struct {
	label string
	metrics.Judged
}

// spans are those that are found at a temperature.
func (r *devReading) spans(temperature float64) []foundSpan {
	var found []foundSpan
	for _, w := range r.texts {
		gold := map[labels.Span]bool{}
		for _, s := range r.judge.set.Spans(w.words.offsets, w.words.tags) {
			gold[s] = true
		}
		grammar := labels.Grammar{Continues: w.words.continues, Apart: r.judge.apart}
		for _, s := range r.judge.set.Decode(scaled(r.scoresOf(w), temperature), w.words.offsets, grammar) {
			found = append(found, foundSpan{s.Label, metrics.Judged{Score: roundScore(s.Score), Right: gold[s.Span]}})
		}
	}
	return found
}

// gold counts the labelled spans of each type.
func (r *devReading) gold() map[string]int {
	counts := map[string]int{}
	for _, w := range r.texts {
		for _, s := range r.judge.set.Spans(w.words.offsets, w.words.tags) {
			counts[s.Label]++
		}
	}
	return counts
}

// calibrate fits the temperature and chooses the thresholds.
func (r *devReading) calibrate(cfg *Config) calibration {
	c := calibration{Temperature: r.logits.Temperature(), Choice: cfg.ThresholdChoice, Thresholds: []typeThreshold{}}
	spans := r.spans(c.Temperature)
	before, after := r.logits.NLL(1), r.logits.NLL(c.Temperature)
	c.NLL = beforeAfter{&before, &after}
	c.ECE = r.errors(c.Temperature, spans)
	c.Reliability.Tokens = metrics.NewReliability(r.logits.At(c.Temperature))
	c.Reliability.Spans = metrics.NewReliability(judgedOf(spans, everySpan))
	if cfg.ThresholdChoice != none {
		c.chooseThresholds(cfg, r.judge.set, spans, r.gold())
	}
	return c
}

func everySpan(foundSpan) bool { return true }

// judgedOf are the scores of those spans that are wanted.
func judgedOf(spans []foundSpan, wanted func(foundSpan) bool) []metrics.Judged {
	var list []metrics.Judged
	for _, s := range spans {
		if wanted(s) {
			list = append(list, s.Judged)
		}
	}
	return list
}

// errors computes the expected calibration errors.
func (r *devReading) errors(temperature float64, spans []foundSpan) eces {
	before, after := r.logits.At(1), r.logits.At(temperature)
	outside, _ := r.judge.set.TagID(labels.Outside)
	pair := func(wanted func(token int) bool) beforeAfter {
		var a, b []metrics.Judged
		for t := range before {
			if wanted(t) {
				a, b = append(a, before[t]), append(b, after[t])
			}
		}
		return beforeAfter{metrics.NewReliability(a).ECE, metrics.NewReliability(b).ECE}
	}
	return eces{
		Tokens:    pair(func(int) bool { return true }),
		GoldNotO:  pair(func(t int) bool { return r.logits.Targets[t] != outside }),
		FoundNotO: pair(func(t int) bool { return r.logits.Best(t) != outside }),
		Spans: beforeAfter{metrics.NewReliability(judgedOf(r.spans(1), everySpan)).ECE,
			metrics.NewReliability(judgedOf(spans, everySpan)).ECE},
	}
}

// chooseThresholds chooses one for each type of personal data of which enough spans were found, and one of all for the others.
// Where none were found at all, there are no thresholds. Helpers have no part in it: they are a setting of prediction.
func (c *calibration) chooseThresholds(cfg *Config, set *labels.Set, spans []foundSpan, gold map[string]int) {
	choose := func(found []metrics.Judged, gold int) metrics.Choice {
		if cfg.ThresholdChoice == byFBeta {
			return metrics.AtBestF(found, gold, cfg.ThresholdBeta)
		}
		return metrics.AtPrecision(found, gold, cfg.ThresholdPrecision)
	}
	all := judgedOf(spans, func(s foundSpan) bool { return set.PII(s.label) })
	if len(all) == 0 {
		return
	}
	pooled := choose(all, piiSpans(set, gold))
	c.Pooled = &pooled
	for _, t := range set.Types() {
		if !t.PII {
			continue
		}
		of := judgedOf(spans, func(s foundSpan) bool { return s.label == t.Name })
		if len(of) < fewSpans {
			c.Thresholds = append(c.Thresholds, typeThreshold{t.Name, metrics.At(of, gold[t.Name], pooled.Threshold), true})
			continue
		}
		c.Thresholds = append(c.Thresholds, typeThreshold{t.Name, choose(of, gold[t.Name]), false})
	}
}

// piiSpans counts the labelled spans of personal data.
func piiSpans(set *labels.Set, gold map[string]int) int {
	total := 0
	for label, n := range gold {
		if set.PII(label) {
			total += n
		}
	}
	return total
}

// apply puts into a card what loading and decoding need.
func (c calibration) apply(to *card) {
	to.Temperature, to.Thresholds, to.Precisions = c.Temperature, nil, c.Precisions
	for _, t := range c.Thresholds {
		if to.Thresholds == nil {
			to.Thresholds = map[string]float64{}
		}
		to.Thresholds[t.Label] = t.Threshold
	}
}

// String is the calibration in a line.
func (c calibration) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "temperature %.3f; ECE of tokens %s, of those found to be no O %s, of spans %s", c.Temperature, c.ECE.Tokens, c.ECE.FoundNotO,
		c.ECE.Spans)
	for i, t := range c.Thresholds {
		fmt.Fprintf(&b, "%s%s %.4g", map[bool]string{true: "; thresholds ", false: ", "}[i == 0], t.Label, t.Threshold)
		if !t.Reached && !t.Pooled {
			b.WriteString(" (short of its aim)")
		}
	}
	return b.String()
}

func (p beforeAfter) String() string {
	return fmt.Sprintf("%s to %s", metrics.Figure("%.4f", p.Before), metrics.Figure("%.4f", p.After))
}

// calibrateModel calibrates the model of a folder on the judge's dev set. Then it holds the results in reduced precisions against it.
func calibrateModel(ctx context.Context, cfg *Config, session *torchmodel.Session, logger *log.Logger, judge *judge, dir string,
	model *torchmodel.Model) (calibration, error) {
	reading, err := judge.read(ctx, model)
	if err != nil {
		return calibration{}, err
	}
	if len(reading.logits.Targets) == 0 {
		return calibration{}, errors.New("the dev set has no token to calibrate by")
	}
	c := reading.calibrate(cfg)
	logger.Printf("calibrated on dev: %s", c)
	if model.Precision() != torchmodel.FP32 {
		if reading, err = judge.readIn(ctx, session, dir, torchmodel.FP32); err != nil {
			return c, err
		}
	}
	c.Precisions, err = reading.comparePrecisions(ctx, session, logger, dir, c)
	return c, err
}

// calibrateBest calibrates the model that training leaves in a folder, and completes its card.
func calibrateBest(ctx context.Context, cfg *Config, session *torchmodel.Session, logger *log.Logger, judge *judge, dir string,
	modelCard card) (c calibration, err error) {
	model, err := session.LoadToPredict(dir, torchmodel.FP32)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	if c, err = calibrateModel(ctx, cfg, session, logger, judge, dir, model); err != nil {
		return c, err
	}
	c.apply(&modelCard)
	return c, writeCard(dir, modelCard)
}

// CalibrateFiles calibrates the model in a folder on labelled transcripts, cfg.Dev. It writes temperature and thresholds into the
// folder's pii.json, with how near reduced precisions come to fp32, and what they are based on into calibration.json beside it.
func CalibrateFiles(ctx context.Context, cfg *Config, env *Env, dir string) (err error) {
	if dir == shippedModel {
		return &ConfigError{"--model-dir " + dir + " is inside the program, where nothing can be changed; name the folder of a model"}
	}
	if err := CheckModelDir(dir); err != nil {
		return err
	}
	session, err := env.session(cfg.Device, cfg.Threads)
	if err != nil {
		return err
	}
	in := *cfg
	if in.Precision == torchmodel.Auto {
		in.Precision = torchmodel.FP32 // what auto will come to is yet to be found
	}
	tagger, err := env.tagger(&in, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tagger.Close()) }()
	judge, err := judgeOn(ctx, cfg, env, tagger)
	if err != nil {
		return err
	}
	if !judge.hasEntity() {
		return fmt.Errorf("%s: has no entity, and so nothing that scores could be fitted to; the model stays as it is", cfg.Dev)
	}
	c, err := calibrateModel(ctx, cfg, session, env.Log, judge, dir, tagger.model)
	if err != nil {
		return fmt.Errorf("%s: %w", cfg.Dev, err)
	}
	modelCard, err := readCard(dir, cfg)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, cardName)); err != nil { // now that it gets one, it tells how the model is read
		modelCard = tagger.card
		modelCard.Labels = labels.FormatTypes(tagger.set.Types())
	}
	c.apply(&modelCard)
	if err := writeCard(dir, modelCard); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, calibrationName), c)
}

// hasEntity reports whether a token of the dev set has another tag than O, which is 0.
func (j *judge) hasEntity() bool {
	return slices.ContainsFunc(j.dev, func(e Example) bool { return slices.ContainsFunc(e.Labels, func(tag int64) bool { return tag > 0 }) })
}

// judgeOn is a judge by cfg.Dev, read as the tagger's model reads texts.
func judgeOn(ctx context.Context, cfg *Config, env *Env, tagger *Tagger) (*judge, error) {
	like := *cfg
	like.MaxLength, like.Stride, like.LabelAllTokens = tagger.card.MaxLength, tagger.card.Stride, !tagger.card.FirstPiece
	encode := encoder{&like, tagger.set, tagger.tokenizer}
	reader, err := env.open(cfg.Dev, data.Options{Labels: tagger.set, RequireEntities: true})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	judge := &judge{tagger.set, tagger.tokenizer.Vocabulary(), tagger.card.Apart, nil, judgeLimit, cfg.BestBy}
	err = eachTranscript(ctx, reader.Next, func(transcript data.Transcript) error {
		examples, _, err := encode.examples(transcript)
		judge.dev = append(judge.dev, examples...)
		return err
	})
	return judge, err
}
