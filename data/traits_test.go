package data

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pii/labels"
)

func trait(t testing.TB, transcript Transcript, name string) string {
	t.Helper()
	for _, trait := range transcript.Traits() {
		if trait.Name == name {
			return trait.Value
		}
	}
	t.Fatalf("there is no trait %q", name)
	return ""
}

func TestTraits(t *testing.T) {
	words := func(n int) string { return strings.Repeat("so ", n) }
	for _, c := range []struct{ name, text, want string }{
		{"numerals", "", "none"},
		{"numerals", "the same one for a second please", "none"},
		{"numerals", "double four oh one", "spoken"},
		{"numerals", "Twenty-Third of May", "spoken"},
		{"numerals", "call 4417", "written"},
		{"numerals", "on the 3rd", "written"},
		{"numerals", "room १२", "written"},
		{"numerals", "flat 4 at twelve", "mixed"},
		{"numerals", "weight often tension", "none"},

		{"length", "", "0-10"},
		{"length", words(10), "0-10"},
		{"length", words(11), "11-25"},
		{"length", words(25), "11-25"},
		{"length", words(26), "26-60"},
		{"length", words(60), "26-60"},
		{"length", words(61), "61+"},

		{"style", "", "bare"},
		{"style", "hi it's me at 10:30 mail a.b@c.com", "bare"},
		{"style", "hi Priya", "cased"},
		{"style", "hi, priya", "punctuated"},
		{"style", `Hi Priya. "Yes?" (no)`, "punctuated"},
		{"style", `she said "yes." then left`, "punctuated"},
		{"style", "HI, PRIYA 44", "upper"},
		{"style", "東京。", "punctuated"},
		{"style", "4417", "bare"},

		{"disfluency", "", "none"},
		{"disfluency", "Um, hello", "fillers"},
		{"disfluency", "the the number", "repeats"},
		{"disfluency", "I i mean er yes", "both"},
		{"disfluency", "four four double double oh oh 7 7 l l um um", "fillers"},
		{"disfluency", "summer umbrella", "none"},

		{"entities", "hi", "without"},
	} {
		if got := trait(t, Transcript{Text: c.text}, c.name); got != c.want {
			t.Errorf("%s of %q is %s, want %s", c.name, c.text, got, c.want)
		}
	}
	if got := trait(t, Transcript{Text: "hi", Entities: []labels.Span{{Start: 0, End: 2, Label: "CITY"}}}, "entities"); got != "with" {
		t.Errorf("a transcript with an entity is %q entities", got)
	}
}

// TestTraitsAreFew: whatever a text is like, each trait has one of the values that are documented.
func TestTraitsAreFew(t *testing.T) {
	known := [][]string{{"fillers", "repeats", "both", "none"}, {"with", "without"}, {"0-10", "11-25", "26-60", "61+"},
		{"spoken", "written", "mixed", "none"}, {"upper", "punctuated", "cased", "bare"}}
	rapid.Check(t, func(t *rapid.T) {
		traits := transcripts().Draw(t, "transcript").Traits()
		if len(traits) != len(TraitNames) {
			t.Fatalf("%d traits", len(traits))
		}
		for i, trait := range traits {
			if trait.Name != TraitNames[i] || !slices.Contains(known[i], trait.Value) {
				t.Fatalf("%s is %q", trait.Name, trait.Value)
			}
		}
	})
}

func TestKeptFields(t *testing.T) {
	const line = `{"id":"a","text":"hi","noise":["um","cut"],"source":"line 1","other":3,"empty":[],"entities":[]}`
	keep := Options{Keep: []string{"noise", "source", "empty", "absent"}}
	all, err := readString(t, line, keep)
	if err != nil {
		t.Fatal(err)
	}
	got := all[0].Fields
	if len(got) != 3 || !slices.Equal(got["noise"], []string{"um", "cut"}) || !slices.Equal(got["source"], []string{"line 1"}) || got["empty"] != nil {
		t.Errorf("the fields are %q", got)
	}
	if all, err = readString(t, line, Options{}); err != nil || all[0].Fields != nil {
		t.Errorf("without being asked for: %q, %v", all[0].Fields, err)
	}
	for wrong, want := range map[string]string{
		`"noise":3`:                   "f:1: noise: is a number, not a string or a list of strings",
		`"noise":null`:                "f:1: noise: is null, not a string or a list of strings",
		`"noise":["a",{}]`:            "f:1: noise[1]: is an object, not a string",
		`"noise":"secret","noise":""`: "f:1: noise: is there twice",
	} {
		_, err := readString(t, `{"id":"a","text":"hi",`+wrong+`}`, keep)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", wrong, err, want)
		}
	}
}
