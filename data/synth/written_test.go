package synth

import (
	"reflect"
	"strings"
	"testing"

	"pii/labels"
)

func TestParseMarks(t *testing.T) {
	got, err := parseMarks("é [[PERSON_NAME|zoë]]'s in the [[LOCATION|black forest]]")
	want := []labels.Span{{Start: 2, End: 5, Label: "PERSON_NAME"}, {Start: 15, End: 27, Label: "LOCATION"}}
	if err != nil || got.Text != "é zoë's in the black forest" || !reflect.DeepEqual(got.Entities, want) {
		t.Errorf("%q %v %v", got.Text, got.Entities, err)
	}
	for _, broken := range []string{"", " ", "[[PHONE|", "[[PHONE|nine", "nine]]", "[[PHONE|]]", "[[phone|nine]]"} {
		if got, err := parseMarks(broken); err == nil {
			t.Errorf("%q is read as %q", broken, got.Text)
		}
	}
}

// What was written by hand stands in one set at most, follows the guidelines where a machine can tell, and is long enough to
// matter.
func TestWrittenTranscripts(t *testing.T) {
	owner := map[string]Set{}
	sizes := map[Set]int{}
	for _, set := range AllSets() {
		list, err := Written(set)
		if err != nil {
			t.Fatal(err)
		}
		sizes[set] = len(list)
		for _, made := range list {
			if other, ok := owner[made.ID]; ok {
				t.Errorf("%s is in %s and %s", made.ID, other, set)
			}
			owner[made.ID] = set
			text := []rune(made.Text)
			for _, e := range made.Entities {
				said := string(text[e.Start:e.End])
				if strings.TrimSpace(said) != said {
					t.Errorf("%s: a %s begins or ends with a space", made.ID, e.Label)
				}
				if first, _, _ := strings.Cut(strings.ToLower(said), " "); first == "the" && (e.Label == "DATE" || e.Label == "LOCATION") {
					t.Errorf("%s: an article is in a %s", made.ID, e.Label)
				}
			}
		}
	}
	if sizes[Train] < 10000 || sizes[Dev] < 1000 || sizes[Test]+sizes[Stress]+sizes[Numbers] != 0 {
		t.Errorf("sizes %v", sizes)
	}
}

// What is the stress set's own stays out of the others; words that everybody uses do not make it so.
func TestReserves(t *testing.T) {
	lib, err := libraryOf(Train)
	if err != nil {
		t.Fatal(err)
	}
	stress, err := loadLexicon("stress_", "")
	if err != nil {
		t.Fatal(err)
	}
	family := stress.cultures[0].family[0]
	for line, want := range map[string]bool{
		"on the [[DATE|fourth of july]] at [[EMAIL|ann dot b at gmail dot com]] near the [[LOCATION|bank of the river]]": false,
		"mister [[PERSON_NAME|john " + family + "]]":                                            true,
		"[[PERSON_NAME|" + family + "-Okafor]]":                                                 true,
		"me at [[EMAIL|x at blue yonder dot co dot uk]]":                                        true,
		"in [[CITY|" + stress.cities[0] + "]]":                                                  true,
		"in [[CITY|" + stress.cities[0][:3] + " " + stress.cities[0][3:] + "]]":                 true,
		"write to [[EMAIL|ann at " + strings.Replace(stress.domains[0], ".", " dot ", 1) + "]]": true,
		"by the [[LOCATION|" + strings.TrimPrefix(stress.landmarks[0], "the ") + "]]":           true,
	} {
		made, err := parseMarks(line)
		if err != nil {
			t.Fatal(err)
		}
		if got := lib.lex.reserves(made); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
