package formats

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"pii/labels"
)

// checked is a span that may be written, with its new label.
type checked struct {
	labels.Span
	place
	from string // its label in the file
}

// refusal says why a span is left out.
type refusal struct {
	reason string
	label  string // where the label is the reason
	asked  bool   // Options.Map wants it so
}

// entities checks a record's spans and gives those that stay, in order of their start.
func (i *Importer) entities(r record) ([]labels.Span, error) {
	i.report.SpansRead += len(r.spans)
	if i.report.AnnotationsDropped += r.others; r.others > 0 && i.opts.Strict {
		return nil, r.problem("would be left out: %s", otherAnnotation)
	}
	text := []rune(r.text)
	var good []checked
	for _, s := range r.spans {
		span, no := i.check(s, text)
		switch {
		case no == nil:
			good = append(good, span)
		case no.asked:
			i.spans.add(no.reason, no.label, s.place)
		default:
			if err := i.drop(i.spans, s.place, no.label, no.reason); err != nil {
				return nil, err
			}
		}
	}
	apart, err := i.apart(good)
	return i.merge(apart, text), err
}

// check renames a span's label and finds out whether it stands where it says.
func (i *Importer) check(s span, text []rune) (checked, *refusal) {
	if s.drop != "" {
		return checked{}, &refusal{reason: s.drop}
	}
	if s.label == "" {
		return checked{}, &refusal{reason: "no label"}
	}
	label, ok := i.opts.rename(s.label)
	switch {
	case !ok:
		return checked{}, &refusal{reason: "unknown label", label: s.label}
	case label == "":
		return checked{}, &refusal{reason: "by the label map", label: s.label, asked: true}
	}
	if s.value != nil && !stands(*s.value, text, s.start, s.end) {
		start, end, ok := fromUTF16(text, s.start, s.end)
		if ok && stands(*s.value, text, start, end) {
			s.start, s.end = start, end
			i.report.Converted++
		} else if s.start >= 0 && s.start < s.end && s.end <= len(text) {
			return checked{}, &refusal{reason: "the text there is not the one that the file says"}
		}
	}
	if s.start < 0 || s.start > len(text) || s.end > len(text) {
		return checked{}, &refusal{reason: "not within the text"}
	}
	if i.opts.Trim {
		i.trim(&s, text)
	}
	if s.start >= s.end {
		return checked{}, &refusal{reason: "empty"}
	}
	return checked{labels.Span{Start: s.start, End: s.end, Label: label}, s.place, s.label}, nil
}

// stands reports whether a value stands at a place of the text, white space aside: some tools write it in another way.
func stands(value string, text []rune, start, end int) bool {
	if start < 0 || start > end || end > len(text) {
		return false
	}
	there := string(text[start:end])
	return there == value || squeeze(there) == squeeze(value)
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// fromUTF16 turns offsets in UTF-16 code units into code points; ok is false where they are no borders of characters.
func fromUTF16(text []rune, start, end int) (s, e int, ok bool) {
	s, e = -1, -1
	unit := 0
	for at := 0; at <= len(text); at++ {
		if unit == start {
			s = at
		}
		if unit == end {
			e = at
		}
		if at < len(text) && text[at] > 0xffff {
			unit++
		}
		unit++
	}
	return s, e, s >= 0 && e >= s
}

// trim moves the borders of a span off white space.
func (i *Importer) trim(s *span, text []rune) {
	before := *s
	for s.start < s.end && unicode.IsSpace(text[s.start]) {
		s.start++
	}
	for s.start < s.end && unicode.IsSpace(text[s.end-1]) {
		s.end--
	}
	if s.start < s.end && (s.start != before.start || s.end != before.end) {
		i.report.Trimmed++
	}
}

// apart leaves out spans that overlap: the longer one stays, of equally long ones the first in the file.
func (i *Importer) apart(spans []checked) ([]checked, error) {
	byLength := slices.Clone(spans)
	slices.SortStableFunc(byLength, func(a, b checked) int { return (b.End - b.Start) - (a.End - a.Start) })
	var kept []checked // in order of their start
	for _, s := range byLength {
		at, _ := slices.BinarySearchFunc(kept, s, func(a, b checked) int { return cmp.Compare(a.Start, b.Start) })
		if at > 0 && kept[at-1].End > s.Start || at < len(kept) && kept[at].Start < s.End {
			if err := i.drop(i.spans, s.place, "", "overlaps with a longer span, or an earlier one of its length"); err != nil {
				return nil, err
			}
			continue
		}
		kept = slices.Insert(kept, at, s)
	}
	return kept, nil
}

// merge makes one of neighbours of the same label between which white space alone stands, for the labels that ask for it.
func (i *Importer) merge(spans []checked, text []rune) []labels.Span {
	var merged []labels.Span
	for _, s := range spans {
		i.renames[[2]string{s.from, s.Label}]++
		if last := len(merged) - 1; last >= 0 && merged[last].Label == s.Label && slices.Contains(i.opts.Merge, s.Label) &&
			strings.TrimSpace(string(text[merged[last].End:s.Start])) == "" {
			merged[last].End = s.End
			i.report.Merged++
			continue
		}
		merged = append(merged, s.Span)
	}
	return merged
}
