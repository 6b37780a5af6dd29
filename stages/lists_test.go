package stages

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func entity(start, end int, label string, score float64) PredictedEntity {
	return PredictedEntity{Start: start, End: end, Label: label, PII: label == "NAME", Score: score}
}

func TestOverlay(t *testing.T) {
	for name, c := range map[string]struct{ phrases, found, want []PredictedEntity }{
		"apart": {[]PredictedEntity{entity(5, 8, "NAME", 1)}, []PredictedEntity{entity(0, 5, "NAME", .5), entity(8, 9, "CITY", .5)},
			[]PredictedEntity{entity(0, 5, "NAME", .5), entity(5, 8, "NAME", 1), entity(8, 9, "CITY", .5)}},
		"another type gives way": {[]PredictedEntity{entity(5, 8, "NAME", 1)}, []PredictedEntity{entity(0, 6, "CITY", .9)},
			[]PredictedEntity{entity(5, 8, "NAME", 1)}},
		"one type is joined": {[]PredictedEntity{entity(5, 8, "NAME", 1)}, []PredictedEntity{entity(0, 6, "NAME", .9), entity(7, 12, "NAME", .5)},
			[]PredictedEntity{entity(0, 12, "NAME", 1)}},
		"two phrases": {[]PredictedEntity{entity(0, 3, "NAME", 1), entity(5, 8, "NAME", 1)}, []PredictedEntity{entity(2, 6, "NAME", .9)},
			[]PredictedEntity{entity(0, 8, "NAME", 1)}},
		"two phrases of two types": {[]PredictedEntity{entity(0, 3, "NAME", 1), entity(5, 8, "CITY", 1)}, []PredictedEntity{entity(2, 6, "NAME", .9)},
			[]PredictedEntity{entity(0, 3, "NAME", 1), entity(5, 8, "CITY", 1)}},
		"nothing at all": {nil, nil, []PredictedEntity{}},
		"no spans":       {[]PredictedEntity{entity(0, 3, "NAME", 1)}, nil, []PredictedEntity{entity(0, 3, "NAME", 1)}},
	} {
		if got := overlay(c.phrases, c.found); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// Whatever overlaps, the result is in order and apart, and each phrase is covered by a span of its type.
func TestOverlayKeepsPhrases(t *testing.T) {
	spans := rapid.Custom(func(t *rapid.T) []PredictedEntity {
		var list []PredictedEntity
		for at := rapid.IntRange(0, 5).Draw(t, "first"); at < 40; at += rapid.IntRange(0, 8).Draw(t, "gap") {
			end := at + rapid.IntRange(1, 9).Draw(t, "length")
			list = append(list, entity(at, end, rapid.SampledFrom([]string{"NAME", "CITY"}).Draw(t, "label"), 1))
			at = end
		}
		return list
	})
	rapid.Check(t, func(t *rapid.T) {
		phrases, found := spans.Draw(t, "phrases"), spans.Draw(t, "found")
		got := overlay(phrases, found)
		last := 0
		for _, e := range got {
			if e.Start < last {
				t.Fatalf("%v overlap", got)
			}
			last = e.End
		}
		for _, p := range phrases {
			covered := false
			for _, e := range got {
				covered = covered || e.Label == p.Label && e.Start <= p.Start && p.End <= e.End
			}
			if !covered {
				t.Fatalf("%v is not in %v", p, got)
			}
		}
	})
}

func TestListsOfAConfiguration(t *testing.T) {
	set, err := labels.NewSet([]labels.Type{{Name: "NAME", PII: true}, {Name: "CITY"}})
	if err != nil {
		t.Fatal(err)
	}
	allow, deny := writeFile(t, "allow.txt", "main street\nCITY\tparis\n"), writeFile(t, "deny.txt", "NAME\tanna\nNAME\tbest western\n")
	cfg, err := resolved(t, "", nil, map[string]string{"allow": allow, "deny": deny})
	if err != nil {
		t.Fatal(err)
	}
	lists, err := cfg.readLists(set)
	if err != nil {
		t.Fatal(err)
	}
	text := "Anna of Paris at main  street"
	got := lists.apply(text, []PredictedEntity{entity(8, 13, "CITY", .9), entity(17, 29, "NAME", .9)}, set)
	if want := []PredictedEntity{entity(0, 4, "NAME", 1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if inputs := cfg.listInputs(); len(inputs) != 2 || inputs[0].Path != allow || inputs[1].Name != "deny" {
		t.Errorf("inputs %v", inputs)
	}
	for path, want := range map[string]string{
		writeFile(t, "bad.txt", "NAME\tanna\nTOWN\tsecret\n"): "bad.txt:2: ",
		filepath.Join(t.TempDir(), "none.txt"):                "none.txt",
	} {
		cfg.Deny = path
		if _, err := cfg.readLists(set); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.Remove(allow); err != nil {
		t.Fatal(err)
	}
	if _, err := resolved(t, "", nil, map[string]string{"aggregation": "first", "deny": deny}); err == nil {
		t.Error("a list goes with transformers' groups")
	}
}
