// Package data reads, checks and writes transcripts, and holds the sets that ship inside the binary.
//
// A file of transcripts has one JSON object a line:
//
//	{"id":"call-1","text":"hi i'm priya nair","entities":[{"start":7,"end":17,"label":"PERSON_NAME"}]}
//
// Offsets are half-open and count Unicode code points of the text. "entities" may be left out where nothing is labelled.
// No error of this package quotes a transcript's text.
package data

import (
	"slices"

	"pii/labels"
)

// Transcript is one line of a file of transcripts.
type Transcript struct {
	ID       string
	Text     string
	Entities []labels.Span // in order of their start, not overlapping
	Labelled bool          // the line had the field "entities", be it empty
	Line     int           // in its file, from 1; 0 for a transcript that was not read

	// Fields holds those of Options.Keep that the line has, each with its strings; nil where it has none. Write writes them.
	Fields map[string][]string
}

// NoiseKinds is the field of generated transcripts that names the kinds of noise in them, as the rates of noise are named.
const NoiseKinds = "noise_kinds"

// sortSpans puts spans in order of their start.
func sortSpans(spans []labels.Span) {
	slices.SortFunc(spans, func(a, b labels.Span) int { return a.Start - b.Start })
}
