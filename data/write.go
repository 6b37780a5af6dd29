package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"pii/labels"
)

// Write writes one transcript as a line of canonical JSONL: the fields id, text, entities in this order, spans in order
// of their start, then the further fields by name, as lists; nothing escaped that JSON does not require. What Reader reads, Write gives back.
func Write(w io.Writer, t Transcript) error {
	spans := slices.Clone(t.Entities)
	sortSpans(spans)
	var line any = struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}{t.ID, t.Text}
	if t.Labelled || len(spans) > 0 {
		if spans == nil {
			spans = []labels.Span{}
		}
		line = struct {
			ID       string        `json:"id"`
			Text     string        `json:"text"`
			Entities []labels.Span `json:"entities"`
		}{t.ID, t.Text, spans}
	}
	whole, err := encode(line, t.Fields)
	if err != nil {
		return fmt.Errorf("writing transcript %q: %w", t.ID, err)
	}
	if _, err := w.Write(whole); err != nil {
		return fmt.Errorf("writing transcript %q: %w", t.ID, err)
	}
	return nil
}

// encode gives a line of JSON: an object, with further fields at its end.
func encode(object any, fields map[string][]string) ([]byte, error) {
	var line, more bytes.Buffer
	for out, value := range map[*bytes.Buffer]any{&line: object, &more: lists(fields)} {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			return nil, err
		}
	}
	if len(fields) == 0 {
		return line.Bytes(), nil
	}
	return append(append(bytes.TrimSuffix(line.Bytes(), []byte("}\n")), ','), more.Bytes()[1:]...), nil
}

// lists are fields of which none is null in JSON.
func lists(fields map[string][]string) map[string][]string {
	whole := map[string][]string{}
	for name, list := range fields {
		whole[name] = append([]string{}, list...)
	}
	return whole
}
