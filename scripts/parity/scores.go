package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"pii/labels"
	"pii/metrics"
)

// scored are documents with gold and predicted spans, and what seqeval and nervaluate say of them.
type scored struct {
	Docs []struct {
		Length    int     `json:"length"`
		Gold      triples `json:"gold"`
		Predicted triples `json:"pred"`
	} `json:"docs"`
	Seqeval    map[string]report `json:"seqeval_strict"`
	Nervaluate struct {
		Overall map[string]schemeCounts            `json:"overall"`
		Types   map[string]map[string]schemeCounts `json:"entities"`
	} `json:"nervaluate"`
}

// report is a row of seqeval's report, where 0/0 is 0.
type report struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1-score"`
	Support   float64 `json:"support"`
}

// schemeCounts are nervaluate's counts of a scheme. Its ratios are not taken: see testdata/README.md.
type schemeCounts struct{ Correct, Incorrect, Partial, Missed, Spurious, Possible, Actual int }

// triples are spans written as [start, end, type].
type triples []labels.Span

// UnmarshalJSON reads [[0, 5, "CITY"], …].
func (t *triples) UnmarshalJSON(content []byte) error {
	var list [][]json.RawMessage
	if err := json.Unmarshal(content, &list); err != nil {
		return err
	}
	for _, item := range list {
		var s labels.Span
		if len(item) != 3 {
			return fmt.Errorf("a span has %d parts, not start, end and type", len(item))
		}
		for i, into := range []any{&s.Start, &s.End, &s.Label} {
			if err := json.Unmarshal(item[i], into); err != nil {
				return err
			}
		}
		*t = append(*t, s)
	}
	return nil
}

func checkScores(dir string) []row {
	rows := []row{
		{what: "seqeval's report, strict, from tags", tolerance: 1e-9},
		{what: "SemEval counts, overall"}, {what: "SemEval counts, by type"},
	}
	file, err := readJSON[scored](filepath.Join(dir, "metrics.json"))
	var set *labels.Set
	if err == nil {
		set, err = file.labelSet()
	}
	if err != nil {
		for i := range rows {
			rows[i].err = err
		}
		return rows
	}
	rows[0].err = file.compareReport(&rows[0], set)
	rows[1].err = file.compareSchemes(&rows[1], set, file.Nervaluate.Overall, "all")
	for _, t := range set.Types() {
		if want, ok := file.Nervaluate.Types[t.Name]; ok && rows[2].err == nil {
			rows[2].err = file.compareSchemes(&rows[2], set, want, t.Name)
		}
	}
	return rows
}

// labelSet has the types that the documents have.
func (f scored) labelSet() (*labels.Set, error) {
	names := map[string]bool{}
	for _, doc := range f.Docs {
		for _, s := range slices.Concat(doc.Gold, doc.Predicted) {
			names[s.Label] = true
		}
	}
	var types []labels.Type
	for _, name := range slices.Sorted(maps.Keys(names)) {
		types = append(types, labels.Type{Name: name})
	}
	return labels.NewSet(types)
}

// compareReport goes the way of seqeval: spans to one tag a position, and these to spans.
func (f scored) compareReport(r *row, set *labels.Set) error {
	counter := metrics.NewCounter(set)
	for _, doc := range f.Docs {
		positions := labels.Positions(doc.Length)
		var found [2][]labels.Span
		for i, spans := range []triples{doc.Gold, doc.Predicted} {
			tags, _, err := set.Encode(positions, spans)
			if err != nil {
				return err
			}
			found[i] = set.StrictSpans(positions, tags)
		}
		if err := counter.Add(found[0], found[1]); err != nil {
			return err
		}
	}
	got := reportOf(counter.Scores())
	for _, name := range slices.Sorted(maps.Keys(f.Seqeval)) {
		where, want := "metrics.json, "+name, f.Seqeval[name]
		row, ok := got[name]
		if !ok {
			return fmt.Errorf("metrics.json: there is no row %q", name)
		}
		for _, pair := range [][2]float64{{row.Precision, want.Precision}, {row.Recall, want.Recall}, {row.F1, want.F1}, {row.Support, want.Support}} {
			r.see(max(pair[0]-pair[1], pair[1]-pair[0]), where)
		}
	}
	return nil
}

// reportOf names scores as seqeval does.
func reportOf(s metrics.Scores) map[string]report {
	rows := map[string]report{}
	add := func(name string, support int, ratios ...*float64) {
		var values [3]float64
		for i, ratio := range ratios {
			if ratio != nil {
				values[i] = *ratio
			}
		}
		rows[name] = report{values[0], values[1], values[2], float64(support)}
	}
	for _, t := range s.Types {
		add(t.Type, t.Support, t.Precision, t.Recall, t.F1)
	}
	add("micro avg", s.Micro.Support, s.Micro.Precision, s.Micro.Recall, s.Micro.F1)
	add("macro avg", s.Micro.Support, s.Macro.Precision, s.Macro.Recall, s.Macro.F1)
	add("weighted avg", s.Micro.Support, s.Weighted.Precision, s.Weighted.Recall, s.Weighted.F1)
	return rows
}

// compareSchemes compares the counts of spans of one type, or of all. nervaluate's rows of a type know no other type: a wrong
// type is missed in the one and spurious in the other.
func (f scored) compareSchemes(r *row, set *labels.Set, want map[string]schemeCounts, typ string) error {
	other := func(s labels.Span) bool { return typ != "all" && s.Label != typ }
	counter := metrics.NewCounter(set)
	for _, doc := range f.Docs {
		err := counter.Add(slices.DeleteFunc(slices.Clone(doc.Gold), other), slices.DeleteFunc(slices.Clone(doc.Predicted), other))
		if err != nil {
			return err
		}
	}
	overall := counter.Scores().SemEval.Overall
	for name, s := range map[string]metrics.SchemeScore{"strict": overall.Strict, "exact": overall.Exact, "partial": overall.Partial, "ent_type": overall.Type} {
		got := schemeCounts{s.Correct, s.Incorrect, s.Partial, s.Missed, s.Spurious, s.Possible, s.Actual}
		r.same(got == want[name], fmt.Sprintf("metrics.json, %s, %s", typ, name))
	}
	return nil
}
