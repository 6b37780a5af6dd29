package stages

import (
	"context"
	"errors"
	"slices"

	"pii/data"
	"pii/metrics"
	"pii/pipeline"
	"pii/torchmodel"
	"pii/wordpiece"
)

// judge fills in how far the tags of each model are those of fp32 on the first device, and how right its spans are. Where no row is
// that model, it is loaded for this.
func (b *bench) judge(ctx context.Context, transcripts []data.Transcript) error {
	var measured []*subject
	for _, s := range b.subjects {
		if s.tagger != nil {
			measured = append(measured, s)
		}
	}
	if len(measured) == 0 {
		return nil
	}
	progress := pipeline.NewProgress(b.log, "comparing tags", int64(len(transcripts)*len(measured)))
	defer progress.Close()
	var reference []uint16
	var referenceF1 *float64
	tags := make([][]uint16, len(measured))
	for i, s := range measured {
		var err error
		if tags[i], s.PIIF1, err = tagAll(ctx, s.tagger, transcripts, progress); err != nil {
			return err
		}
		if s.Device == measured[0].Device && s.Precision == torchmodel.FP32 {
			reference, referenceF1 = tags[i], s.PIIF1
		}
	}
	if reference == nil {
		var err error
		if reference, referenceF1, err = b.inFP32(ctx, measured[0].Device, transcripts); err != nil {
			return err
		}
	}
	for i, s := range measured {
		s.TagsEqual = equalShare(tags[i], reference)
		s.F1Difference = difference(s.PIIF1, referenceF1)
	}
	return nil
}

// inFP32 is tagAll in fp32 on a device.
func (b *bench) inFP32(ctx context.Context, device string, transcripts []data.Transcript) (tags []uint16, f1 *float64, err error) {
	session, err := b.env.session(device, b.cfg.Threads)
	if err != nil {
		return nil, nil, err
	}
	tagger, err := b.openTagger(session, torchmodel.FP32)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, tagger.Close()) }()
	progress := pipeline.NewProgress(b.log, "tagging in fp32", int64(len(transcripts)))
	defer progress.Close()
	return tagAll(ctx, tagger, transcripts, progress)
}

// judgeChunk is how many texts are in memory at once where nothing is timed.
const judgeChunk = 512

// tagAll tags all texts: the likeliest tag of each token, and F1 of personal data, nil where some text has no labels or others than
// the model.
func tagAll(ctx context.Context, t *Tagger, transcripts []data.Transcript, progress *pipeline.Progress) (tags []uint16, f1 *float64, err error) {
	t.batch = judgeLimit
	counter := metrics.NewCounter(t.set)
	labelled := true
	for chunk := range slices.Chunk(transcripts, judgeChunk) {
		texts := make([]string, len(chunk))
		for i := range chunk {
			texts[i] = chunk[i].Text
		}
		prep, err := t.prepareAll(texts)
		if err == nil {
			err = t.compute(ctx, prep)
		}
		if err != nil {
			return nil, nil, err
		}
		found, err := t.decodeAll(prep)
		if err != nil {
			return nil, nil, err
		}
		for i, p := range prep {
			tags = t.likeliest(tags, p)
			labelled = labelled && chunk[i].Labelled && counter.Add(chunk[i].Entities, spansOf(found[i])) == nil
		}
		progress.Add(len(chunk))
	}
	if labelled {
		_, pii := counter.Totals()
		f1 = pii.F1
	}
	return tags, f1, nil
}

// likeliest appends the tag with the highest logit of each token of a text, special tokens left out.
func (t *Tagger) likeliest(tags []uint16, p prepared) []uint16 {
	width := t.set.Len()
	owners := wordpiece.Owners(p.windows)
	for token := 1; token < p.encoding.Len()-1; token++ {
		window := owners[token]
		at := token - p.windows[window].First + 1
		best := 0
		logits := p.logits[window][at*width : (at+1)*width]
		for tag, logit := range logits {
			if logit > logits[best] {
				best = tag
			}
		}
		tags = append(tags, uint16(best))
	}
	return tags
}

// difference is a - b; nil where one of them is.
func difference(a, b *float64) *float64 {
	if a == nil || b == nil {
		return nil
	}
	d := *a - *b
	return &d
}

// equalShare is the share of tags that are the same; nil where there are none.
func equalShare(a, b []uint16) *float64 {
	if len(a) == 0 || len(a) != len(b) {
		return nil
	}
	equal := 0
	for i := range a {
		if a[i] == b[i] {
			equal++
		}
	}
	share := float64(equal) / float64(len(a))
	return &share
}
