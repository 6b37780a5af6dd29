package formats

import "pii/data"

// prodigy reads an annotated task as `prodigy db-out` writes it (https://prodi.gy/docs/api-interfaces#ner):
//
//	{"text": "…", "spans": [{"start": 0, "end": 4, "label": "PERSON", "token_start": 0, "token_end": 0}], "answer": "accept",
//	"_input_hash": 1, "_task_hash": 2, "meta": {…}, "tokens": […]}
//
// Offsets are Python's, end exclusive. A task without an answer was not asked, and is taken as it is. Rejected and ignored
// tasks say nothing of what would be right.
func prodigy(o object) (record, error) {
	r := record{place: o.place, labelled: true}
	var err error
	if r.id, err = o.get("id").name(); err != nil {
		return r, err
	}
	answer, err := o.get("answer").name()
	if err != nil {
		return r, err
	}
	if answer != "" && answer != "accept" {
		r.drop = "the answer is " + data.Quote(answer)
		return r, nil
	}
	if r.text, err = o.get("text").text(); err != nil {
		return r, err
	}
	if o.get("spans").missing() {
		return r, nil
	}
	r.spans, err = spans(o.get("spans"), func(s object) (span, error) { return valued(s, "start", "end", "label", "text") })
	return r, err
}
