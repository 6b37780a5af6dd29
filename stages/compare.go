package stages

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"pii/metrics"
)

// Comparison sets a benchmark beside a former one.
type Comparison struct {
	File  string          `json:"file"`
	Notes []string        `json:"notes"` // in what the two differ beyond the program
	Rows  []RowComparison `json:"rows"`  // those that were measured both times
}

// RowComparison is how long a token took then and now: the medians of the rounds, and their ratio.
type RowComparison struct {
	Device    string        `json:"device"`
	Precision string        `json:"precision"`
	Batch     int           `json:"batch"`
	BeforeUS  float64       `json:"before_us"`
	NowUS     float64       `json:"now_us"`
	Time      metrics.Ratio `json:"time"` // now over before
	P         float64       `json:"p"`    // of metrics.RankTest over the rounds
	Verdict   string        `json:"verdict"`
}

// Verdicts of a comparison. A difference must show in the rank test and in the interval.
const (
	verdictFaster = "faster"
	verdictSlower = "slower"
	verdictSame   = "no difference"
	verdictFew    = "too few rounds"

	significance = 0.05
)

// readBenchmark reads what pii benchmark --json printed, or a run's benchmark.json; nil where path is "".
func readBenchmark(path string) (*BenchmarkResult, error) {
	if path == "" {
		return nil, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the former benchmark: %w", err)
	}
	var r BenchmarkResult
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("%s: is no benchmark.json: %w", path, err)
	}
	return &r, r.check(path)
}

// check refuses what a comparison cannot be made with.
func (r *BenchmarkResult) check(path string) error {
	if len(r.Rows) == 0 {
		return fmt.Errorf("%s: rows: missing; this is no benchmark.json, or one of another version of pii", path)
	}
	for i, row := range r.Rows {
		if len(row.RoundUS) > benchmarkRounds {
			return fmt.Errorf("%s: rows[%d].round_us: has %d values, more than a benchmark has rounds", path, i, len(row.RoundUS))
		}
		for _, ms := range row.RoundUS {
			if !(ms > 0) {
				return fmt.Errorf("%s: rows[%d].round_us: must be greater than 0", path, i)
			}
		}
	}
	return nil
}

func compareBenchmarks(file string, former, now *BenchmarkResult) *Comparison {
	c := &Comparison{File: file, Notes: []string{}, Rows: []RowComparison{}}
	if former.Hardware != now.Hardware {
		c.Notes = append(c.Notes, "it was measured on other hardware: "+former.Hardware)
	}
	if former.Texts != now.Texts || former.Tokens != now.Tokens && former.Tokens*now.Tokens != 0 { // 0 where no row was possible
		c.Notes = append(c.Notes, fmt.Sprintf("it was measured on other texts: %d with %d tokens, now %d with %d", former.Texts, former.Tokens,
			now.Texts, now.Tokens))
	}
	for _, row := range now.Rows {
		for _, before := range former.Rows {
			same := before.Device == row.Device && before.Precision == row.Precision && before.Batch == row.Batch
			if same && len(before.RoundUS) > 0 && len(row.RoundUS) > 0 {
				c.Rows = append(c.Rows, compareRows(before, row))
			}
		}
	}
	if len(c.Rows) == 0 {
		c.Notes = append(c.Notes, "it has no row of the same device, precision and batch size")
	}
	return c
}

func compareRows(before, now BenchmarkRow) RowComparison {
	r := RowComparison{Device: now.Device, Precision: now.Precision, Batch: now.Batch,
		BeforeUS: metrics.Median(before.RoundUS), NowUS: metrics.Median(now.RoundUS),
		Time: metrics.RatioOfMedians(now.RoundUS, before.RoundUS), P: metrics.RankTest(now.RoundUS, before.RoundUS)}
	switch {
	case r.Time.Interval == nil:
		r.Verdict = verdictFew
	case r.P >= significance || !r.Time.Without1():
		r.Verdict = verdictSame
	case r.Time.Value < 1:
		r.Verdict = verdictFaster
	default:
		r.Verdict = verdictSlower
	}
	return r
}

// Table prints a line per row. There is nothing to print where c is nil.
func (c *Comparison) Table(w io.Writer) error {
	if c == nil {
		return nil
	}
	fmt.Fprintf(w, "\nbeside %s, microseconds a token, medians of rounds\n", c.File)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(c.Rows) > 0 {
		fmt.Fprintln(table, "device\tprecision\tbatch\tbefore\tnow\tnow / before\tp\t\t")
	}
	for _, r := range c.Rows {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\t%.2g\t%s\t\n", r.Device, r.Precision, r.Batch, digits(r.BeforeUS), digits(r.NowUS),
			ratioCell(&r.Time), r.P, r.Verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range c.Notes {
		if _, err := fmt.Fprintf(w, "%s\n", note); err != nil {
			return err
		}
	}
	return nil
}
