package synth

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"pii/data"
	"pii/labels"
)

func varier(t testing.TB, seed int64) *maker {
	t.Helper()
	m, err := newMaker(DefaultConfig(), Train, seed)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A variation has the entities of the original, in order, each a whole number of words, whatever noise did to it.
func TestVariationsKeepTheirSpans(t *testing.T) {
	list, err := Written(Train)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		original := list[rapid.IntRange(0, len(list)-1).Draw(t, "line")]
		m, err := newMaker(DefaultConfig(), Train, rapid.Int64().Draw(t, "seed"))
		if err != nil {
			t.Fatal(err)
		}
		varied := m.vary(original)
		if len(varied.Entities) != len(original.Entities) {
			t.Fatalf("%s has %d entities, its variation %d", original.ID, len(original.Entities), len(varied.Entities))
		}
		text := []rune(varied.Text)
		last := 0
		for i, e := range varied.Entities {
			if e.Label != original.Entities[i].Label || e.Start < last || e.End <= e.Start || e.End > len(text) {
				t.Fatalf("%s: entity %d is %v", original.ID, i, e)
			}
			if said := string(text[e.Start:e.End]); strings.TrimSpace(said) != said {
				t.Fatalf("%s: a %s begins or ends with a space", original.ID, e.Label)
			}
			last = e.End
		}
	})
}

// Cut into words and put together again a text is the same, but for the width of its blanks.
func TestSplitWords(t *testing.T) {
	for _, text := range []string{"call me, [[PERSON_NAME|ann]]'s here.", "\"[[PERSON_NAME|Ann]],\" he said!", "x[[PHONE|1 2]]y", "[[DATE|May 4th, 2020]]."} {
		original, err := parseMarks(text)
		if err != nil {
			t.Fatal(err)
		}
		b := &builder{}
		b.words, b.labels = splitWords(original)
		if got, spans := b.render(); got != original.Text || len(spans) != 1 || spans[0] != original.Entities[0] {
			t.Errorf("%q comes back as %q %v", original.Text, got, spans)
		}
	}
}

func TestVariationsSpeakAlike(t *testing.T) {
	m := varier(t, 1)
	m.style = lineStyle{}
	v := variation{m: m, said: map[string]string{}}
	say := func(label, text string) []string {
		words, _ := splitWords(data.Transcript{Text: text, Entities: []labels.Span{{Start: 0, End: len(text), Label: label}}})
		var texts []string
		for _, w := range v.entity(label, words) {
			texts = append(texts, w.text)
		}
		return texts
	}
	if phone := say("PHONE", "oh four double two um 555-0134"); phone[0] != "oh" || phone[2] != "double" || phone[4] != "um" || len(phone[5]) != 8 || phone[5][3] != '-' {
		t.Errorf("a phone number becomes %q", phone)
	}
	if name, again := say("PERSON_NAME", "Anna de Souza"), say("PERSON_NAME", "Souza"); name[1] != "de" || !unicode.IsUpper([]rune(name[0])[0]) ||
		strings.Join(again, " ") != name[2] {
		t.Errorf("a name becomes %q, and its family name %q", name, again)
	}
	if spelled := say("PERSON_NAME", "s o u z a"); strings.Join(spelled, "") != "souza" {
		t.Errorf("a spelled name becomes %q", spelled)
	}
	if date := say("DATE", "the 4th of july 1985"); date[0] != "the" || date[2] != "of" || !contains(months, date[3]) {
		t.Errorf("a date becomes %q", date)
	}
	if mail := say("EMAIL", "ramesh dot sharma at gmail dot com"); mail[1] != "dot" || strings.Join(mail[3:], " ") != "at gmail dot com" || mail[0] == "ramesh" && mail[2] == "sharma" {
		t.Errorf("a mail address becomes %q", mail)
	}
}
