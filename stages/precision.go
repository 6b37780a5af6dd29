package stages

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"strings"

	"pii/metrics"
	"pii/torchmodel"
)

// What a precision's results must be for auto to take it: this share of the tags those of fp32, and F1 of personal data within this much.
const (
	leastTagsEqual = 0.998
	mostF1Apart    = 0.002
	// enoughTags is how many tags tell a share of 0.998 from a lower one: with none that differs among n, at least 1-3/n of all are equal,
	// at 95 % confidence.
	enoughTags = 1500
)

// nearness is how near a model's results on dev in a reduced precision are to those in fp32.
type nearness struct {
	Tags         int      `json:"tags"`              // that were compared, the likeliest of each labelled token
	TagsEqual    float64  `json:"tags_equal"`        // share of them
	F1Difference *float64 `json:"pii_f1_difference"` // of F1 at the thresholds, from fp32's; null where there is no span
	InputBits    int      `json:"input_bits,omitempty"`
}

// check refuses figures that no measurement gives.
func (n nearness) check(precision string) error {
	switch {
	case !(n.TagsEqual >= 0 && n.TagsEqual <= 1):
		return fmt.Errorf("tags_equal of precision %s must be between 0 and 1", precision)
	case n.Tags < 0, n.InputBits < 0, precision == torchmodel.INT8 && n.InputBits == 0:
		return fmt.Errorf("tags or input_bits of precision %s: it is no number of such", precision)
	case n.F1Difference != nil && !(*n.F1Difference >= -1 && *n.F1Difference <= 1):
		return fmt.Errorf("pii_f1_difference of precision %s must be between -1 and 1", precision)
	}
	return nil
}

func (n nearness) enough() bool { return n.Tags >= enoughTags && n.F1Difference != nil }

func (n nearness) within() bool {
	return n.enough() && n.TagsEqual >= leastTagsEqual && math.Abs(*n.F1Difference) <= mostF1Apart
}

func (n nearness) String() string {
	return fmt.Sprintf("on dev %.3f %% of %d tags are those of fp32, PII F1 differs by %s", 100*n.TagsEqual, n.Tags,
		metrics.Figure("%+.4f", n.F1Difference))
}

// choice is the precision to predict in, and where auto chose it, why.
type choice struct{ precision, why string }

// choose is what auto comes to on the CPU: the first of the reduced precisions that was measured to be near fp32.
// Figures of int8 say nothing of coarser inputs than they were measured with.
func (c card) choose(reduced []torchmodel.Reduced) choice {
	var against []string
	for _, r := range reduced {
		n, measured := c.Precisions[r.Precision]
		measured = measured && n.InputBits <= r.InputBits
		no := func(why string) { against = append(against, r.Precision+" "+why) }
		switch {
		case measured && n.within():
			return choice{r.Precision, n.String()}
		case measured && n.enough():
			no("is too far from fp32: " + n.String())
		case measured:
			no("was measured on too few tags")
		default:
			no("was not measured for this model; pii calibrate does")
		}
	}
	if len(against) == 0 {
		return choice{torchmodel.FP32, "this machine has no other precision"}
	}
	return choice{torchmodel.FP32, strings.Join(against, "; ")}
}

// choosesBy reports whether the precision on a device depends on the model.
func (c *Config) choosesBy(device string) bool {
	return c.Precision == torchmodel.Auto && device == "cpu"
}

// precisionOf is the precision that the model of a folder predicts in on a device.
func (c *Config) precisionOf(dir string, modelCard card, device string) (choice, error) {
	if !c.choosesBy(device) {
		precision, err := torchmodel.ResolvePrecision(c.Precision, device)
		return choice{precision: precision}, err
	}
	shape, err := torchmodel.ReadConfig(dir)
	if err != nil {
		return choice{}, err
	}
	reduced, err := torchmodel.ReducedPrecisions(shape.Dim)
	return modelCard.choose(reduced), err
}

// latePrecision is the part of a key that the model says which train writes.
func (c *Config) latePrecision(by computing) func(path func(stage, file string) string) (any, error) {
	if by.Precision != "" {
		return nil
	}
	return func(path func(stage, file string) string) (any, error) {
		dir := path(Train, modelFolder)
		modelCard, err := readCard(dir, c)
		if err != nil {
			return nil, err
		}
		chosen, err := c.precisionOf(dir, modelCard, by.Device)
		return struct {
			Precision string `json:"precision"`
		}{chosen.precision}, err
	}
}

// autoOrder are the precisions that auto tries for a model of a width.
func autoOrder(dim int) ([]string, error) {
	reduced, err := torchmodel.ReducedPrecisions(dim)
	var names []string
	for _, r := range reduced {
		names = append(names, r.Precision)
	}
	return append(names, torchmodel.FP32), err
}

// comparePrecisions holds what a model finds on dev in each reduced precision of this machine against the reading, which is in fp32. On a GPU,
// where precisions are others, it does nothing; a precision that fails is logged and left out.
func (r *devReading) comparePrecisions(ctx context.Context, session *torchmodel.Session, logger *log.Logger, dir string, c calibration) (map[string]nearness,
	error) {
	if session.Device() != "cpu" {
		logger.Printf("how near int8 and bf16 are to fp32 on a CPU was not measured; pii calibrate --device cpu does")
		return nil, nil
	}
	shape, err := torchmodel.ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	reduced, err := torchmodel.ReducedPrecisions(shape.Dim)
	if err != nil || len(reduced) == 0 {
		return nil, err
	}
	near, tags, f1 := map[string]nearness{}, r.likeliest(), r.piiF1(c)
	for _, p := range reduced {
		other, err := r.judge.readIn(ctx, session, dir, p.Precision)
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil { // a training ends with this, and its model is good in fp32
			logger.Printf("how near %s is to fp32 was not measured: %v", p.Precision, err)
			continue
		}
		n := nearness{Tags: len(tags), InputBits: p.InputBits}
		if share := equalShare(other.likeliest(), tags); share != nil {
			n.TagsEqual = *share
		}
		n.F1Difference = difference(other.piiF1(c), f1)
		near[p.Precision] = n
		logger.Printf("%s: %s", p.Precision, n)
	}
	return near, nil
}

// readIn reads the dev set with the model of a folder in a precision.
func (j *judge) readIn(ctx context.Context, session *torchmodel.Session, dir, precision string) (r *devReading, err error) {
	model, err := session.LoadToPredict(dir, precision)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, model.Close()) }()
	return j.read(ctx, model)
}

// likeliest are the likeliest tags of the labelled tokens.
func (r *devReading) likeliest() []uint16 {
	tags := make([]uint16, len(r.logits.Targets))
	for t := range tags {
		tags[t] = uint16(r.logits.Best(t))
	}
	return tags
}

// piiF1 is F1 of personal data at a calibration's temperature and thresholds; nil where there is no span, neither labelled nor found.
func (r *devReading) piiF1(c calibration) *float64 {
	var at card
	c.apply(&at)
	stays := judgedOf(r.spans(c.Temperature), func(s foundSpan) bool {
		threshold, has := at.Thresholds[s.label]
		if !has {
			threshold = defaultThreshold
		}
		return r.judge.set.PII(s.label) && s.Score >= threshold
	})
	return metrics.At(stays, piiSpans(r.judge.set, r.gold()), 0).F1
}
