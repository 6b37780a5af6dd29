package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pii/labels"
)

func defaultSet(t testing.TB) *labels.Set {
	t.Helper()
	set, err := labels.NewSet(labels.DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func span(start, end int, label string) labels.Span {
	return labels.Span{Start: start, End: end, Label: label}
}

func scores(t testing.TB, docs ...[2][]labels.Span) Scores {
	t.Helper()
	c := NewCounter(defaultSet(t))
	for _, doc := range docs {
		if err := c.Add(doc[0], doc[1]); err != nil {
			t.Fatal(err)
		}
	}
	return c.Scores()
}

// show writes the counts of a score and its ratios, - for null.
func show(s Score) string {
	return fmt.Sprintf("%d/%d/%d %s %s %s", s.TruePositives, s.FalsePositives, s.FalseNegatives,
		decimals(s.Precision), decimals(s.Recall), decimals(s.F1))
}

func TestScores(t *testing.T) {
	none := []labels.Span{}
	phone, email, city := span(0, 4, "PHONE"), span(0, 4, "EMAIL"), span(0, 4, "CITY")
	for _, c := range []struct {
		name            string
		gold, predicted []labels.Span
		micro, pii      string
		typed, nonPII   string
		macro           string
	}{
		{"nothing at all", none, none, "0/0/0 - - -", "0/0/0 - - -", "0/0/0 - - -", "0/0/0 - - -", "-"},
		{"right", []labels.Span{phone}, []labels.Span{phone}, "1/0/0 1.0000 1.0000 1.0000",
			"1/0/0 1.0000 1.0000 1.0000", "1/0/0 1.0000 1.0000 1.0000", "0/0/0 - - -", "1.0000"},
		{"missed", []labels.Span{phone}, none, "0/0/1 - 0.0000 0.0000",
			"0/0/1 - 0.0000 0.0000", "0/0/1 - 0.0000 0.0000", "0/0/0 - - -", "0.0000"},
		{"made up", none, []labels.Span{city}, "0/1/0 0.0000 - 0.0000",
			"0/0/0 - - -", "0/0/0 - - -", "0/1/0 0.0000 - 0.0000", "0.0000"},
		{"one PII type for another", []labels.Span{phone}, []labels.Span{email}, "0/1/1 0.0000 0.0000 0.0000",
			"1/0/0 1.0000 1.0000 1.0000", "0/1/1 0.0000 0.0000 0.0000", "0/0/0 - - -", "0.0000"},
		{"a place for a PII type", []labels.Span{phone}, []labels.Span{city}, "0/1/1 0.0000 0.0000 0.0000",
			"0/0/1 - 0.0000 0.0000", "0/0/1 - 0.0000 0.0000", "0/1/0 0.0000 - 0.0000", "0.0000"},
		{"another end", []labels.Span{phone}, []labels.Span{span(0, 5, "PHONE")}, "0/1/1 0.0000 0.0000 0.0000",
			"0/1/1 0.0000 0.0000 0.0000", "0/1/1 0.0000 0.0000 0.0000", "0/0/0 - - -", "0.0000"},
		{"twice the same", []labels.Span{phone, phone}, []labels.Span{phone, phone, phone}, "1/0/0 1.0000 1.0000 1.0000",
			"1/0/0 1.0000 1.0000 1.0000", "1/0/0 1.0000 1.0000 1.0000", "0/0/0 - - -", "1.0000"},
		{"one of two types at a place", []labels.Span{phone}, []labels.Span{phone, email}, "1/1/0 0.5000 1.0000 0.6667",
			"1/0/0 1.0000 1.0000 1.0000", "1/1/0 0.5000 1.0000 0.6667", "0/0/0 - - -", "0.5000"},
	} {
		s := scores(t, [2][]labels.Span{c.gold, c.predicted})
		for _, figure := range []struct{ name, got, want string }{
			{"micro", show(s.Micro), c.micro}, {"PII", show(s.PII), c.pii}, {"typed PII", show(s.PIIStrict), c.typed},
			{"non-PII", show(s.NonPII), c.nonPII}, {"macro F1", decimals(s.Macro.F1), c.macro},
		} {
			if figure.got != figure.want {
				t.Errorf("%s: %s is %s, want %s", c.name, figure.name, figure.got, figure.want)
			}
		}
	}
}

func TestAddRefusesUnknownTypes(t *testing.T) {
	c := NewCounter(defaultSet(t))
	before := c.Scores()
	known, unknown := []labels.Span{span(0, 1, "CITY")}, []labels.Span{span(0, 1, "NAME")}
	if err := c.Add(known, unknown); err == nil || !strings.Contains(err.Error(), `"NAME"`) {
		t.Errorf("error %v", err)
	}
	if c.Add(unknown, known) == nil {
		t.Error("an unknown gold type: no error")
	}
	if !reflect.DeepEqual(c.Scores(), before) {
		t.Error("a refused transcript was counted")
	}
}

func near(value *float64, want float64) bool { return value != nil && math.Abs(*value-want) < 1e-9 }

func TestOrderDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	types := labels.DefaultTypes()
	someSpans := func() []labels.Span {
		spans := make([]labels.Span, random.IntN(9))
		for i := range spans {
			start := random.IntN(4)
			spans[i] = span(start, start+1+random.IntN(2), types[random.IntN(len(types))].Name)
		}
		return spans
	}
	for range 200 {
		docs := make([][2][]labels.Span, 5)
		for i := range docs {
			docs[i] = [2][]labels.Span{someSpans(), someSpans()}
		}
		want := scores(t, docs...)
		for _, doc := range docs {
			for _, spans := range doc {
				random.Shuffle(len(spans), func(i, j int) { spans[i], spans[j] = spans[j], spans[i] })
			}
		}
		random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if got := scores(t, docs...); !reflect.DeepEqual(got, want) {
			t.Fatalf("shuffled: %+v, want %+v", got, want)
		}
	}
}

func TestTableAndJSONShowNull(t *testing.T) {
	doc := [2][]labels.Span{{span(0, 4, "PHONE")}, {span(0, 4, "PHONE"), span(5, 9, "CITY")}}
	s := scores(t, doc, [2][]labels.Span{{span(0, 4, "DATE")}, {span(0, 3, "PHONE")}})
	var table strings.Builder
	if err := s.Table(&table); err != nil {
		t.Fatal(err)
	}
	want := `
         type  precision  recall      F1  gold  predicted
  CREDIT_CARD          -       -       -     0          0
        PHONE     0.5000  1.0000  0.6667     1          2
        EMAIL          -       -       -     0          0
  PERSON_NAME          -       -       -     0          0
         DATE          -  0.0000  0.0000     1          0
         CITY     0.0000       -  0.0000     0          1
     LOCATION          -       -       -     0          0
        micro     0.3333  0.5000  0.4000     2          3
        macro     0.1667  0.3333  0.2222                 
     weighted     0.2500  0.5000  0.3333                 
   PII, typed     0.5000  0.5000  0.5000     2          2
          PII     0.5000  0.5000  0.5000     2          2
      non-PII     0.0000       -  0.0000     0          1

     personal data              95% interval
         precision  0.5000  0.0000 to 1.0000
            recall  0.5000  0.0000 to 1.0000
                F1  0.5000  0.0000 to 1.0000
                F2  0.5000  0.0000 to 1.0000
         leak rate  0.5000  0.0000 to 1.0000
  character recall  0.8750  0.7500 to 1.0000

  SemEval-2013  correct  incorrect  partial  missed  spurious  precision  recall      F1
        strict        1          1        0       0         1     0.3333  0.5000  0.4000
         exact        1          1        0       0         1     0.3333  0.5000  0.4000
       partial        1          0        1       0         1     0.5000  0.7500  0.6000
          type        1          1        0       0         1     0.3333  0.5000  0.4000

  type  taken for  spans
  DATE      PHONE      1
`
	if got := "\n" + table.String(); got != want {
		t.Errorf("table:%s\nwant:%s", got, want)
	}
	data, err := json.Marshal(s.Types[0])
	wantJSON := `{"type":"CREDIT_CARD","pii":true,"tp":0,"fp":0,"fn":0,"support":0,"predicted":0,"precision":null,"recall":null,"f1":null}`
	if err != nil || string(data) != wantJSON {
		t.Errorf("JSON %s, %v, want %s", data, err, wantJSON)
	}
}

func TestTargets(t *testing.T) {
	value := 0.8
	for _, c := range []struct {
		target Target
		want   string
	}{
		{AtLeast("F1", &value, 0.8), `{"name":"F1","value":0.8,"relation":"\u003e=","bound":0.8,"met":true,"required":false}`},
		{AtLeast("F1", &value, 0.9), `{"name":"F1","value":0.8,"relation":"\u003e=","bound":0.9,"met":false,"required":false}`},
		{AtMost("p95", &value, 0.8), `{"name":"p95","value":0.8,"relation":"\u003c=","bound":0.8,"met":true,"required":false}`},
		{AtMost("p95", &value, 0.7), `{"name":"p95","value":0.8,"relation":"\u003c=","bound":0.7,"met":false,"required":false}`},
		{AtLeast("F1", nil, 0.9), `{"name":"F1","value":null,"relation":"\u003e=","bound":0.9,"met":null,"required":false}`},
	} {
		if got, err := json.Marshal(c.target); err != nil || string(got) != c.want {
			t.Errorf("got %s, %v, want %s", got, err, c.want)
		}
	}
}

func TestOnlyWhatIsRequiredFails(t *testing.T) {
	value := 0.8
	for _, c := range []struct {
		target           Target
		required, failed bool
	}{
		{AtLeast("F1", &value, 0.8), true, false},
		{AtLeast("F1", &value, 0.9), true, true},
		{AtLeast("F1", &value, 0.9), false, false},
		{AtMost("p95", nil, 0.9), true, true},
		{AtMost("p95", nil, 0.9), false, false},
	} {
		if c.target.Required = c.required; c.target.Failed() != c.failed {
			t.Errorf("%+v: failed %v", c.target, !c.failed)
		}
	}
}
