package formats

// presidio reads an InputSample of presidio-evaluator, as InputSample.to_json writes a list of them and
// read_dataset_json reads it (presidio_evaluator/data_objects.py in microsoft/presidio-research):
//
//	{"full_text": "…", "masked": "…", "spans": [{"entity_type": "PERSON", "entity_value": "…", "start_position": 0,
//	"end_position": 4}], "template_id": 1, "metadata": {…}}
//
// Offsets are Python's. template_id is the sentence a text was made from, and no id; sample_id, in newer versions, is one.
func presidio(o object) (record, error) {
	r := record{place: o.place, labelled: true}
	var err error
	if r.id, err = o.get("sample_id").name(); err != nil {
		return r, err
	}
	if r.text, err = o.get("full_text").text(); err != nil {
		return r, err
	}
	if o.get("spans").missing() {
		return r, nil // InputSample's default is none
	}
	r.spans, err = spans(o.get("spans"), func(s object) (span, error) {
		return valued(s, "start_position", "end_position", "entity_type", "entity_value")
	})
	return r, err
}

// spans reads an array of objects.
func spans(v value, parse func(object) (span, error)) ([]span, error) {
	items, err := v.list()
	if err != nil {
		return nil, err
	}
	list := make([]span, 0, len(items))
	for _, item := range items {
		o, err := item.object()
		if err != nil {
			return nil, err
		}
		s, err := parse(o)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// valued reads a span with fields of the given names; the one with the span's text may be missing.
func valued(o object, start, end, label, text string) (span, error) {
	s := span{place: o.place}
	var err error
	if s.start, s.end, err = o.offsets(start, end); err != nil {
		return s, err
	}
	if s.label, err = o.get(label).name(); err != nil {
		return s, err
	}
	s.value, err = o.get(text).optionalText()
	return s, err
}
