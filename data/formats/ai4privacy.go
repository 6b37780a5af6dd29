package formats

import (
	"errors"
	"strings"

	"pii/data/internal/rawjson"
)

// ai4privacy reads a row of the data sets of Ai4Privacy (https://huggingface.co/ai4privacy), from pii-masking-200k on:
//
//	{"source_text": "…", "target_text": "…", "privacy_mask": [{"value": "…", "start": 0, "end": 4, "label": "FIRSTNAME",
//	"label_index": 1}], "id": "40767A", …}
//
// Offsets are Python's. The id is called uid in the newer sets, and is a number there. In dumps that went through CSV or
// pandas privacy_mask is a string: JSON, or what Python prints for such a list.
func ai4privacy(o object) (record, error) {
	r := record{place: o.place, labelled: true}
	var err error
	if r.id, err = o.first("id", "uid").name(); err != nil {
		return r, err
	}
	if r.text, err = o.get("source_text").text(); err != nil {
		return r, err
	}
	mask := o.get("privacy_mask")
	if rawjson.Kind(mask.raw) == "a string" {
		if mask, err = fromString(mask); err != nil {
			return r, err
		}
	}
	r.spans, err = spans(mask, func(s object) (span, error) { return valued(s, "start", "end", "label", "value") })
	return r, err
}

// fromString is the value that a string holds.
func fromString(v value) (value, error) {
	text, err := v.text()
	if err != nil {
		return v, err
	}
	raw, err := pythonToJSON(text)
	var wrong *pythonError
	if errors.As(err, &wrong) {
		return v, v.problem("is a string that is neither JSON nor a list as Python prints it: %v", wrong)
	}
	v.raw = []byte(strings.TrimSpace(string(raw)))
	return v, err
}
