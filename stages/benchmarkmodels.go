package stages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"pii/torchmodel"
)

// bench is a benchmark under way.
type bench struct {
	cfg      *Config
	env      *Env
	log      *log.Logger
	modelDir string
	hardware string
	memory   memoryMeter
	rounds   int

	texts    []string
	tokens   int   // of all texts
	order    []int // indices of texts from the shortest to the longest
	subjects []*subject
}

// subject is a model that is timed, or why it cannot be.
type subject struct {
	BenchmarkModel
	rows   []*timedRow
	tagger *Tagger // nil where it is missing
	device deviceMeter
}

// openAll loads the model on each device in each precision and warms it up. Of those that come to the same, one stays.
func (b *bench) openAll(ctx context.Context) error {
	known := map[[2]string]*subject{}
	for _, device := range b.cfg.BenchmarkDevices {
		for _, precision := range b.cfg.benchmarkPrecisions() {
			s, err := b.open(ctx, device, precision)
			if err != nil {
				return fmt.Errorf("benchmark on %s: %w", device, err)
			}
			key := [2]string{s.Device, s.Precision}
			if same := known[key]; same != nil {
				same.Auto = cmp.Or(same.Auto, s.Auto)
				err = s.close()
			} else {
				known[key] = s
				b.subjects = append(b.subjects, s)
				err = b.warmUpAll(ctx, s)
			}
			if err != nil {
				return fmt.Errorf("benchmark on %s: %w", device, err)
			}
		}
	}
	return nil
}

// open loads the model and tags a first text. Where device or precision cannot be had, the subject says why, and the error is nil.
func (b *bench) open(ctx context.Context, device, precision string) (*subject, error) {
	session, err := b.env.session(device, b.cfg.Threads)
	var tagger *Tagger
	var meter deviceMeter
	start := time.Now()
	if err == nil {
		meter, err = newDeviceMeter(session)
	}
	if err == nil {
		b.memory.begin()
		start = time.Now()
		tagger, err = b.openTagger(session, precision)
	}
	if why := missing(err); why != "" {
		s := &subject{BenchmarkModel: BenchmarkModel{Device: device, Precision: precision, Missing: why}}
		s.addRows(b.cfg.benchmarkBatches())
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s := &subject{tagger: tagger, device: meter, BenchmarkModel: BenchmarkModel{Device: session.Device(), Precision: tagger.model.Precision(), Auto: tagger.why,
		Products: tagger.model.Products(), LoadMS: milliseconds(time.Since(start))}}
	s.addRows(b.cfg.benchmarkBatches())
	first, err := timeCall(ctx, tagger, b.texts[:1])
	s.FirstMS = milliseconds(first.total)
	if err == nil && b.order == nil {
		err = b.measureTexts(tagger)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (b *bench) openTagger(session *torchmodel.Session, precision string) (*Tagger, error) {
	cfg := *b.cfg
	cfg.Precision = precision
	return openTagger(session, b.modelDir, &cfg)
}

// missing is why a model cannot be timed; "" for another error and for none.
func missing(err error) string {
	var device *torchmodel.NoDeviceError
	var precision *torchmodel.NoPrecisionError
	switch {
	case errors.As(err, &device):
		return device.Reason
	case errors.As(err, &precision):
		return precision.Reason
	}
	return ""
}

func (s *subject) addRows(batches []int) {
	for _, batch := range batches {
		s.rows = append(s.rows, &timedRow{BenchmarkRow: BenchmarkRow{Device: s.Device, Precision: s.Precision, Batch: batch,
			Missing: s.Missing}})
	}
}

func (s *subject) close() error {
	if s.tagger == nil {
		return nil
	}
	err := s.tagger.Close()
	s.tagger = nil
	return err
}

func (b *bench) close() error {
	var errs []error
	for _, s := range b.subjects {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// measureTexts counts the tokens of the texts and puts these in order.
func (b *bench) measureTexts(t *Tagger) error {
	lengths := make([]int, len(b.texts))
	for i, text := range b.texts {
		p, err := t.prepare(text)
		if err != nil {
			return err
		}
		lengths[i] = p.tokens()
		b.tokens += lengths[i]
	}
	b.order = byLength(lengths)
	return nil
}

// tokens is how many tokens the model reads of a text.
func (p prepared) tokens() int {
	n := 0
	for _, w := range p.windows {
		n += w.Len()
	}
	return n
}
