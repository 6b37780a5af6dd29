package formats

import (
	"encoding/json"
	"fmt"
	"io"

	"pii/data"
	"pii/data/internal/rawjson"
)

// doccano reads an example of a sequence labelling project as doccano exports it to JSONL (backend/data_export/pipeline in
// doccano/doccano):
//
//	{"id": 1, "text": "…", "label": [[0, 4, "PERSON"]], "Comments": []}
//	{"id": 1, "text": "…", "entities": [{"id": 7, "label": "PERSON", "start_offset": 0, "end_offset": 4}], "relations": []}
//
// The second is what projects with relations give. "labels" and "annotations" are names of earlier versions; the two shapes
// of spans may stand under any of the four. Without any of them the text is not labelled. Offsets are Python's.
func doccano(o object) (record, error) {
	r := record{place: o.place}
	var err error
	if r.id, err = o.get("id").name(); err != nil {
		return r, err
	}
	if r.text, err = o.first("text", "data").text(); err != nil {
		return r, err
	}
	list := o.first("label", "labels", "entities", "annotations")
	if list.missing() {
		return r, nil
	}
	r.labelled = true
	items, err := list.list()
	if err != nil {
		return r, err
	}
	for _, item := range items {
		s, err := doccanoSpan(item)
		if err != nil {
			return r, err
		}
		r.spans = append(r.spans, s)
	}
	return r, nil
}

func doccanoSpan(v value) (span, error) {
	switch kind := rawjson.Kind(v.raw); kind {
	case "an object":
		o, err := v.object()
		if err != nil {
			return span{}, err
		}
		return valued(o, "start_offset", "end_offset", "label", "text")
	case "an array":
	default:
		return span{}, v.problem("is %s, neither [start, end, label] nor an object", kind)
	}
	parts, err := v.list()
	if err != nil {
		return span{}, err
	}
	if len(parts) != 3 {
		return span{}, v.problem("has %d items, not start, end and label", len(parts))
	}
	s := span{place: v.place}
	if s.start, err = parts[0].number(); err != nil {
		return s, err
	}
	if s.end, err = parts[1].number(); err != nil {
		return s, err
	}
	s.label, err = parts[2].name()
	return s, err
}

// WriteDoccano writes a transcript as a line that doccano imports as JSONL. One that is not labelled has no "label". The id
// goes along as one more column, which doccano keeps as metadata.
func WriteDoccano(w io.Writer, t data.Transcript) error {
	var line any = struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}{t.ID, t.Text}
	if t.Labelled || len(t.Entities) > 0 {
		spans := [][3]any{}
		for _, s := range t.Entities {
			spans = append(spans, [3]any{s.Start, s.End, s.Label})
		}
		line = struct {
			ID    string   `json:"id"`
			Text  string   `json:"text"`
			Label [][3]any `json:"label"`
		}{t.ID, t.Text, spans}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return fmt.Errorf("writing transcript %s: %w", data.Quote(t.ID), err)
	}
	return nil
}
