package metrics

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func showScheme(s SchemeScore) string {
	return fmt.Sprintf("%d/%d/%d/%d/%d %s %s %s", s.Correct, s.Incorrect, s.Partial, s.Missed, s.Spurious,
		decimals(s.Precision), decimals(s.Recall), decimals(s.F1))
}

// TestSchemes goes through what can become of a span, and through pairs that could be made in more than one way.
func TestSchemes(t *testing.T) {
	none := []labels.Span{}
	drug := span(10, 20, "PHONE")
	for _, c := range []struct {
		name                          string
		gold, predicted               []labels.Span
		strict, exact, partial, typed string
	}{
		{"nothing", none, none, "0/0/0/0/0 - - -", "0/0/0/0/0 - - -", "0/0/0/0/0 - - -", "0/0/0/0/0 - - -"},
		{"all right", []labels.Span{drug}, []labels.Span{drug}, "1/0/0/0/0 1.0000 1.0000 1.0000",
			"1/0/0/0/0 1.0000 1.0000 1.0000", "1/0/0/0/0 1.0000 1.0000 1.0000", "1/0/0/0/0 1.0000 1.0000 1.0000"},
		{"made up", none, []labels.Span{drug}, "0/0/0/0/1 0.0000 - 0.0000",
			"0/0/0/0/1 0.0000 - 0.0000", "0/0/0/0/1 0.0000 - 0.0000", "0/0/0/0/1 0.0000 - 0.0000"},
		{"missed", []labels.Span{drug}, none, "0/0/0/1/0 - 0.0000 0.0000",
			"0/0/0/1/0 - 0.0000 0.0000", "0/0/0/1/0 - 0.0000 0.0000", "0/0/0/1/0 - 0.0000 0.0000"},
		{"another type", []labels.Span{drug}, []labels.Span{span(10, 20, "DATE")}, "0/1/0/0/0 0.0000 0.0000 0.0000",
			"1/0/0/0/0 1.0000 1.0000 1.0000", "1/0/0/0/0 1.0000 1.0000 1.0000", "0/1/0/0/0 0.0000 0.0000 0.0000"},
		{"another border", []labels.Span{drug}, []labels.Span{span(12, 20, "PHONE")}, "0/1/0/0/0 0.0000 0.0000 0.0000",
			"0/1/0/0/0 0.0000 0.0000 0.0000", "0/0/1/0/0 0.5000 0.5000 0.5000", "1/0/0/0/0 1.0000 1.0000 1.0000"},
		{"another border and type", []labels.Span{drug}, []labels.Span{span(19, 30, "DATE")}, "0/1/0/0/0 0.0000 0.0000 0.0000",
			"0/1/0/0/0 0.0000 0.0000 0.0000", "0/0/1/0/0 0.5000 0.5000 0.5000", "0/1/0/0/0 0.0000 0.0000 0.0000"},
		{"touching is not overlapping", []labels.Span{drug}, []labels.Span{span(20, 30, "PHONE")}, "0/0/0/1/1 0.0000 0.0000 0.0000",
			"0/0/0/1/1 0.0000 0.0000 0.0000", "0/0/0/1/1 0.0000 0.0000 0.0000", "0/0/0/1/1 0.0000 0.0000 0.0000"},
		{"two halves: the longer one answers", []labels.Span{drug}, []labels.Span{span(10, 13, "PHONE"), span(14, 20, "DATE")},
			"0/1/0/0/1 0.0000 0.0000 0.0000", "0/1/0/0/1 0.0000 0.0000 0.0000", "0/0/1/0/1 0.2500 0.5000 0.3333",
			"0/1/0/0/1 0.0000 0.0000 0.0000"},
		{"equal halves: the one of the type answers", []labels.Span{drug}, []labels.Span{span(10, 15, "DATE"), span(15, 20, "PHONE")},
			"0/1/0/0/1 0.0000 0.0000 0.0000", "0/1/0/0/1 0.0000 0.0000 0.0000", "0/0/1/0/1 0.2500 0.5000 0.3333",
			"1/0/0/0/1 0.5000 1.0000 0.6667"},
		{"the same borders before a larger overlap", []labels.Span{span(0, 30, "DATE"), drug}, []labels.Span{span(0, 12, "DATE"), span(10, 20, "DATE")},
			"0/2/0/0/0 0.0000 0.0000 0.0000", "1/1/0/0/0 0.5000 0.5000 0.5000", "1/0/1/0/0 0.7500 0.7500 0.7500",
			"1/1/0/0/0 0.5000 0.5000 0.5000"},
		{"one prediction over two spans", []labels.Span{span(0, 4, "PHONE"), span(5, 20, "PHONE")}, []labels.Span{span(0, 20, "PHONE")},
			"0/1/0/1/0 0.0000 0.0000 0.0000", "0/1/0/1/0 0.0000 0.0000 0.0000", "0/0/1/1/0 0.5000 0.2500 0.3333",
			"1/0/0/1/0 1.0000 0.5000 0.6667"},
		{"a prediction again", []labels.Span{drug}, []labels.Span{drug, drug}, "1/0/0/0/1 0.5000 1.0000 0.6667",
			"1/0/0/0/1 0.5000 1.0000 0.6667", "1/0/0/0/1 0.5000 1.0000 0.6667", "1/0/0/0/1 0.5000 1.0000 0.6667"},
		{"fewer pairs than could be", []labels.Span{span(0, 5, "PHONE"), span(5, 20, "PHONE")},
			[]labels.Span{span(3, 10, "PHONE"), span(18, 20, "PHONE"), span(9, 11, "PHONE")},
			"0/1/0/1/2 0.0000 0.0000 0.0000", "0/1/0/1/2 0.0000 0.0000 0.0000", "0/0/1/1/2 0.1667 0.2500 0.2000",
			"1/0/0/1/2 0.3333 0.5000 0.4000"},
	} {
		got := scores(t, [2][]labels.Span{c.gold, c.predicted}).SemEval.Overall
		for _, scheme := range []struct {
			name string
			got  SchemeScore
			want string
		}{{"strict", got.Strict, c.strict}, {"exact", got.Exact, c.exact}, {"partial", got.Partial, c.partial}, {"type", got.Type, c.typed}} {
			if text := showScheme(scheme.got); text != scheme.want {
				t.Errorf("%s: %s is %s, want %s", c.name, scheme.name, text, scheme.want)
			}
		}
	}
}

