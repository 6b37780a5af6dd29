// Parity holds this program against fixtures that Hugging Face transformers, tokenizers, seqeval and nervaluate made, and
// prints how far apart they are. `make parity` runs it; make test runs it too.
//
//	go run ./scripts/parity [DIR]
//
// DIR holds fixtures of the same shape as testdata, where the README says what each file is. It may lack some.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
)

func main() {
	dir, mayLack := "scripts/parity/testdata", len(os.Args) == 2
	if mayLack {
		dir = os.Args[1]
	}
	if len(os.Args) > 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./scripts/parity [DIR]")
		os.Exit(2) //nolint:forbidigo // this is a main
	}
	equal, err := print(os.Stdout, check(dir), mayLack)
	if err != nil {
		fmt.Fprintln(os.Stderr, "parity:", err)
	}
	if err != nil || !equal {
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// row is what one comparison found.
type row struct {
	what      string
	compared  int     // how many values or cases
	tolerance float64 // greatest difference that passes; 0 for equality
	worst     float64 // greatest difference found; for equality, how many cases differ
	where     string  // the worst place, by file and line; never a text
	err       error   // why nothing could be compared
}

func (r row) passes() bool { return r.err == nil && r.compared > 0 && r.worst <= r.tolerance }

// see takes in a difference; NaN is the worst of all.
func (r *row) see(difference float64, where string) {
	r.compared++
	if difference > r.worst || difference != difference {
		r.worst, r.where = difference, where
	}
}

// same takes in whether a case is equal.
func (r *row) same(equal bool, where string) {
	r.compared++
	if !equal {
		if r.worst == 0 {
			r.where = where
		}
		r.worst++
	}
}

// check makes all comparisons with the fixtures in dir.
func check(dir string) []row {
	var rows []row
	for _, checks := range []func(string) []row{checkTokenization, checkModel, checkTraining, checkScores, checkAggregation} {
		rows = append(rows, checks(dir)...)
	}
	return rows
}

// print writes the table and reports whether everything passed. With mayLack, it is enough that what is there passed.
func print(w io.Writer, rows []row, mayLack bool) (passed bool, err error) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what\tcompared\ttolerance\tworst\t\t")
	good, bad := 0, 0
	for _, r := range rows {
		verdict := "ok"
		switch {
		case r.passes():
			good++
		case mayLack && errors.Is(r.err, fs.ErrNotExist):
			verdict = "not there"
		default:
			bad++
			verdict = "FAILS"
			if r.where != "" {
				verdict += " at " + r.where
			}
			if r.err != nil {
				verdict += ": " + r.err.Error()
			}
		}
		tolerance, worst := "equal", fmt.Sprintf("%g differ", r.worst)
		if r.tolerance > 0 {
			tolerance, worst = fmt.Sprintf("%.0e", r.tolerance), fmt.Sprintf("%.1e", r.worst)
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t\n", r.what, r.compared, tolerance, worst, verdict)
	}
	return good > 0 && bad == 0, table.Flush()
}
