package metrics

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"pii/labels"
)

// goldenFile is the fixture metrics.json of `make parity`: documents, and what seqeval and nervaluate say of them.
type goldenFile struct {
	Docs []struct {
		Length    int     `json:"length"`
		Gold      triples `json:"gold"`
		Predicted triples `json:"pred"`
	} `json:"docs"`
	Seqeval    map[string]seqevalRow `json:"seqeval_strict"`
	Nervaluate struct {
		Overall map[string]nervaluateRow            `json:"overall"`
		Types   map[string]map[string]nervaluateRow `json:"entities"`
	} `json:"nervaluate"`
}

type seqevalRow struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1-score"`
	Support   float64 `json:"support"`
}

type nervaluateRow struct {
	Correct, Incorrect, Partial, Missed, Spurious, Possible, Actual int
	Precision, Recall, F1                                           float64
}

// triples are spans as [start, end, type].
type triples []labels.Span

func (t *triples) UnmarshalJSON(data []byte) error {
	var list [][3]any
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, item := range list {
		*t = append(*t, span(int(item[0].(float64)), int(item[1].(float64)), item[2].(string)))
	}
	return nil
}

func readTestdata(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func golden(t *testing.T) goldenFile {
	t.Helper()
	var file goldenFile
	readTestdata(t, "../scripts/parity/testdata/metrics.json", &file)
	if len(file.Docs) != 60 || len(file.Seqeval) != 10 || len(file.Nervaluate.Overall) != 4 || len(file.Nervaluate.Types) != 7 {
		t.Fatal("metrics.json is not whole")
	}
	return file
}

// goldenScores counts the spans of the documents that keep allows.
func goldenScores(t *testing.T, file goldenFile, keep func(labels.Span) bool) Scores {
	t.Helper()
	c := NewCounter(defaultSet(t))
	drop := func(span labels.Span) bool { return !keep(span) }
	for _, doc := range file.Docs {
		gold, predicted := slices.DeleteFunc(slices.Clone(doc.Gold), drop), slices.DeleteFunc(slices.Clone(doc.Predicted), drop)
		if err := c.Add(gold, predicted); err != nil {
			t.Fatal(err)
		}
	}
	return c.Scores()
}

func every(labels.Span) bool { return true }

// TestSeqevalFromTags goes the way of seqeval: spans to one tag a position, and these to spans in strict mode.
func TestSeqevalFromTags(t *testing.T) {
	file := golden(t)
	set := defaultSet(t)
	c := NewCounter(set)
	for _, doc := range file.Docs {
		positions := labels.Positions(doc.Length)
		var found [2][]labels.Span
		for i, spans := range []triples{doc.Gold, doc.Predicted} {
			tags, lost, err := set.Encode(positions, spans)
			if err != nil || lost != 0 {
				t.Fatalf("%d lost, %v", lost, err)
			}
			found[i] = set.StrictSpans(positions, tags)
		}
		if err := c.Add(found[0], found[1]); err != nil {
			t.Fatal(err)
		}
	}
	compareReport(t, c.Scores(), file.Seqeval)
	compareReport(t, goldenScores(t, file, every), file.Seqeval) // the spans themselves give the same
}

// compareReport holds scores against seqeval's report, which has 0 for 0/0.
func compareReport(t *testing.T, s Scores, report map[string]seqevalRow) {
	t.Helper()
	got := map[string]seqevalRow{}
	add := func(name string, support int, precision, recall, f1 *float64) {
		got[name] = seqevalRow{orZero(precision), orZero(recall), orZero(f1), float64(support)}
	}
	for _, typ := range s.Types {
		if typ.F1 != nil {
			add(typ.Type, typ.Support, typ.Precision, typ.Recall, typ.F1)
		}
	}
	add("micro avg", s.Micro.Support, s.Micro.Precision, s.Micro.Recall, s.Micro.F1)
	add("macro avg", s.Micro.Support, s.Macro.Precision, s.Macro.Recall, s.Macro.F1)
	add("weighted avg", s.Micro.Support, s.Weighted.Precision, s.Weighted.Recall, s.Weighted.F1)
	if names, want := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(report)); !slices.Equal(names, want) {
		t.Errorf("rows %v, seqeval has %v", names, want)
	}
	for name, row := range got {
		want := report[name]
		if row.Support != want.Support || !near(&row.Precision, want.Precision) || !near(&row.Recall, want.Recall) ||
			!near(&row.F1, want.F1) {
			t.Errorf("%s: %v, seqeval has %v", name, row, want)
		}
	}
}

func TestSchemesEqualNervaluate(t *testing.T) {
	file := golden(t)
	compareSchemes(t, "overall", goldenScores(t, file, every).SemEval.Overall, file.Nervaluate.Overall)
	for typ, rows := range file.Nervaluate.Types {
		alone := goldenScores(t, file, func(span labels.Span) bool { return span.Label == typ })
		compareSchemes(t, typ+" alone", alone.SemEval.Overall, rows)
	}
}

