package formats

import (
	"crypto/sha256"
	"slices"

	"pii/data"
	"pii/data/internal/rawjson"
)

// openLabelStudio reads what Label Studio exports as JSON (https://labelstud.io/guide/task_format) or as JSON-MIN
// (label_studio_sdk/converter in HumanSignal/label-studio-sdk), of projects with the tags Labels and Text:
//
//	{"id": 1, "data": {"text": "…"}, "annotations": [{"id": 2, "was_cancelled": false, "ground_truth": false, "created_at": "…",
//	"result": [{"type": "labels", "value": {"start": 0, "end": 4, "text": "…", "labels": ["PER"]}, …}]}], "predictions": []}
//	{"id": 1, "text": "…", "label": [{"start": 0, "end": 4, "text": "…", "labels": ["PER"]}], "annotator": 3, "annotation_id": 2}
//
// A task has one annotation for each annotator; there, the ground truth is taken, else the newest that was not skipped.
// JSON-MIN has a record for each, the newest of a task first, and that is taken. Regions of other tags are counted, not read.
//
// Offsets were UTF-16 code units until 2021, as issue 1347 of label-studio tells, and are code points now; the text that
// comes with a region decides.
func openLabelStudio(stream *data.Stream, opts Options) (source, error) {
	r, err := newRecords(stream)
	l := &labelStudio{field: opts.TextField, tasks: map[[16]byte]bool{}}
	return parsed{r, l.parse}, err
}

type labelStudio struct {
	field string
	tasks map[[16]byte]bool // hashes of the ids that JSON-MIN had
}

const otherAnnotation = "another annotation of the same task is taken"

func (l *labelStudio) parse(o object) (record, error) {
	if o.get("data").missing() {
		return l.minimal(o)
	}
	r := record{place: o.place, labelled: true}
	var err error
	if r.id, err = o.get("id").name(); err != nil {
		return r, err
	}
	if r.text, err = l.text(o.get("data")); err != nil {
		return r, err
	}
	annotations := o.first("annotations", "completions") // the latter until version 1.0
	if annotations.missing() {
		r.drop = "not annotated"
		return r, nil
	}
	chosen, skipped, others, err := choose(annotations)
	if err != nil {
		return r, err
	}
	r.others = others
	switch {
	case chosen != nil:
		r.spans, err = regions(chosen.get("result"))
	case skipped > 0:
		r.drop = "skipped by the annotator"
	default:
		r.drop = "not annotated"
	}
	return r, err
}

// text is the text of a task: in the field that was asked for, in "text", or in the only one there.
func (l *labelStudio) text(v value) (string, error) {
	fields, err := v.object()
	if err != nil {
		return "", err
	}
	name := l.field
	if name == "" {
		name = "text"
		if len(fields.fields) == 1 {
			for only := range fields.fields {
				name = only
			}
		}
	}
	if fields.get(name).missing() {
		return "", v.problem("has no field %s; --text-field names the one with the text", data.Quote(name))
	}
	return fields.get(name).text()
}

// choose picks the annotation that counts; others are those that might have.
func choose(v value) (chosen *object, skipped, others int, err error) {
	items, err := v.list()
	if err != nil {
		return nil, 0, 0, err
	}
	best := ""
	for _, item := range items {
		a, err := item.object()
		if err != nil {
			return nil, 0, 0, err
		}
		if a.isTrue("was_cancelled") || a.isTrue("skipped") {
			skipped++
			continue
		}
		created, err := a.get("created_at").name()
		if err != nil {
			return nil, 0, 0, err
		}
		rank := "0" + created
		if a.isTrue("ground_truth") {
			rank = "1" + created
		}
		if chosen != nil {
			others++
		}
		if chosen == nil || rank > best {
			chosen, best = &a, rank
		}
	}
	return chosen, skipped, others, nil
}

func (o object) isTrue(name string) bool { return string(o.get(name).raw) == "true" }

// regions reads the result of an annotation.
func regions(v value) ([]span, error) {
	items, err := v.list()
	if err != nil {
		return nil, err
	}
	var all []span
	for _, item := range items {
		o, err := item.object()
		if err != nil {
			return nil, err
		}
		kind, err := o.get("type").name()
		if err != nil {
			return nil, err
		}
		if kind != "labels" {
			all = append(all, span{place: o.place, drop: "not a region of Labels over Text, but " + data.Quote(kind)})
			continue
		}
		found, err := region(o.get("value"))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// region reads one stretch of text, which may have several labels.
func region(v value) ([]span, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	s, err := valued(o, "start", "end", "", "text")
	if err != nil {
		return nil, err
	}
	names := o.get("labels")
	if names.missing() {
		return []span{s}, nil // without a label
	}
	items, err := names.list()
	if err != nil {
		return nil, err
	}
	var all []span
	for _, item := range items {
		if s.label, err = item.name(); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	if all == nil {
		all = []span{s}
	}
	return all, nil
}

// minimal reads a record of JSON-MIN, where the task's data and the regions by the name of their tag stand side by side.
func (l *labelStudio) minimal(o object) (record, error) {
	r := record{place: o.place, labelled: true}
	var err error
	if r.id, err = o.get("id").name(); err != nil {
		return r, err
	}
	field := l.field
	if field == "" {
		field = "text"
	}
	if r.text, err = o.get(field).text(); err != nil {
		return r, err
	}
	sum := sha256.Sum256([]byte(r.id))
	task := [16]byte(sum[:16])
	if r.id != "" && l.tasks[task] {
		r.drop = otherAnnotation
		return r, nil
	}
	l.tasks[task] = true
	if raw := o.fields["annotation_id"]; raw != nil && o.get("annotation_id").missing() {
		r.drop = "not annotated"
		return r, nil
	}
	var names []string
	for name := range o.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		found, err := tagRegions(o.get(name))
		if err != nil {
			return r, err
		}
		r.spans = append(r.spans, found...)
	}
	return r, nil
}

// tagRegions reads a field of JSON-MIN if it holds regions; the task's data may have lists of its own.
func tagRegions(v value) ([]span, error) {
	if rawjson.Kind(v.raw) != "an array" {
		return nil, nil
	}
	items, err := v.list()
	if err != nil {
		return nil, err
	}
	var all []span
	for _, item := range items {
		if rawjson.Kind(item.raw) != "an object" {
			return nil, nil
		}
		o, err := item.object()
		if err != nil {
			return nil, err
		}
		if o.fields["labels"] == nil || o.fields["start"] == nil {
			return nil, nil
		}
		found, err := region(item)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}
