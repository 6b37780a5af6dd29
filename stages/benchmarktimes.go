package stages

import (
	"context"
	"math/rand/v2"
	"time"

	"pii/metrics"
	"pii/pipeline"
)

// timedRow is a row with what is not told of it.
type timedRow struct {
	BenchmarkRow
	timings
}

// timings are those of all calls so far.
type timings struct {
	each   [5][]time.Duration // of single calls: tokenize, forward, decode, total, copy
	tokens int
	padded int // tokens of the batches, were each window padded to the longest of its batch
}

// phases are the times of a call, and what it was given.
type phases struct {
	tokenize, forward, decode, total time.Duration
	copied                           time.Duration // of forward: copies to and from the device
	tokens, padded                   int
}

// timeCall tags texts as predictions do.
func timeCall(ctx context.Context, t *Tagger, texts []string) (p phases, err error) {
	t.batch = batchLimit{tokens: mostBatchTokens, rows: len(texts)}
	start := time.Now()
	prep, err := t.prepareAll(texts)
	if err != nil {
		return p, err
	}
	tokenized := time.Now()
	if err := t.compute(ctx, prep); err != nil { // returns when the logits are in memory: the device is done
		return p, err
	}
	computed := time.Now()
	copied, _, err := t.model.CopyTime()
	if err != nil {
		return p, err
	}
	if _, err := t.decodeAll(prep); err != nil {
		return p, err
	}
	end := time.Now()
	p = phases{tokenize: tokenized.Sub(start), forward: computed.Sub(tokenized), decode: end.Sub(computed), total: end.Sub(start), copied: copied}
	longest, windows := 0, 0
	for _, one := range prep {
		p.tokens += one.tokens()
		for _, w := range one.windows {
			longest, windows = max(longest, w.Len()), windows+1
		}
	}
	p.padded = longest * windows
	return p, nil
}

// sample is what a row with this batch size is given in a round, in calls. A call is of texts that are neighbours by length, as in
// predictions; calls are evenly spaced from the shortest to the longest, those of all rounds together and those of each by itself.
// Where there are fewer texts than a call takes, they are repeated.
func (b *bench) sample(round, batch int) [][]string {
	calls := make([][]string, roundCalls(b.cfg.Runs, b.rounds, batch))
	n := len(b.order)
	for i := range calls {
		place := (float64(i) + (float64(round)+0.5)/float64(b.rounds)) / float64(len(calls)) // above 0, below 1
		first := int(place * float64(max(1, n-batch+1)))
		calls[i] = make([]string, batch)
		for k := range calls[i] {
			calls[i][k] = b.texts[b.order[first+k*min(n, batch)/batch]]
		}
	}
	rand.New(rand.NewPCG(uint64(batch), uint64(round))).Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
	return calls
}

// roundCalls is how many calls a row has in each round, so that all rounds together have runs texts, as nearly as whole calls do.
func roundCalls(runs, rounds, batch int) int {
	return max(1, (runs+rounds-1)/rounds/batch)
}

// What warming up takes to be stable: in the last blocks, as many as this, a token took times that differ by less than this share.
// After so many blocks it is given up, and said.
const (
	stableBlocks = 3
	stableShare  = 0.05
	mostBlocks   = 10
)

// warmUpAll warms a model up for each row, and notes how much memory it has taken by then.
func (b *bench) warmUpAll(ctx context.Context, s *subject) error {
	if s.tagger == nil {
		return nil
	}
	for _, row := range s.rows {
		if err := s.device.again(); err != nil {
			return err
		}
		if err := b.warmUp(ctx, s.tagger, row); err != nil {
			return err
		}
		row.Memory = b.memory.peak()
		var err error
		if row.DeviceTensors, row.DeviceMemory, err = s.device.peak(); err != nil {
			return err
		}
		if s.DeviceMemory == nil || row.DeviceMemory != nil && *row.DeviceMemory > *s.DeviceMemory {
			s.DeviceMemory = row.DeviceMemory
		}
	}
	return nil
}

// warmUp makes every call that will be timed, since what computes may make code for each number of tokens; then those of one round
// again and again, until they take alike long.
func (b *bench) warmUp(ctx context.Context, t *Tagger, row *timedRow) error {
	row.WarmUp = &WarmUp{}
	for round := range b.rounds {
		if _, err := row.run(ctx, t, b.sample(round, row.Batch)); err != nil {
			return err
		}
	}
	var blocks []float64
	for len(blocks) < mostBlocks && !row.WarmUp.Stable {
		took, err := row.run(ctx, t, b.sample(b.rounds/2, row.Batch))
		if err != nil {
			return err
		}
		blocks = append(blocks, took)
		row.WarmUp.Stable = metrics.Stable(blocks, stableBlocks, stableShare)
	}
	row.WarmUp.Calls = len(row.each[0])
	row.timings = timings{}
	return nil
}

// timeAll times the rows in rounds, so that what else the machine does hits all alike. In each round another row begins.
func (b *bench) timeAll(ctx context.Context) error {
	type turn struct {
		*timedRow
		*Tagger
	}
	var turns []turn
	for _, s := range b.subjects {
		for _, row := range s.rows {
			if s.tagger != nil {
				turns = append(turns, turn{row, s.tagger})
			}
		}
	}
	progress := pipeline.NewProgress(b.log, "timing", int64(b.rounds*len(turns)))
	defer progress.Close()
	for round := range b.rounds {
		for i := range turns {
			turn := turns[(i+round)%len(turns)]
			took, err := turn.run(ctx, turn.Tagger, b.sample(round, turn.Batch))
			if err != nil {
				return err
			}
			turn.RoundUS = append(turn.RoundUS, took)
			progress.Add(1)
		}
	}
	for _, turn := range turns {
		turn.sumUp(float64(b.tokens) / float64(len(b.texts)))
	}
	return nil
}

// run makes calls and counts them. It returns how long a token took, in microseconds.
func (r *timedRow) run(ctx context.Context, t *Tagger, calls [][]string) (float64, error) {
	tokens := 0
	var took time.Duration
	for _, call := range calls {
		p, err := timeCall(ctx, t, call)
		if err != nil {
			return 0, err
		}
		for k, d := range []time.Duration{p.tokenize, p.forward, p.decode, p.total, p.copied} {
			r.each[k] = append(r.each[k], d)
		}
		tokens, took = tokens+p.tokens, took+p.total
		r.padded += p.padded
	}
	r.tokens += tokens
	return 1000 * milliseconds(took) / float64(tokens), nil
}

// sumUp makes figures of the times. Speed is that of the middle round, as in comparisons and in speed-ups. A text is one with the mean
// number of tokens of the input, so that rows compare.
func (r *timedRow) sumUp(textTokens float64) {
	var sums [5]float64 // seconds
	for k, into := range []**metrics.Latency{&r.Tokenize, &r.Forward, &r.Decode, &r.Total, &r.Copy} {
		l := metrics.NewLatency(r.each[k])
		*into = &l
		for _, d := range r.each[k] {
			sums[k] += d.Seconds()
		}
	}
	total := sums[3]
	r.Shares = &Shares{Tokenize: sums[0] / total, Forward: sums[1] / total, Decode: sums[2] / total}
	if r.Shares.Copy = sums[4] / total; sums[4] == 0 {
		r.Copy = nil
	}
	padding := 1 - float64(r.tokens)/float64(r.padded)
	r.Padding = &padding
	r.TokensPS = 1e6 / metrics.Median(r.RoundUS)
	r.TextsPerS = r.TokensPS / textTokens
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
