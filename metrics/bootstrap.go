package metrics

import (
	"math/rand/v2"
	"slices"
)

// Intervals are 95% confidence intervals by percentile bootstrap over transcripts (Efron, 1979): as many transcripts as there
// are are drawn with replacement, many times, and of each figure the middle 95% of what it comes to are kept. It says how
// much a figure depends on which transcripts happened to be there; not how it would be on others of another kind.
//
// An interval is nil where the figure itself is not defined, where there are fewer than two transcripts, and where the
// figure was not defined in more than half of the draws. Otherwise such draws are left out. More than 5,000 transcripts are
// first put into as many groups at random, and groups are drawn: it is the same but for chance, and takes no longer.
type Intervals struct {
	Draws           int       `json:"draws"`
	PIIPrecision    *Interval `json:"pii_precision"`
	PIIRecall       *Interval `json:"pii_recall"`
	PIIF1           *Interval `json:"pii_f1"`
	PIIF2           *Interval `json:"pii_f2"`
	LeakRate        *Interval `json:"leak_rate"`
	CharacterRecall *Interval `json:"character_recall"`
	MicroF1         *Interval `json:"micro_f1"`
}

// Interval is where a figure lies with 95% confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// draws is such that the bounds are values that occurred, as many of them outside on either side: the 25th and the 975th.
// drawSeed is fixed, so that the same transcripts give the same intervals.
const (
	draws     = 999
	drawSeed  = 20130614
	mostDrawn = 5000
)

// intervals draws from the tallies of single transcripts. It sorts them, so that the order of the transcripts changes nothing.
func intervals(transcripts []tally) Intervals {
	slices.SortFunc(transcripts, func(a, b tally) int { return slices.Compare(a[:], b[:]) })
	i := Intervals{Draws: draws}
	targets := []**Interval{&i.PIIPrecision, &i.PIIRecall, &i.PIIF1, &i.PIIF2, &i.LeakRate, &i.CharacterRecall, &i.MicroF1}
	if len(transcripts) < 2 {
		return i
	}
	var whole total
	for k := range transcripts {
		whole.add(&transcripts[k])
	}
	random := rand.New(rand.NewPCG(drawSeed, 0))
	units := groups(transcripts, random)
	found := make([][]float64, len(targets))
	for range draws {
		var drawn total
		for range units {
			drawn.add(&units[random.IntN(len(units))])
		}
		for k, value := range drawn.estimates() {
			if value != nil {
				found[k] = append(found[k], *value)
			}
		}
	}
	for k, value := range whole.estimates() {
		if value != nil {
			*targets[k] = middle(found[k])
		}
	}
	return i
}

// groups adds up transcripts where there are many. They are shuffled for it: sorted, the groups would be too much alike.
func groups(transcripts []tally, random *rand.Rand) []tally {
	if len(transcripts) <= mostDrawn {
		return transcripts
	}
	random.Shuffle(len(transcripts), func(i, j int) { transcripts[i], transcripts[j] = transcripts[j], transcripts[i] })
	list := make([]tally, mostDrawn)
	for i := range transcripts {
		for k, n := range transcripts[i] {
			list[i%mostDrawn][k] += n
		}
	}
	return list
}

// estimates are the figures that have an interval, in the order of Intervals.
func (t *total) estimates() []*float64 {
	pii, redaction := t.pii(), t.redaction()
	return []*float64{pii.Precision, pii.Recall, pii.F1, redaction.F2, redaction.LeakRate, redaction.CharacterRecall, t.all().F1}
}

// middle is the range without the lowest and the highest 2.5% of the values, nil where they are too few.
func middle(values []float64) *Interval {
	if 2*len(values) < draws {
		return nil
	}
	slices.Sort(values)
	outside := (len(values) + 1) * 25 / 1000
	return &Interval{values[outside-1], values[len(values)-outside]}
}
