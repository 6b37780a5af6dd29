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
// of their start, nothing escaped that JSON does not require. What Reader reads, Write gives back.
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
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		return fmt.Errorf("writing transcript %q: %w", t.ID, err)
	}
	if _, err := w.Write(buffer.Bytes()); err != nil {
		return fmt.Errorf("writing transcript %q: %w", t.ID, err)
	}
	return nil
}
