// Package formats reads labelled text as other tools write it and writes transcripts as they read them.
//
// Each format is a file of its own: it turns the tool's records into a text and spans as they stand there. What is the same
// for all comes after it, in Importer: labels are renamed, spans checked, ids made unique, and everything that is left out
// is counted with its reason. Files are read one record at a time, JSON arrays too. Nothing here quotes a text.
package formats

import (
	"fmt"
	"slices"

	"pii/data"
	"pii/labels"
)

// Options say how a file is imported.
type Options struct {
	Labels *labels.Set       // the labels that spans may come to have
	Map    map[string]string // from the file's labels to those of the set; "" leaves a label's spans out
	Merge  []string          // labels of which spans with white space alone between them become one; nil for the format's own
	Trim   bool              // move borders of spans off white space
	Strict bool              // whatever would be left out is an error, but for what Map leaves out

	TokenColumn, TagColumn int    // of conll: from 1, or from the end with -1; 0 for the first and the last
	TextField              string // of label-studio: the field of "data" with the text; "" for "text" or the only one there
}

// format is one that Importer reads.
type format struct {
	name  string
	merge []string // what Options.Merge is where it is not given
	open  func(*data.Stream, Options) (source, error)
}

var importable = []format{
	{name: "conll", open: openCoNLL},
	{name: "presidio", open: overRecords(presidio)},
	{name: "ai4privacy", open: overRecords(ai4privacy), merge: []string{"PERSON_NAME"}},
	{name: "doccano", open: overRecords(doccano)},
	{name: "label-studio", open: openLabelStudio},
	{name: "prodigy", open: overRecords(prodigy)},
}

// Importable lists the names of the formats that can be read.
func Importable() []string {
	var names []string
	for _, f := range importable {
		names = append(names, f.name)
	}
	return names
}

func find(name string) (format, error) {
	at := slices.IndexFunc(importable, func(f format) bool { return f.name == name })
	if at < 0 {
		return format{}, fmt.Errorf("there is no format %q", name)
	}
	return importable[at], nil
}

// source gives the records of a file, io.EOF after the last.
type source interface{ next() (record, error) }

// record is one text as a tool wrote it.
type record struct {
	place
	id       string // "" where there is none
	text     string
	labelled bool
	spans    []span
	others   int    // annotations of the same text that were passed over
	drop     string // why the record is left out; "" where it is not
}

// span is a labelled stretch of a record's text.
type span struct {
	place
	start, end int     // half-open, in code points, as far as one can tell
	label      string  // as in the file
	value      *string // what the tool says stands there; nil where it does not say
	drop       string  // why the span is left out; "" where it is not
}
