package data

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"pii/labels"
)

// Stats says what a file of transcripts holds. It has counts alone, no text.
type Stats struct {
	File        string               `json:"file"`
	Transcripts int                  `json:"transcripts"`
	Without     int                  `json:"without_entities"` // transcripts without any entity
	Words       Spread               `json:"words"`            // of a transcript, between blanks
	Vocabulary  int                  `json:"vocabulary"`       // distinct words outside entities
	Cased       int                  `json:"cased"`            // transcripts with a capital letter
	Punctuated  int                  `json:"punctuated"`       // transcripts with a comma, a full stop or a question mark after a word
	Names       int                  `json:"names"`            // distinct words in PERSON_NAME
	Frames      int                  `json:"frames"`           // distinct texts when each entity is replaced by its type
	Types       map[string]TypeStats `json:"types"`

	texts, frames map[string]bool
	surface       map[string]map[string]bool // what entities read, by label
	lengths       []int
	vocabulary    map[string]bool
	names         map[string]bool
}

// TypeStats counts the entities of one label.
type TypeStats struct {
	Spans    int     `json:"spans"`
	Distinct int     `json:"distinct"` // that read differently, casing aside
	Words    float64 `json:"words"`    // of a span, on average
	Spoken   int     `json:"spoken"`   // spans without a numeral
	Numerals int     `json:"numerals"` // spans without a letter
}

// Spread sums up whole numbers.
type Spread struct {
	Mean   float64 `json:"mean"`
	Least  int     `json:"least"`
	Median int     `json:"median"`
	P95    int     `json:"p95"`
	Most   int     `json:"most"`
}

// Overlap says what of one file stands in another too.
type Overlap struct {
	File     string         `json:"file"`
	Of       string         `json:"of"`       // the file whose share this is
	Texts    int            `json:"texts"`    // whole texts, casing, spacing and punctuation aside
	Frames   int            `json:"frames"`   // texts when each entity is replaced by its type
	Entities map[string]int `json:"entities"` // distinct readings of entities, by label
}

// ReadStats reads a file and counts what is in it. It stops at the first problem.
func ReadStats(path string, opts Options) (*Stats, error) {
	all, err := ReadAll(path, opts)
	if err != nil {
		return nil, err
	}
	s := &Stats{File: path, Types: map[string]TypeStats{}, texts: map[string]bool{}, frames: map[string]bool{},
		surface: map[string]map[string]bool{}, vocabulary: map[string]bool{}, names: map[string]bool{}}
	for _, t := range all {
		s.add(t)
	}
	s.Words, s.Vocabulary, s.Names, s.Frames = spread(s.lengths), len(s.vocabulary), len(s.names), len(s.frames)
	for label, c := range s.Types {
		c.Distinct, c.Words = len(s.surface[label]), c.Words/float64(max(1, c.Spans))
		s.Types[label] = c
	}
	return s, nil
}

func (s *Stats) add(t Transcript) {
	s.Transcripts++
	if len(t.Entities) == 0 {
		s.Without++
	}
	s.lengths = append(s.lengths, len(strings.Fields(t.Text)))
	if strings.ContainsFunc(t.Text, unicode.IsUpper) {
		s.Cased++
	}
	if strings.ContainsAny(t.Text, ",?") || strings.Contains(t.Text+" ", ". ") {
		s.Punctuated++
	}
	s.texts[folded(t.Text)] = true
	text, at, frame := []rune(t.Text), 0, ""
	spans := slices.SortedFunc(slices.Values(t.Entities), func(a, b labels.Span) int { return cmp.Compare(a.Start, b.Start) })
	for _, e := range spans {
		between := string(text[min(at, e.Start):e.Start])
		s.learn(s.vocabulary, between)
		s.span(e.Label, string(text[e.Start:e.End]))
		frame += between + "{" + e.Label + "}"
		at = e.End
	}
	rest := string(text[min(at, len(text)):])
	s.learn(s.vocabulary, rest)
	s.frames[folded(frame+rest)] = true
}

func (s *Stats) span(label, said string) {
	c := s.Types[label]
	c.Spans++
	c.Words += float64(len(strings.Fields(said)))
	if !strings.ContainsFunc(said, unicode.IsDigit) {
		c.Spoken++
	}
	if !strings.ContainsFunc(said, unicode.IsLetter) {
		c.Numerals++
	}
	s.Types[label] = c
	if s.surface[label] == nil {
		s.surface[label] = map[string]bool{}
	}
	s.surface[label][folded(said)] = true
	if label == "PERSON_NAME" {
		s.learn(s.names, said)
	}
}

// learn notes the words of a text.
func (s *Stats) learn(words map[string]bool, text string) {
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' }) {
		words[w] = true
	}
}

// Overlaps says for each pair of files what of the later one stands in the earlier one.
func Overlaps(all []*Stats) []Overlap {
	var found []Overlap
	for i, a := range all {
		for _, b := range all[i+1:] {
			o := Overlap{File: a.File, Of: b.File, Texts: common(a.texts, b.texts), Frames: common(a.frames, b.frames), Entities: map[string]int{}}
			for label := range b.surface {
				o.Entities[label] = common(a.surface[label], b.surface[label])
			}
			found = append(found, o)
		}
	}
	return found
}

// common counts what both sets hold.
func common(a, b map[string]bool) int {
	n := 0
	for key := range b {
		if a[key] {
			n++
		}
	}
	return n
}

// folded is a text without what casing, spacing and punctuation make of it.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '{' || r == '}' {
			return unicode.ToLower(r)
		}
		return -1
	}, text)
}

func spread(values []int) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	sum := 0
	for _, v := range values {
		sum += v
	}
	last := len(values) - 1
	return Spread{Mean: float64(sum) / float64(len(values)), Least: values[0], Median: values[last/2], P95: values[last*95/100], Most: values[last]}
}
