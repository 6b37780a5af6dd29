package stages

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"pii/data"
	"pii/labels"
	"pii/metrics"
)

// Fault is one thing that predictions got wrong, as JSON: a line of the file of errors.
type Fault struct {
	ID        string       `json:"id"`        // of the transcript
	Kind      string       `json:"kind"`      // missed, false, type, border or both, as in metrics.Fault
	Gold      *labels.Span `json:"gold"`      // null where kind is false
	Predicted *scoredSpan  `json:"predicted"` // null where kind is missed
	Leaked    int          `json:"leaked"`    // characters of personal data that would stay
	Masked    bool         `json:"masked"`    // the excerpt shows what the text looks like, not what it says; see data.Mask
	Excerpt   excerpt      `json:"excerpt"`
}

// scoredSpan is a predicted span. Its score is 0 where the predictions have none.
type scoredSpan struct {
	labels.Span
	Score float64 `json:"score"`
}

// excerpt is where the spans of a fault stand.
type excerpt struct {
	Before string `json:"before"` // a few words
	Span   string `json:"span"`   // from where the first span begins to where the last one ends
	After  string `json:"after"`
}

// worstFaults keeps the worst faults of a file. Nil keeps none.
type worstFaults struct {
	most   int  // how many; 0 for all
	plain  bool // with the text as it is
	faults []Fault
}

// add looks at the predictions of the next transcript of the file.
func (w *worstFaults) add(set *labels.Set, t data.Transcript, entities []PredictedEntity) {
	if w == nil {
		return
	}
	text := []rune(t.Text)
	for _, f := range metrics.Faults(set, t.Entities, spansOf(entities)) {
		fault := Fault{ID: t.ID, Kind: f.Kind, Gold: f.Gold, Leaked: f.Leaked, Masked: !w.plain}
		first, last := math.MaxInt, 0
		if f.Gold != nil {
			first, last = f.Gold.Start, f.Gold.End
		}
		if f.Predicted != nil {
			fault.Predicted = &scoredSpan{*f.Predicted, scoreOf(*f.Predicted, entities)}
			first, last = min(first, f.Predicted.Start), max(last, f.Predicted.End)
		}
		fault.Excerpt = excerptOf(text, first, last)
		if fault.Masked {
			fault.Excerpt.mask()
		}
		w.faults = append(w.faults, fault)
	}
	if w.most > 0 && len(w.faults) > 2*w.most+1000 {
		w.list()
	}
}

// list gives the worst faults, the worst first: personal data that would stay, by how many characters of it; then what was
// made up, then the rest, each by how sure the model was. What is equal stays in the order of the file.
func (w *worstFaults) list() []Fault {
	if w == nil {
		return nil
	}
	slices.SortStableFunc(w.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(b.Leaked, a.Leaked), cmp.Compare(a.rank(), b.rank()), cmp.Compare(b.score(), a.score()))
	})
	if w.most > 0 && len(w.faults) > w.most {
		clear(w.faults[w.most:]) // lets go of the texts
		w.faults = w.faults[:w.most]
	}
	return w.faults
}

func (f Fault) rank() int {
	if f.Kind == metrics.FaultFalse {
		return 0
	}
	return 1
}

func (f Fault) score() float64 {
	if f.Predicted == nil {
		return 0
	}
	return f.Predicted.Score
}

func scoreOf(span labels.Span, entities []PredictedEntity) float64 {
	best := 0.0
	for _, e := range entities {
		if e.Start == span.Start && e.End == span.End && e.Label == span.Label {
			best = max(best, e.Score)
		}
	}
	return best
}

// excerptOf cuts out the text from first to last and some words around it. Offsets beyond the text end with it.
func excerptOf(text []rune, first, last int) excerpt {
	last = min(last, len(text))
	first = min(first, last)
	from, to := first, last
	for words := 0; from > 0 && first-from < contextRunes; from-- {
		if unicode.IsSpace(text[from-1]) && from < first && !unicode.IsSpace(text[from]) {
			if words++; words == contextWords {
				break
			}
		}
	}
	for words := 0; to < len(text) && to-last < contextRunes; to++ {
		if unicode.IsSpace(text[to]) && to > last && !unicode.IsSpace(text[to-1]) {
			if words++; words == contextWords {
				break
			}
		}
	}
	return excerpt{string(text[from:first]), string(text[first:last]), string(text[last:to])}
}

// The context of an excerpt, on either side: so many words, where they are not overlong.
const (
	contextWords = 4
	contextRunes = 40
)

func (e *excerpt) mask() {
	e.Before, e.Span, e.After = data.Mask(e.Before), data.Mask(e.Span), data.Mask(e.After)
}

// writeLines writes a JSON object a line.
func writeLines(w io.Writer, faults []Fault) error {
	for _, fault := range faults {
		line, err := marshalLine(fault)
		if err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// printErrors writes a line for each fault, with the excerpt last.
func (e Evaluation) printErrors(w io.Writer) error {
	if len(e.Errors) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	fmt.Fprintln(table, "error\ttranscript\tgold\tpredicted\tscore\tleaked\twhere")
	for _, f := range e.Errors {
		gold, predicted, score := "-", "-", "-"
		if f.Gold != nil {
			gold = place(*f.Gold)
		}
		if f.Predicted != nil {
			predicted = place(f.Predicted.Span)
		}
		if f.score() > 0 {
			score = fmt.Sprintf("%.4f", f.score())
		}
		where := f.Excerpt.Before + "[" + f.Excerpt.Span + "]" + f.Excerpt.After
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", f.Kind, onLine(f.ID), gold, predicted, score, f.Leaked, onLine(where))
	}
	return table.Flush()
}

func place(s labels.Span) string { return fmt.Sprintf("%s %d-%d", s.Label, s.Start, s.End) }

// onLine is a text without what would break a line of a table, or command a terminal.
func onLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '?'
	}, text)
}