// TestSchemesAgreeWithSomeOrderOfNervaluate: nervaluate takes spans in the order in which it gets them. Over all orders it has
// to come to our counts too; and where the order does not matter to it, to no others.
func TestSchemesAgreeWithSomeOrderOfNervaluate(t *testing.T) {
	var docs []struct {
		Gold      triples             `json:"gold"`
		Predicted triples             `json:"pred"`
		Counts    map[string][][5]int `json:"counts"`
	}
	readTestdata(t, "testdata/spans.json", &docs)
	decided := 0
	for _, doc := range docs {
		got := scores(t, [2][]labels.Span{doc.Gold, doc.Predicted}).SemEval.Overall
		for name, s := range map[string]SchemeScore{"strict": got.Strict, "exact": got.Exact, "partial": got.Partial, "type": got.Type} {
			counts := [5]int{s.Correct, s.Incorrect, s.Partial, s.Missed, s.Spurious}
			if !slices.Contains(doc.Counts[name], counts) {
				t.Errorf("gold %v, predicted %v, %s: %v, nervaluate has %v", doc.Gold, doc.Predicted, name, counts, doc.Counts[name])
			}
			if len(doc.Counts[name]) == 1 {
				decided++
			}
		}
	}
	if decided < 500 {
		t.Errorf("only %d of the scores do not depend on the order", decided)
	}
}

// someSpans draws spans of a few types that overlap, nest, touch and repeat.
func someSpans(label string) *rapid.Generator[[]labels.Span] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) labels.Span {
		start := rapid.IntRange(0, 12).Draw(t, "start")
		return span(start, start+rapid.IntRange(1, 8).Draw(t, "length"), rapid.SampledFrom([]string{"PHONE", "DATE", "CITY"}).Draw(t, label))
	}), 0, 6)
}

func TestAssignKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gold, predicted := someSpans("gold").Draw(t, "gold"), someSpans("predicted").Draw(t, "predicted")
		a := Assign(gold, predicted)
		usedGold, usedPredicted := slices.Clone(a.Missed), slices.Clone(a.Spurious)
		for _, pair := range a.Pairs {
			if shared(pair.Gold, pair.Predicted) == 0 {
				t.Errorf("%v answers %v", pair.Predicted, pair.Gold)
			}
			usedGold, usedPredicted = append(usedGold, pair.Gold), append(usedPredicted, pair.Predicted)
		}
		if !samePlaces(usedGold, gold) || !samePlaces(usedPredicted, predicted) {
			t.Errorf("%+v does not hold each span once", a)
		}
		for _, missed := range a.Missed {
			for _, spurious := range a.Spurious {
				if shared(missed, spurious) > 0 {
					t.Errorf("%v could answer %v", spurious, missed)
				}
			}
		}
		if right := len(both(gold, predicted)); right != exactPairs(a) {
			t.Errorf("%d spans are right, %d pairs say so", right, exactPairs(a))
		}
		for range 5 {
			shuffle(gold)
			shuffle(predicted)
			if again := Assign(gold, predicted); !reflect.DeepEqual(again, a) {
				t.Fatalf("in another order %+v, not %+v", again, a)
			}
		}
	})
}

