package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pii/data/internal/rawjson"
	"pii/labels"
)

// lineParser reads one line and collects everything that is wrong with it.
type lineParser struct {
	file     string
	line     int
	first    bool // no line with anything on it went before
	opts     Options
	problems []*Problem
}

func (p *lineParser) problem(field, format string, args ...any) {
	p.problems = append(p.problems, &Problem{File: p.file, Line: p.line, Field: field, Msg: fmt.Sprintf(format, args...)})
}

// parse gives the transcript of a line. It is whole only where no problem was found.
func (p *lineParser) parse(line []byte) Transcript {
	t := Transcript{Line: p.line}
	if !p.wellFormed(line) {
		return t
	}
	fields := p.members(line, "", append([]string{"id", "text", "entities"}, p.opts.Keep...)...)
	id, ok := p.text(fields["id"], "id")
	if ok && strings.TrimSpace(id) == "" {
		p.problem("id", "is empty")
	}
	t.ID = id
	text, ok := p.text(fields["text"], "text")
	t.Text = text
	length := -1
	if ok {
		length = utf8.RuneCountInString(text)
	}
	if raw := fields["entities"]; raw != nil {
		t.Labelled = true
		t.Entities = p.entities(raw, length)
	} else if p.opts.RequireEntities {
		p.problem("entities", "is missing; transcripts for training and scoring are labelled, those without any entity with []")
	}
	p.keep(&t, fields)
	return t
}

// keep gives the transcript the further fields that were asked for.
func (p *lineParser) keep(t *Transcript, fields map[string][]byte) {
	for _, name := range p.opts.Keep {
		raw := fields[name]
		if raw == nil {
			continue
		}
		var list []string
		switch kind := rawjson.Kind(raw); kind {
		case "a string":
			value, _ := p.text(raw, name)
			list = []string{value}
		case "an array":
			for element := range rawjson.Values(raw) {
				value, _ := p.text(element, fmt.Sprintf("%s[%d]", name, len(list)))
				list = append(list, value)
			}
		default:
			p.problem(name, "is %s, not a string or a list of strings", kind)
		}
		if t.Fields == nil {
			t.Fields = map[string][]string{}
		}
		t.Fields[name] = list
	}
}

// wellFormed checks what encoding/json would pass over in silence or answer with words of the text.
func (p *lineParser) wellFormed(line []byte) bool {
	if at := rawjson.InvalidUTF8(line); at >= 0 {
		p.problem("", "byte %d of the line is not valid UTF-8", at+1)
		return false
	}
	if !json.Valid(line) {
		var raw json.RawMessage
		err := json.Unmarshal(line, &raw)
		var syntax *json.SyntaxError
		switch {
		case !errors.As(err, &syntax):
			p.problem("", "is not valid JSON%s", p.hint())
		case syntax.Offset >= int64(len(line)) && strings.Contains(syntax.Error(), "end of JSON"):
			p.problem("", "is not valid JSON: it ends too early%s", p.hint())
		default:
			p.problem("", "is not valid JSON at column %d%s", utf8.RuneCount(line[:max(0, syntax.Offset-1)])+1, p.hint())
		}
		return false
	}
	if kind := rawjson.Kind(bytes.TrimLeft(line, " \t\r\n")); kind != "an object" {
		p.problem("", "is %s, not an object with the fields id, text and entities", kind)
		return false
	}
	return true
}

// hint says what a file of transcripts is, where its first line is no JSON: then it is of another format, such as CSV or one JSON object
// over several lines, and not this line is at fault.
func (p *lineParser) hint() string {
	if !p.first {
		return ""
	}
	return "; transcripts are JSONL, a whole JSON object on each line (pii data import --help lists what other formats are read)"
}

