package formats

import (
	"fmt"
	"strconv"
	"strings"

	"pii/data"
	"pii/data/internal/rawjson"
)

// place is where something stands, for messages.
type place struct {
	file  string
	line  int    // from 1
	field string // such as "[2].spans[0].end"
}

// at is the place of a member, or of an item named "[3]".
func (p place) at(name string) place {
	if p.field != "" && !strings.HasPrefix(name, "[") {
		name = "." + name
	}
	p.field += name
	return p
}

func (p place) problem(format string, args ...any) error {
	return &data.Problem{File: p.file, Line: p.line, Field: p.field, Msg: fmt.Sprintf(format, args...)}
}

// String is the place without what is wrong there: "dump.jsonl:17: spans[2]".
func (p place) String() string {
	s := fmt.Sprintf("%s:%d", p.file, p.line)
	if p.field != "" {
		s += ": " + p.field
	}
	return s
}

// value is a JSON value, known to be valid; raw is nil where there is none.
type value struct {
	place
	raw []byte
}

// missing reports whether the value is not there or null, which Python's None becomes.
func (v value) missing() bool { return v.raw == nil || v.raw[0] == 'n' }

// want refuses another kind than the one that rawjson.Kind names.
func (v value) want(kind string) error {
	switch got := rawjson.Kind(v.raw); {
	case v.raw == nil:
		return v.problem("is missing")
	case got != kind:
		return v.problem("is %s, not %s", got, kind)
	}
	return nil
}

func (v value) object() (object, error) {
	if err := v.want("an object"); err != nil {
		return object{}, err
	}
	fields := map[string][]byte{}
	for key, raw := range rawjson.Members(v.raw) {
		name, err := rawjson.Unquote(key)
		if err != nil {
			return object{}, v.problem("the name of a field %v", err)
		}
		fields[name] = raw // the last one counts, as in Python
	}
	return object{v.place, fields}, nil
}

func (v value) list() ([]value, error) {
	if err := v.want("an array"); err != nil {
		return nil, err
	}
	var items []value
	for raw := range rawjson.Values(v.raw) {
		items = append(items, value{v.at(fmt.Sprintf("[%d]", len(items))), raw})
	}
	return items, nil
}

func (v value) text() (string, error) {
	if err := v.want("a string"); err != nil {
		return "", err
	}
	s, err := rawjson.Unquote(v.raw)
	if err != nil {
		return "", v.problem("%v", err)
	}
	return s, nil
}

// optionalText is the text of a value that may be missing; nil where it is.
func (v value) optionalText() (*string, error) {
	if v.missing() {
		return nil, nil
	}
	s, err := v.text()
	return &s, err
}

func (v value) number() (int, error) {
	if err := v.want("a number"); err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(v.raw))
	if err != nil {
		return 0, v.problem("is not a whole number in range")
	}
	return n, nil
}

// name is an id or a label, which some tools write as a number; "" where there is none.
func (v value) name() (string, error) {
	switch {
	case v.missing():
		return "", nil
	case rawjson.Kind(v.raw) == "a number":
		return string(v.raw), nil
	}
	return v.text()
}

// object is a JSON object.
type object struct {
	place
	fields map[string][]byte
}

func (o object) get(name string) value { return value{o.at(name), o.fields[name]} }

// first is the first of some members that is there, else the first of the names, which is missing.
func (o object) first(names ...string) value {
	for _, name := range names {
		if v := o.get(name); !v.missing() {
			return v
		}
	}
	return o.get(names[0])
}

// offsets reads where a span begins and ends.
func (o object) offsets(start, end string) (s, e int, err error) {
	if s, err = o.get(start).number(); err != nil {
		return 0, 0, err
	}
	e, err = o.get(end).number()
	return s, e, err
}
