package rules

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// List is a list of phrases. They are compared word by word: case, white space and its amount make no difference, nor do canonically
// equal spellings, invisible characters such as soft hyphens, and the character for an apostrophe. A phrase begins and ends where words
// do.
type List struct {
	phrases map[string][]phrase // by their first word
}

type phrase struct {
	words []string
	label string // "" for any
}

// Match is where a phrase of a list stands in a text: offsets in code points, half-open.
type Match struct {
	Start, End int
	Label      string
}

// longestLine is how long a line of a list may be, in bytes.
const longestLine = 1 << 16

// ReadList reads a phrase a line: the phrase alone, or its label, a tab and the phrase. Empty lines and those that begin with #
// are passed over. known says which labels there are. needLabel refuses phrases without one. Errors name the line, as name:7,
// and do not quote it: what a list holds is private.
func ReadList(in io.Reader, name string, known func(label string) bool, needLabel bool) (*List, error) {
	list := &List{map[string][]phrase{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimPrefix(lines.Text(), "\ufeff")
		if strings.TrimSpace(text) == "" || text[0] == '#' {
			continue
		}
		p, err := parsePhrase(text, known, needLabel)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		list.phrases[p.words[0]] = append(list.phrases[p.words[0]], p)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return list, nil
}

func parsePhrase(line string, known func(string) bool, needLabel bool) (phrase, error) {
	label, text, labelled := strings.Cut(line, "\t")
	if !labelled {
		label, text = "", line
	}
	var p phrase
	p.label = strings.TrimSpace(label)
	for _, w := range wordsOf(text) {
		p.words = append(p.words, w.folded)
	}
	switch {
	case !utf8.ValidString(line):
		return p, fmt.Errorf("it is not UTF-8")
	case len(p.words) == 0:
		return p, fmt.Errorf("there is no phrase after the tab")
	case needLabel && p.label == "":
		return p, fmt.Errorf("there is no label: a line is LABEL, a tab and the phrase")
	case p.label != "" && !known(p.label):
		return p, fmt.Errorf("what stands before the tab is not a label of the model")
	}
	return p, nil
}

// Holds reports whether a text as a whole is a phrase of the list, one of the label or of any.
func (l *List) Holds(label, text string) bool {
	if l == nil {
		return false
	}
	words := wordsOf(text)
	for _, p := range l.startingWith(words) {
		if len(p.words) == len(words) && (p.label == "" || p.label == label) {
			return true
		}
	}
	return false
}

// Find finds where phrases of the list stand in a text, in order and apart. It covers each word of each phrase that is there: of those
// that begin together it takes the longest, of phrases that are there twice the first. Where one begins within another and goes on
// after it, the two are one match if their label is the same; if not, the later one has the words that the earlier one leaves.
func (l *List) Find(text string) []Match {
	if l == nil {
		return nil
	}
	var found []Match
	words, covered := wordsOf(text), 0 // words that a match holds already, or that lie before one
	for i := range words {
		var longest phrase
		for _, p := range l.startingWith(words[i:]) {
			if len(p.words) > len(longest.words) {
				longest = p
			}
		}
		end, last := i+len(longest.words), len(found)-1
		switch {
		case end <= max(i, covered):
			continue
		case i < covered && found[last].Label == longest.label:
			found[last].End = words[end-1].end
		default:
			found = append(found, Match{words[max(i, covered)].start, words[end-1].end, longest.label})
		}
		covered = end
	}
	return found
}

// startingWith are the phrases that words begin with.
func (l *List) startingWith(words []word) []phrase {
	if len(words) == 0 {
		return nil
	}
	var list []phrase
	for _, p := range l.phrases[words[0].folded] {
		same := len(p.words) <= len(words)
		for i := 0; same && i < len(p.words); i++ {
			same = p.words[i] == words[i].folded
		}
		if same {
			list = append(list, p)
		}
	}
	return list
}
