package synth

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pii/data"
	"pii/labels"
)

// Transcripts that were written by hand, one a line, with entities as [[TYPE|words]]. They say what no grammar does.
//
//go:embed written/*.txt
var written embed.FS

var mark = regexp.MustCompile(`\[\[([A-Z_]+)\|(.+?)\]\]`)

// Written gives the hand-written transcripts that belong to a set: most to train, some to dev, as the hash of their text decides,
// and none to the others. Those that name what is the stress set's alone are left out.
func Written(set Set) ([]data.Transcript, error) {
	all, err := writtenFor(set)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	lib, err := libraryOf(set)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, lib.lex.reserves), nil
}

// writtenFor gives what Written gives and what that leaves out.
func writtenFor(set Set) ([]data.Transcript, error) {
	if set != Train && set != Dev {
		return nil, nil
	}
	files, err := written.ReadDir("written")
	if err != nil {
		return nil, err
	}
	var list []data.Transcript
	for _, file := range files {
		content, err := written.ReadFile("written/" + file.Name())
		if err != nil {
			return nil, err
		}
		number := 0
		for line := range strings.Lines(string(content)) {
			number++
			t, err := parseMarks(strings.TrimSuffix(line, "\n"))
			if err != nil {
				return nil, fmt.Errorf("written/%s:%d: %w", file.Name(), number, err)
			}
			if Dev.owns(textKey(t.Text)) != (set == Dev) {
				continue
			}
			t.ID = fmt.Sprintf("written-%s-%03d", strings.TrimSuffix(file.Name(), ".txt"), number)
			list = append(list, t)
		}
	}
	return list, nil
}

// parseMarks reads a transcript with entities as [[TYPE|words]].
func parseMarks(line string) (data.Transcript, error) {
	t := data.Transcript{Labelled: true}
	at, length := 0, 0 // in bytes of the line, in code points of the text
	add := func(text string) {
		t.Text += text
		length += utf8.RuneCountInString(text)
	}
	for _, m := range mark.FindAllStringSubmatchIndex(line, -1) {
		add(line[at:m[0]])
		start := length
		add(line[m[4]:m[5]])
		t.Entities = append(t.Entities, labels.Span{Start: start, End: length, Label: line[m[2]:m[3]]})
		at = m[1]
	}
	add(line[at:])
	if strings.Contains(t.Text, "[[") || strings.Contains(t.Text, "]]") || strings.TrimSpace(t.Text) == "" {
		return data.Transcript{}, fmt.Errorf("the marks [[TYPE|words]] are broken, or there is no text")
	}
	return t, nil
}

// reserves reports whether an entity has a name that is the stress set's alone, or is one of its places, however it is split, or is
// an address at one of its mail providers.
func (l *lexicon) reserves(t data.Transcript) bool {
	text := []rune(strings.ToLower(t.Text))
	for _, e := range t.Entities {
		said := string(text[e.Start:e.End])
		letters := plain(said)
		if l.apartWhole[letters] || e.Label == "EMAIL" && l.apartProvider(letters) {
			return true
		}
		for _, hyphens := range []bool{true, false} { // of a double name each part counts, too
			for _, w := range strings.FieldsFunc(said, func(r rune) bool { return !unicode.IsLetter(r) && (r != '-' || !hyphens) }) {
				if l.apart[w] {
					return true
				}
			}
		}
	}
	return false
}

// apartProvider reports whether the letters of a mail address have the name of a provider of the stress set's in them: it may be said in
// two words. Names so short that they occur within other words are looked for as words alone.
func (l *lexicon) apartProvider(letters string) bool {
	return slices.ContainsFunc(l.apartProviders, func(provider string) bool {
		return len(provider) > 5 && strings.Contains(letters, provider)
	})
}