// both are the spans that are in both lists, as often as in the one that has fewer.
func both(gold, predicted []labels.Span) (list []labels.Span) {
	rest := slices.Clone(predicted)
	for _, span := range gold {
		if i := slices.Index(rest, span); i >= 0 {
			list, rest = append(list, span), slices.Delete(rest, i, i+1)
		}
	}
	return list
}

func exactPairs(a Assignment) (n int) {
	for _, pair := range a.Pairs {
		if pair.Gold == pair.Predicted {
			n++
		}
	}
	return n
}

func shuffle(spans []labels.Span) {
	rand.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
}

func samePlaces(a, b []labels.Span) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), labels.Span.Compare), slices.SortedFunc(slices.Values(b), labels.Span.Compare))
}

func TestSchemesAddUp(t *testing.T) {
	set := defaultSet(t)
	rapid.Check(t, func(t *rapid.T) {
		c := NewCounter(set)
		goldSpans, predictedSpans := 0, 0
		for range rapid.IntRange(1, 3).Draw(t, "transcripts") {
			gold, predicted := someSpans("gold").Draw(t, "gold"), someSpans("predicted").Draw(t, "predicted")
			goldSpans, predictedSpans = goldSpans+len(gold), predictedSpans+len(predicted)
			if err := c.Add(gold, predicted); err != nil {
				t.Fatal(err)
			}
		}
		s := c.Scores()
		for _, scheme := range []struct {
			name string
			of   func(Schemes) SchemeScore
		}{
			{"strict", func(s Schemes) SchemeScore { return s.Strict }}, {"exact", func(s Schemes) SchemeScore { return s.Exact }},
			{"partial", func(s Schemes) SchemeScore { return s.Partial }}, {"type", func(s Schemes) SchemeScore { return s.Type }},
		} {
			overall := scheme.of(s.SemEval.Overall)
			if overall.Possible != goldSpans || overall.Actual != predictedSpans {
				t.Errorf("%s: %+v of %d gold and %d predicted spans", scheme.name, overall, goldSpans, predictedSpans)
			}
			var sum SchemeScore
			for _, typ := range s.SemEval.Types {
				sum.add(scheme.of(typ.Schemes))
			}
			sum.Possible, sum.Actual = overall.Possible, overall.Actual
			if sum != bare(overall) {
				t.Errorf("%s: the types add up to %+v, overall is %+v", scheme.name, sum, overall)
			}
		}
		o := s.SemEval.Overall
		if o.Strict.Correct > min(o.Exact.Correct, o.Type.Correct) || o.Exact.Correct != o.Partial.Correct ||
			o.Exact.Incorrect != o.Partial.Partial || o.Exact.Missed != o.Type.Missed {
			t.Errorf("the schemes do not fit: %+v", o)
		}
	})
}

func TestConfusion(t *testing.T) {
	s := scores(t,
		[2][]labels.Span{{span(0, 5, "CITY"), span(6, 9, "DATE"), span(10, 14, "PHONE")}, {span(0, 5, "LOCATION"), span(7, 9, "PHONE")}},
		[2][]labels.Span{{span(0, 5, "CITY")}, {span(1, 5, "LOCATION"), span(6, 9, "EMAIL")}},
		[2][]labels.Span{{span(0, 5, "CITY")}, {span(1, 5, "CITY")}})
	if got, want := s.Mistakes, []Mistake{{"CITY", "LOCATION", 2}, {"DATE", "PHONE", 1}}; !slices.Equal(got, want) {
		t.Errorf("mistakes %v, want %v", got, want)
	}
	index := func(name string) int { return slices.Index(s.Confusion.Types, name) }
	if got := s.Confusion.Pairs[index("CITY")][index("CITY")]; got != 1 {
		t.Errorf("%d cities were found as such", got)
	}
	if s.Confusion.Missed[index("PHONE")] != 1 || s.Confusion.Spurious[index("EMAIL")] != 1 {
		t.Errorf("missed %v, spurious %v", s.Confusion.Missed, s.Confusion.Spurious)
	}
}
