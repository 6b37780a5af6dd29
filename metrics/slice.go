package metrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Slice names a part of the transcripts: those that have something in common.
type Slice struct {
	By    string `json:"by"`    // what tells the parts apart, such as "length"
	Value string `json:"value"` // what this part has in common, such as "11-25"; "" where that is not known
}

// SliceScore is how the spans of a part of the transcripts agree.
type SliceScore struct {
	Slice
	Documents int      `json:"documents"`
	Few       bool     `json:"few"`       // it has fewer than 30 gold spans of personal data: chance has much to do with its figures
	PII       Score    `json:"pii"`       // as Scores.PII
	Leaked    int      `json:"leaked"`    // as Redaction.Leaked
	LeakRate  *float64 `json:"leak_rate"` // as Redaction.LeakRate
	Micro     Score    `json:"micro"`     // as Scores.Micro
}

// few is the support below which a slice is marked.
const few = 30

// part adds up the transcripts of a slice.
type part struct {
	documents int
	total
}

// addTo adds the last transcript to its slices, once to each.
func (c *Counter) addTo(in []Slice) {
	last := &c.transcripts[len(c.transcripts)-1]
	for i, slice := range in {
		if slices.Contains(in[:i], slice) {
			continue
		}
		if c.parts[slice] == nil {
			c.parts[slice] = &part{}
		}
		c.parts[slice].documents++
		c.parts[slice].add(last)
	}
}

// sliceScores are the slices' figures, by By and then by Value.
func (c *Counter) sliceScores() []SliceScore {
	scores := make([]SliceScore, 0, len(c.parts))
	for slice, p := range c.parts {
		pii, redaction := p.pii(), p.redaction()
		scores = append(scores, SliceScore{Slice: slice, Documents: p.documents, Few: pii.Support < few, PII: pii,
			Leaked: redaction.Leaked, LeakRate: redaction.LeakRate, Micro: p.all()})
	}
	slices.SortFunc(scores, func(a, b SliceScore) int { return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.Value, b.Value)) })
	return scores
}

// slicesShown is how many values of one kind of slice the table has room for.
const slicesShown = 12

// SliceTable writes the slices as an aligned plain-text table. Of a kind with many values it has those with most transcripts.
func (s Scores) SliceTable(w io.Writer) error {
	var out bytes.Buffer
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "slice\t\ttranscripts\tgold PII\tpredicted\tprecision\trecall\tF1\tleak rate\tmicro F1\t\t")
	var notes []string
	for rest := s.Slices; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].By == rest[0].By {
			n++
		}
		kind, most := rest[:n], mostShown(rest[:n])
		rest = rest[n:]
		name := kind[0].By
		for _, slice := range most {
			slice.row(table, name)
			name = ""
		}
		if len(most) < len(kind) {
			notes = append(notes, fmt.Sprintf("%s has %d values, of which these are the commonest", kind[0].By, len(kind)))
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write slices: %w", err)
	}
	if slices.ContainsFunc(s.Slices, func(slice SliceScore) bool { return slice.Few }) {
		notes = append(notes, fmt.Sprintf("* fewer than %d spans of personal data: chance has much to do with it", few))
	}
	for _, note := range notes {
		fmt.Fprintln(&out, note)
	}
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("write slices: %w", err)
	}
	return nil
}

func (s SliceScore) row(table io.Writer, by string) {
	mark := map[bool]string{true: "*"}[s.Few]
	fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", by, shown(s.Value), s.Documents, s.PII.Support, s.PII.Predicted,
		decimals(s.PII.Precision), decimals(s.PII.Recall), decimals(s.PII.F1), decimals(s.LeakRate), decimals(s.Micro.F1), mark)
}

// mostShown are the slices of one kind that the table has, in their order.
func mostShown(kind []SliceScore) []SliceScore {
	if len(kind) <= slicesShown {
		return kind
	}
	byCount := slices.Clone(kind)
	slices.SortStableFunc(byCount, func(a, b SliceScore) int { return cmp.Compare(b.Documents, a.Documents) })
	most := byCount[:slicesShown]
	slices.SortFunc(most, func(a, b SliceScore) int { return cmp.Compare(a.Value, b.Value) })
	return most
}

// shown is a value as a cell of a table: short, and without what would break it.
func shown(value string) string {
	const most = 24
	if value == "" {
		return "(not known)"
	}
	value = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, value)
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most-1]) + "…"
	}
	return value
}
