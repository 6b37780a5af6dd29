package stages

import (
	"context"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pii/labels"
)

func TestWhichThresholdCounts(t *testing.T) {
	set, err := labels.NewSet([]labels.Type{{Name: "PHONE", PII: true}, {Name: "EMAIL", PII: true}, {Name: "CITY"}})
	if err != nil {
		t.Fatal(err)
	}
	own := card{Thresholds: map[string]float64{"PHONE": 0.6}}
	for name, c := range map[string]struct {
		card     card
		settings map[string]string
		want     map[string]float64
	}{
		"neither":              {card{}, nil, map[string]float64{"PHONE": 0.75, "EMAIL": 0.75}},
		"the model's":          {own, nil, map[string]float64{"PHONE": 0.6, "EMAIL": 0.75}},
		"one for all":          {own, map[string]string{"pii_threshold": "0.30"}, map[string]float64{"PHONE": 0.3, "EMAIL": 0.3}},
		"said to be the model": {own, map[string]string{"pii_threshold": "model"}, map[string]float64{"PHONE": 0.6, "EMAIL": 0.75}},
		"one for a type":       {own, map[string]string{"thresholds": "PHONE=0.1, CITY=1"}, map[string]float64{"PHONE": 0.1, "EMAIL": 0.75, "CITY": 1}},
		"both": {own, map[string]string{"thresholds": "EMAIL=0", "pii_threshold": "0.5"},
			map[string]float64{"PHONE": 0.5, "EMAIL": 0}},
		"groups":           {own, map[string]string{"aggregation": "first"}, map[string]float64{}},
		"groups, with one": {own, map[string]string{"aggregation": "none", "pii_threshold": "0.3", "thresholds": "CITY=0.2"}, map[string]float64{"PHONE": 0.3, "EMAIL": 0.3, "CITY": 0.2}},
	} {
		cfg, err := resolved(t, "", nil, c.settings)
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := cfg.thresholds(c.card, set)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
	cfg, err := resolved(t, "", nil, map[string]string{"thresholds": "FONE=1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfg.thresholds(own, set); err == nil || !strings.Contains(err.Error(), `"PHONE"`) {
		t.Errorf("an unknown label: %v", err)
	}
}

// TestHigherThresholdsAddNothing tags with thresholds that rise one after the other.
func TestHigherThresholdsAddNothing(t *testing.T) {
	_, tagger := newTagger(t, 32)
	random := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		texts := []string{randomText(random, 10+random.IntN(60))}
		clear(tagger.thresholds)
		before := tagged(t, tagger, texts)
		for range 10 {
			label := tagger.set.Types()[random.IntN(len(tagger.set.Types()))].Name
			tagger.thresholds[label] += random.Float64() * (1 - tagger.thresholds[label])
			var want []PredictedEntity
			for _, e := range before {
				if e.Score >= tagger.thresholds[e.Label] {
					want = append(want, e)
				}
			}
			if got := tagged(t, tagger, texts); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("thresholds %v leave %v of %v", tagger.thresholds, got, before)
			}
			before = want
		}
	}
}

func tagged(t *testing.T, tagger *Tagger, texts []string) []PredictedEntity {
	t.Helper()
	found, err := tagger.Tag(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// TestTemperatureChangesScoresAlone: the spans stay what they are; with temperature 1, so do the scores.
func TestTemperatureChangesScoresAlone(t *testing.T) {
	_, tagger := newTagger(t, 32)
	random := rand.New(rand.NewPCG(8, 8))
	clear(tagger.thresholds)
	found, others := 0, 0
	for range 20 {
		texts := []string{randomText(random, 10+random.IntN(60))}
		plain := tagged(t, tagger, texts)
		for _, temperature := range []float64{1, 0.3, 3} {
			tagger.card.Temperature = temperature
			got := tagged(t, tagger, texts)
			if temperature != 1 {
				for i := range min(len(got), len(plain)) {
					if got[i].Score != plain[i].Score {
						others++
					}
					got[i].Score = plain[i].Score
				}
			}
			if !reflect.DeepEqual(got, plain) {
				t.Fatalf("at %v: %v, not %v", temperature, got, plain)
			}
		}
		found, tagger.card.Temperature = found+len(plain), 0
	}
	if found == 0 || others < found {
		t.Errorf("%d spans, %d other scores: the test tests nothing", found, others)
	}
}

// TestHelpersChangeScoresAlone: with and without helpers the borders and labels are the same.
func TestHelpersChangeScoresAlone(t *testing.T) {
	_, tagger := newTagger(t, 32)
	random := rand.New(rand.NewPCG(9, 9))
	clear(tagger.thresholds)
	helpers, changed := tagger.helpers, 0
	for range 20 {
		texts := []string{randomText(random, 10+random.IntN(60))}
		tagger.helpers = nil
		without := tagged(t, tagger, texts)
		tagger.helpers = helpers
		with := tagged(t, tagger, texts)
		for i := range min(len(with), len(without)) {
			if with[i].Score != without[i].Score {
				changed++
			}
			with[i].Score = without[i].Score
		}
		if !reflect.DeepEqual(with, without) {
			t.Fatalf("%v with helpers, %v without", with, without)
		}
	}
	if changed == 0 {
		t.Error("no score changed: the test tests nothing")
	}
}
