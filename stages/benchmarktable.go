package stages

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"pii/metrics"
)

// Table prints what was measured, on at most 120 columns where names are short: one text at a time, then all rows as throughput, then
// the models, and below what is to be known of them.
func (r *BenchmarkResult) Table(w io.Writer) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s; %d texts, %d tokens; %d rounds; in parentheses 95%% intervals\n", r.Hardware, r.Texts, r.Tokens, r.Rounds)
	for _, part := range []struct {
		rows  func(io.Writer)
		shown bool
	}{{r.latencies, r.measured(1)}, {r.throughput, r.measured(0)}, {r.models, r.measured(0)}} {
		if !part.shown {
			continue
		}
		fmt.Fprintln(&out)
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
		part.rows(table)
		if err := table.Flush(); err != nil {
			return err
		}
	}
	r.notes(&out)
	_, err := out.WriteTo(w)
	return err
}

// measured reports whether there is a row with figures of this batch size, or of any where batch is 0.
func (r *BenchmarkResult) measured(batch int) bool {
	return slices.ContainsFunc(r.Rows, func(row BenchmarkRow) bool { return row.Missing == "" && (batch == 0 || batch == row.Batch) })
}

func (r *BenchmarkResult) latencies(w io.Writer) {
	fmt.Fprintln(w, "one text, ms\t\tp50\tp90\tp95\tp99\ttokenize\tforward\tdecode\t")
	for _, row := range r.Rows {
		if row.Batch == 1 && row.Missing == "" {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", row.Device, row.Precision, quantileCell(row.Total.P50),
				quantileCell(row.Total.P90), quantileCell(row.Total.P95), quantileCell(row.Total.P99), digits(row.Tokenize.P50.Value),
				digits(row.Forward.P50.Value), digits(row.Decode.P50.Value))
		}
	}
}

func (r *BenchmarkResult) throughput(w io.Writer) {
	copied := func(cell string) string { return "" } // a column where there are copies
	if slices.ContainsFunc(r.Rows, func(row BenchmarkRow) bool { return row.Copy != nil }) {
		copied = func(cell string) string { return cell + "\t" }
	}
	fmt.Fprintf(w, "throughput\t\tbatch\ttexts/s\ttokens/s\tspeed-up\ttokenize\tforward\t%sdecode\tpadding\tmemory\t\n", copied("copy"))
	for _, row := range r.Rows {
		if row.Missing == "" {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%.1f%%\t%.1f%%\t%s%.1f%%\t%.1f%%\t%s\t\n", row.Device, row.Precision, row.Batch,
				digits(row.TextsPerS), digits(row.TokensPS), ratioCell(row.SpeedUp), 100*row.Shares.Tokenize, 100*row.Shares.Forward,
				copied(fmt.Sprintf("%.1f%%", 100*row.Shares.Copy)), 100*row.Shares.Decode, 100**row.Padding, megabytes(row.Memory))
		}
	}
}

func (r *BenchmarkResult) models(w io.Writer) {
	fmt.Fprintln(w, "model\t\tload ms\tfirst text ms\tdevice memory\ttags as fp32\tPII F1\tfrom fp32's\tproducts by\t")
	for _, m := range r.Models {
		if m.Missing == "" {
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.Device, m.Precision, m.LoadMS, digits(m.FirstMS), megabytes(m.DeviceMemory),
				percent(m.TagsEqual), metrics.Figure("%.4f", m.PIIF1), metrics.Figure("%+.4f", m.F1Difference), m.Products)
		}
	}
}

// notes says what is missing, what to be careful with, and from where on a device is faster.
func (r *BenchmarkResult) notes(w io.Writer) {
	r.missing(w)
	if r.Before != nil && r.measured(0) {
		fmt.Fprintf(w, "memory: of each figure, %.0f MB were there before any model\n", *r.Before)
	}
	for _, m := range r.Models {
		if m.Auto != "" {
			fmt.Fprintf(w, "%s, auto is %s: %s\n", m.Device, m.Precision, m.Auto)
		}
	}
	for _, row := range r.Rows {
		if row.WarmUp != nil && !row.WarmUp.Stable {
			fmt.Fprintf(w, "%s, %s, batch %d: was not stable after %d calls of warm-up; other work on the machine?\n", row.Device, row.Precision,
				row.Batch, row.WarmUp.Calls)
		}
	}
	var said []string
	for _, row := range r.Rows {
		if row.Batch != 1 || row.Missing != "" {
			continue
		}
		for _, note := range row.Total.Notes {
			if !slices.Contains(said, note) {
				said = append(said, note)
				fmt.Fprintf(w, "one text at a time: %s\n", note)
			}
		}
	}
	for _, c := range r.Crossovers {
		if c.Batch == nil {
			fmt.Fprintf(w, "%s is not faster than %s with the greatest batch\n", c.Device, c.Than)
		} else {
			fmt.Fprintf(w, "%s is faster than %s from batch %d on\n", c.Device, c.Than, *c.Batch)
		}
	}
}

// missing says why models were not timed, the precisions of a device in one line where the reason is the same.
func (r *BenchmarkResult) missing(w io.Writer) {
	for i := 0; i < len(r.Models); {
		first, names := r.Models[i], []string(nil)
		for ; i < len(r.Models) && r.Models[i].Device == first.Device && r.Models[i].Missing == first.Missing; i++ {
			names = append(names, r.Models[i].Precision)
		}
		if first.Missing != "" {
			fmt.Fprintf(w, "%s, %s: %s\n", first.Device, strings.Join(names, " and "), first.Missing)
		}
	}
}

// modelName is the device of a row, with the precision where there are several on that device.
func (r *BenchmarkResult) modelName(row BenchmarkRow) string {
	for _, m := range r.Models {
		if m.Device == row.Device && m.Precision != row.Precision {
			return row.Device + " " + row.Precision
		}
	}
	return row.Device
}

// hasBatch reports whether a row has this batch size.
func (r *BenchmarkResult) hasBatch(size int) bool {
	return slices.ContainsFunc(r.Rows, func(row BenchmarkRow) bool { return row.Batch == size })
}

// quantileCell is such as "12.3 (11.9–13)", bounds that are not known being "?".
func quantileCell(q *metrics.Quantile) string {
	bound := func(v *float64) string {
		if v == nil {
			return "?"
		}
		return digits(*v)
	}
	return fmt.Sprintf("%s (%s–%s)", digits(q.Value), bound(q.Low), bound(q.High))
}

func ratioCell(r *metrics.Ratio) string {
	if r.Interval == nil {
		return fmt.Sprintf("%.2f", r.Value)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", r.Value, r.Interval.Low, r.Interval.High)
}

// digits is a positive figure with three digits, or all of those before the point.
func digits(v float64) string {
	decimals := 3
	for bound := 1.0; v >= bound && decimals > 0; bound *= 10 {
		decimals--
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

func megabytes(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f MB", *v)
}

func percent(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f%%", 100**share)
}
