package rules

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func known(label string) bool { return label == "NAME" || label == "ORG" }

func readList(t *testing.T, content string, needLabel bool) *List {
	t.Helper()
	list, err := ReadList(strings.NewReader(content), "list.txt", known, needLabel)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestFind(t *testing.T) {
	list := readList(t, "\ufeff# people\r\nNAME\tPriya Nair\r\n\nNAME\tpriya\nORG\tnair  and SONS\nORG\tnair and\nNAME\tÉlodie\nNAME\to'brien\n", true)
	for text, want := range map[string][]Match{
		"hello PRIYA \t nair":         {{6, 18, "NAME"}},
		"hello priya nai":             {{6, 11, "NAME"}},
		"xpriya priyas priya_ priya2": {{14, 19, "NAME"}}, // _ is no part of a word
		"nair and sons, nair and co":  {{0, 13, "ORG"}, {15, 23, "ORG"}},
		"priya nair and sons":         {{0, 10, "NAME"}, {11, 19, "ORG"}}, // the later one has the rest
		"éLODIE o'Brien o’brien":      {{0, 6, "NAME"}, {7, 14, "NAME"}, {15, 22, "NAME"}},
		"priya priya":                 {{0, 5, "NAME"}, {6, 11, "NAME"}},
		"":                            nil,
		"nobody":                      nil,
		"priyá":                       nil,
		"\U0001F44B priya \U0001F44B": {{2, 7, "NAME"}},
	} {
		if got := list.Find(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	list = readList(t, "NAME\tblue wug\nNAME\twug table lamp\nORG\tlamp shop\nORG\ttable\nNAME\tshop\n", true)
	for text, want := range map[string][]Match{
		"the blue wug table lamp there": {{4, 23, "NAME"}},
		"blue wug table lamp shop":      {{0, 19, "NAME"}, {20, 24, "ORG"}},
		"wug table, lamp shop":          {{4, 9, "ORG"}, {11, 20, "ORG"}},
		"blue wug shop":                 {{0, 8, "NAME"}, {9, 13, "NAME"}}, // beside each other
	} {
		if got := list.Find(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	var nothing *List
	if nothing.Find("priya") != nil || nothing.Holds("NAME", "priya") {
		t.Error("no list finds something")
	}
}

func TestHolds(t *testing.T) {
	list := readList(t, "Main Street\nNAME\tbest western\n", false)
	for _, c := range []struct {
		label, text string
		want        bool
	}{
		{"ORG", "main  STREET", true}, {"NAME", "main street", true}, {"NAME", "Best Western", true}, {"ORG", "Best Western", false},
		{"NAME", "main", false}, {"NAME", "main street 4", false}, {"NAME", "", false},
	} {
		if got := list.Holds(c.label, c.text); got != c.want {
			t.Errorf("%s %q: %v", c.label, c.text, got)
		}
	}
}

func TestListErrors(t *testing.T) {
	for content, want := range map[string]string{
		"secret\n":                        "deny.txt:1: there is no label",
		"NAME\tok\n\n# note\nsecret\tx\n": "deny.txt:4: what stands before the tab is not a label",
		"NAME\t\n":                        "deny.txt:1: there is no phrase",
		"\tsecret\n":                      "deny.txt:1: there is no label",
		"NAME\tok\nNAME\tsecret\xff\n":    "deny.txt:2: it is not UTF-8",
		"NAME\tok\n" + strings.Repeat("secret", longestLine): "deny.txt:2: ",
	} {
		_, err := ReadList(strings.NewReader(content), "deny.txt", known, true)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.20q: %v", content, err)
		}
	}
}

// What Find finds is in order, apart, and covers the words of the list's phrases that are in the text: each of them, and no other.
func TestFindCoversPhrases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "B", "ab", " ", "  ", "é", "-", "1", "\u0301", "K"})
		joined := func(p []string) string { return strings.Join(p, "") }
		line := rapid.Map(rapid.SliceOfN(part, 1, 6), joined)
		var content strings.Builder
		for _, text := range rapid.SliceOfN(line, 0, 5).Draw(t, "phrases") {
			if strings.TrimSpace(text) != "" {
				content.WriteString(rapid.SampledFrom([]string{"NAME", "ORG"}).Draw(t, "label") + "\t" + text + "\n")
			}
		}
		list, err := ReadList(strings.NewReader(content.String()), "x", known, true)
		if err != nil {
			t.Fatal(err)
		}
		text := rapid.Map(rapid.SliceOfN(part, 0, 20), joined).Draw(t, "text")
		words := wordsOf(text)
		want := make([]bool, len(words))
		for i := range words {
			for _, p := range list.startingWith(words[i:]) {
				for k := range p.words {
					want[i+k] = true
				}
			}
		}
		last, found := 0, list.Find(text)
		got := make([]bool, len(words))
		for _, m := range found {
			if m.Start < last || m.End <= m.Start {
				t.Fatalf("%v in %q", found, text)
			}
			last = m.End
			for i, w := range words {
				got[i] = got[i] || m.Start <= w.start && w.end <= m.End
				if !got[i] && m.Start < w.end && w.start < m.End {
					t.Fatalf("%v cuts a word of %q", m, text)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%v in %q: covers the words %v, want %v", found, text, got, want)
		}
	})
}

// FuzzReadList: whatever a file holds, reading ends with a list or an error of one line that names the file.
func FuzzReadList(f *testing.F) {
	for _, content := range []string{"", "a\n", "NAME\ta b\n", "\t\n", "\xff", "#\n\n", "NAME\t\u0000\r\n"} {
		f.Add(content, "text of a b")
	}
	f.Fuzz(func(t *testing.T, content, text string) {
		list, err := ReadList(strings.NewReader(content), "file", known, false)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file:") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		list.Find(text)
	})
}
