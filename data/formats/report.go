package formats

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"pii/data"
)

// Report counts what an import read, wrote and left out.
type Report struct {
	Format             string   `json:"format"`
	Input              string   `json:"input"`
	Read               int      `json:"read"`    // records
	Written            int      `json:"written"` // transcripts
	SpansRead          int      `json:"spans_read"`
	SpansWritten       int      `json:"spans_written"`
	TranscriptsDropped []Drop   `json:"transcripts_dropped"`
	SpansDropped       []Drop   `json:"spans_dropped"`
	AnnotationsDropped int      `json:"annotations_dropped"` // those of a task that has a better one
	Merged             int      `json:"spans_merged"`        // spans that became part of the one before them
	Trimmed            int      `json:"spans_trimmed"`
	Converted          int      `json:"offsets_converted"` // spans whose offsets counted UTF-16 code units
	Renamed            int      `json:"ids_changed"`       // ids that stood in the file before
	Labels             []Rename `json:"labels"`
}

// Drop is a reason for which something was left out.
type Drop struct {
	Reason string `json:"reason"`
	Label  string `json:"label,omitempty"`
	Count  int    `json:"count"`
	First  string `json:"first"` // where it was left out first
}

// Rename says how many spans of a label came through, before any were merged, and as what.
type Rename struct {
	From  string `json:"from"` // in the file
	To    string `json:"to"`
	Count int    `json:"count"`
}

// reasons counts drops by reason and label.
type reasons map[[2]string]*Drop

func (r reasons) add(reason, label string, where place) {
	key := [2]string{reason, label}
	if r[key] == nil {
		r[key] = &Drop{Reason: reason, Label: label, First: where.String()}
	}
	r[key].Count++
}

// list gives the drops, the most frequent first.
func (r reasons) list() []Drop {
	list := []Drop{}
	for _, d := range r {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Drop) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Label, b.Label))
	})
	return list
}

// Print writes the report as a table.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "read\t%s, %s\n", Several(r.Read, "transcript"), Several(r.SpansRead, "span"))
	fmt.Fprintf(t, "written\t%s, %s\n", Several(r.Written, "transcript"), Several(r.SpansWritten, "span"))
	for _, change := range []struct {
		verb  string
		count int
		noun  string
		more  string
	}{
		{"merged", r.Merged, "span", " with the one before"},
		{"trimmed", r.Trimmed, "span", " of white space at the ends"},
		{"converted", r.Converted, "span", " of offsets in UTF-16 code units"},
		{"changed", r.Renamed, "id", " that stood in the file before"},
		{"left out", r.AnnotationsDropped, "annotation", ": " + otherAnnotation},
	} {
		if change.count > 0 {
			fmt.Fprintf(t, "%s\t%s%s\n", change.verb, Several(change.count, change.noun), change.more)
		}
	}
	printDrops(t, "transcript", r.TranscriptsDropped)
	printDrops(t, "span", r.SpansDropped)
	return t.Flush()
}

func printDrops(w io.Writer, what string, drops []Drop) {
	for _, d := range drops {
		reason := d.Reason
		if d.Label != "" {
			reason += " " + data.Quote(d.Label)
		}
		fmt.Fprintf(w, "left out\t%s: %s; first at %s\n", Several(d.Count, what), reason, d.First)
	}
}

// Several is a number of things, in words: "1 span", "2 spans".
func Several(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
