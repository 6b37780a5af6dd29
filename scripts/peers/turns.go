package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"text/tabwriter"

	"pii/data"
	"pii/metrics"
	"pii/torchmodel"
	"pii/wordpiece"
)

// system computes calls and says how many milliseconds each took, what it is given lying in memory and padded as it needs.
type system interface {
	name() string
	run(calls []call) ([]float64, error)
}

// call is rows of token ids that are computed at once.
type call [][]int32

// work is what each system computes in each round.
type work struct {
	singles, batches []call
	batch            int
}

// result is what a system took in each round.
type result struct {
	system    string
	one       []float64 // median milliseconds of one text
	perSecond []float64 // texts per second in batches
}

// readRows tokenizes transcripts with the checkpoint's tokenizer. Longer texts than the model reads are left out.
func readRows(model, input string) (rows [][]int32, err error) {
	tokenizer, err := wordpiece.Load(model)
	if err != nil {
		return nil, err
	}
	config, err := torchmodel.ReadConfig(model)
	if err != nil {
		return nil, err
	}
	reader, err := data.Open(input, data.Options{})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for {
		transcript, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		encoding, err := tokenizer.Encode(transcript.Text)
		if err != nil {
			return nil, err
		}
		if len(encoding.IDs) <= config.MaxPositions {
			rows = append(rows, encoding.IDs)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: has no text that the model can read", input)
	}
	sort.SliceStable(rows, func(i, j int) bool { return len(rows[i]) < len(rows[j]) })
	return rows, nil
}

// newWork picks texts, evenly from the shortest to the longest, and batches of neighbours by length.
func newWork(rows [][]int32, o options) work {
	w := work{batch: min(o.batch, len(rows))}
	for i := range o.texts {
		w.singles = append(w.singles, call{rows[(2*i+1)*len(rows)/(2*o.texts)]})
	}
	const batches = 3
	for i := range batches {
		first := (2*i + 1) * (len(rows) - w.batch) / (2 * batches)
		w.batches = append(w.batches, rows[first:first+w.batch])
	}
	return w
}

// timeInTurn gives each system the work, in rounds; in each another one begins. The first round warms up.
func timeInTurn(ctx context.Context, systems []system, w work, rounds int) ([]result, error) {
	results := make([]result, len(systems))
	for round := -1; round < rounds; round++ {
		for i := range systems {
			at := (i + round + 1) % len(systems)
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			one, batches, err := w.time(systems[at])
			if err != nil {
				return nil, err
			}
			r := &results[at]
			r.system = systems[at].name()
			if round >= 0 {
				r.one, r.perSecond = append(r.one, one), append(r.perSecond, batches)
			}
		}
	}
	return results, nil
}

// time is a system's median time of one text, in milliseconds, and its texts per second in batches.
func (w work) time(s system) (one, perSecond float64, err error) {
	singles, err := s.run(w.singles)
	if err != nil {
		return 0, 0, err
	}
	batches, err := s.run(w.batches)
	if err != nil {
		return 0, 0, err
	}
	sum := 0.0
	for _, ms := range batches {
		sum += ms
	}
	return metrics.Median(singles), 1000 * float64(len(w.batches)*w.batch) / sum, nil
}

// printResults prints what each system took, then the ratios of each of ours, which are the first, to each of the others.
func printResults(w io.Writer, results []result, own int, work work) error {
	fmt.Fprintf(w, "forward pass alone, medians of %d rounds, in parentheses the least and the greatest; batches of %d\n\n",
		len(results[0].one), work.batch)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tone text, p50 ms\tbatches, texts/s\t")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", r.system, spread(r.one, "%.2f"), spread(r.perSecond, "%.1f"))
	}
	if own < len(results) {
		fmt.Fprintln(table, "\t\t\t\nratio\tof the times\tof texts/s\t")
	}
	for _, ours := range results[:own] {
		for _, other := range results[own:] {
			fmt.Fprintf(table, "%s : %s\t%s\t%s\t\n", ours.system, other.system, spread(ratios(ours.one, other.one), "%.2f"),
				spread(ratios(ours.perSecond, other.perSecond), "%.2f"))
		}
	}
	return table.Flush()
}

func ratios(a, b []float64) []float64 {
	list := make([]float64, len(a))
	for i := range a {
		list[i] = a[i] / b[i]
	}
	return list
}

// spread is the median with the least and the greatest.
func spread(values []float64, verb string) string {
	return fmt.Sprintf(verb+" ("+verb+"–"+verb+")", metrics.Median(values), slices.Min(values), slices.Max(values))
}