// members gives the named fields of an object. One that is there twice is a problem; other fields are passed over.
func (p *lineParser) members(object []byte, path string, names ...string) map[string][]byte {
	found := map[string][]byte{}
	for key, value := range rawjson.Members(object) {
		name, err := rawjson.Unquote(key)
		if err != nil || !slices.Contains(names, name) {
			continue
		}
		if found[name] != nil {
			p.problem(path+name, "is there twice")
		}
		found[name] = value
	}
	return found
}

// text gives the string that a field must have.
func (p *lineParser) text(raw []byte, field string) (string, bool) {
	if raw == nil {
		p.problem(field, "is missing")
		return "", false
	}
	if kind := rawjson.Kind(raw); kind != "a string" {
		p.problem(field, "is %s, not a string", kind)
		return "", false
	}
	value, err := rawjson.Unquote(raw)
	if err != nil {
		p.problem(field, "%v", err)
		return "", false
	}
	return value, true
}

// entities gives the spans of a text of length code points; a negative length is not known.
func (p *lineParser) entities(raw []byte, length int) []labels.Span {
	if kind := rawjson.Kind(raw); kind != "an array" {
		p.problem("entities", "is %s, not an array", kind)
		return nil
	}
	var spans []labels.Span
	var places []int
	index := 0
	for value := range rawjson.Values(raw) {
		if span, ok := p.span(value, fmt.Sprintf("entities[%d]", index), length); ok {
			spans, places = append(spans, span), append(places, index)
		}
		index++
	}
	p.overlaps(spans, places)
	sortSpans(spans)
	return spans
}

func (p *lineParser) span(raw []byte, path string, length int) (labels.Span, bool) {
	before := len(p.problems)
	if kind := rawjson.Kind(raw); kind != "an object" {
		p.problem(path, "is %s, not an object with the fields start, end and label", kind)
		return labels.Span{}, false
	}
	fields := p.members(raw, path+".", "start", "end", "label")
	start, startOK := p.offset(fields["start"], path+".start", length)
	end, endOK := p.offset(fields["end"], path+".end", length)
	if startOK && endOK && start >= end {
		p.problem(path+".end", "is %d, not after the start %d", end, start)
	}
	label, ok := p.text(fields["label"], path+".label")
	if ok {
		p.label(label, path+".label")
	}
	return labels.Span{Start: start, End: end, Label: label}, len(p.problems) == before
}

func (p *lineParser) offset(raw []byte, field string, length int) (int, bool) {
	if raw == nil {
		p.problem(field, "is missing")
		return 0, false
	}
	if kind := rawjson.Kind(raw); kind != "a number" {
		p.problem(field, "is %s, not a whole number", kind)
		return 0, false
	}
	n, err := strconv.Atoi(string(raw))
	switch {
	case err != nil:
		p.problem(field, "is not a whole number in range")
	case n < 0:
		p.problem(field, "is %d, below 0", n)
	case length >= 0 && n > length:
		p.problem(field, "is %d, but the text has %d characters (Unicode code points)", n, length)
	default:
		return n, true
	}
	return 0, false
}

func (p *lineParser) label(label, field string) {
	if label == "" {
		p.problem(field, "is empty")
		return
	}
	if p.opts.Labels == nil || p.opts.Labels.Has(label) {
		return
	}
	var known []string
	for _, t := range p.opts.Labels.Types() {
		known = append(known, t.Name)
	}
	hint := ""
	if near := nearest(label, known); near != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", near)
	}
	p.problem(field, "%s is not one of the labels %s%s", Quote(label), strings.Join(known, ", "), hint)
}

// overlaps reports each span that begins before an earlier one ended. places are the spans' indices in the line.
func (p *lineParser) overlaps(spans []labels.Span, places []int) {
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return spans[a].Start - spans[b].Start })
	furthest := -1
	for _, i := range order {
		if furthest >= 0 && spans[i].Start < spans[furthest].End {
			p.problem(fmt.Sprintf("entities[%d]", places[i]), "overlaps with entities[%d]", places[furthest])
		}
		if furthest < 0 || spans[i].End > spans[furthest].End {
			furthest = i
		}
	}
}