// TestSchemesOfTypes holds the types' own counts against what a row of nervaluate has right: with the other types gone, a
// wrong type is no longer there to be counted, but a right one is.
func TestSchemesOfTypes(t *testing.T) {
	file := golden(t)
	for _, typ := range goldenScores(t, file, every).SemEval.Types {
		rows := file.Nervaluate.Types[typ.Type]
		if got, want := typ.Strict.Correct, rows["strict"].Correct; got != want {
			t.Errorf("%s: strict has %d correct, want %d", typ.Type, got, want)
		}
		if got, want := typ.Schemes.Type.Correct, rows["ent_type"].Correct; got != want {
			t.Errorf("%s: type has %d correct, want %d", typ.Type, got, want)
		}
		if got, want := typ.Strict.Possible, rows["strict"].Possible; got != want {
			t.Errorf("%s: %d possible, want %d", typ.Type, got, want)
		}
	}
}

func compareSchemes(t *testing.T, name string, got Schemes, want map[string]nervaluateRow) {
	t.Helper()
	for scheme, score := range map[string]SchemeScore{
		"strict": got.Strict, "exact": got.Exact, "partial": got.Partial, "ent_type": got.Type,
	} {
		row, ok := want[scheme]
		counts := SchemeScore{Correct: row.Correct, Incorrect: row.Incorrect, Partial: row.Partial, Missed: row.Missed,
			Spurious: row.Spurious, Possible: row.Possible, Actual: row.Actual}
		if bare(score) != counts || !ok {
			t.Errorf("%s, %s: %+v, want %+v", name, scheme, bare(score), counts)
		}
		credit := float64(row.Correct) + float64(row.Partial)/2
		precision, recall := credit/float64(row.Actual), credit/float64(row.Possible)
		if !near(score.Precision, precision) || !near(score.Recall, recall) || !near(score.F1, 2*precision*recall/(precision+recall)) {
			t.Errorf("%s, %s: %s", name, scheme, showScheme(score))
		}
		if scheme != "partial" && (!near(score.Precision, row.Precision) || !near(score.Recall, row.Recall) || !near(score.F1, row.F1)) {
			t.Errorf("%s, %s: %s, want %v", name, scheme, showScheme(score), row)
		}
	}
}

// bare is the score without its ratios, which are pointers.
func bare(s SchemeScore) SchemeScore {
	s.Precision, s.Recall, s.F1 = nil, nil, nil
	return s
}

// tagsFile is testdata/tags.json.
type tagsFile struct {
	Docs []struct {
		Gold      []string `json:"gold"`
		Predicted []string `json:"pred"`
		Strict    triples  `json:"strict"` // the spans of Gold
		Default   triples  `json:"default"`
	} `json:"docs"`
	Report struct {
		Strict  map[string]seqevalRow `json:"strict"`
		Default map[string]seqevalRow `json:"default"`
	} `json:"report"`
}

// TestTagsThatAreNotLegal compares both of seqeval's modes, with types that are only in one of gold and prediction too.
func TestTagsThatAreNotLegal(t *testing.T) {
	var file tagsFile
	readTestdata(t, "testdata/tags.json", &file)
	set, err := labels.NewSet([]labels.Type{{Name: "CITY"}, {Name: "DATE"}, {Name: "PHONE"}, {Name: "RARE"}, {Name: "WRONG"}})
	if err != nil {
		t.Fatal(err)
	}
	strict, standard := NewCounter(set), NewCounter(set)
	for _, doc := range file.Docs {
		positions, gold, predicted := labels.Positions(len(doc.Gold)), tagIDs(t, set, doc.Gold), tagIDs(t, set, doc.Predicted)
		if got := set.StrictSpans(positions, gold); !slices.Equal(got, doc.Strict) {
			t.Errorf("%v: strict spans %v, want %v", doc.Gold, got, doc.Strict)
		}
		if got := set.Spans(positions, gold); !slices.Equal(got, doc.Default) {
			t.Errorf("%v: spans %v, want %v", doc.Gold, got, doc.Default)
		}
		if err := strict.Add(set.StrictSpans(positions, gold), set.StrictSpans(positions, predicted)); err != nil {
			t.Fatal(err)
		}
		if err := standard.Add(set.Spans(positions, gold), set.Spans(positions, predicted)); err != nil {
			t.Fatal(err)
		}
	}
	compareReport(t, strict.Scores(), file.Report.Strict)
	compareReport(t, standard.Scores(), file.Report.Default)
}

func tagIDs(t *testing.T, set *labels.Set, names []string) []int {
	t.Helper()
	ids := make([]int, len(names))
	for i, name := range names {
		id, ok := set.TagID(name)
		if !ok {
			t.Fatalf("no tag %s", name)
		}
		ids[i] = id
	}
	return ids
}
