// Package labels holds entity types, their BIO tags, spans of text, and the decoding of tag scores to spans.
//
// It knows neither a model nor a tokenizer: tokens are pairs of offsets, scores are rows of numbers.
package labels

import (
	"errors"
	"fmt"
	"strings"
)

// Type is an entity type, such as PHONE, and whether it is personal data.
type Type struct {
	Name string `json:"name"`
	PII  bool   `json:"pii"`
}

// Outside is the name of the tag of tokens that belong to no span.
const Outside = "O"

// Prefix says what a tag says of its token: outside, at the beginning of, or inside a span.
type Prefix byte

// The prefixes of the BIO scheme.
const (
	O Prefix = 'O'
	B Prefix = 'B'
	I Prefix = 'I'
)

// Tag is one class of the model: a prefix and, unless it is O, the index of a type in its Set.
type Tag struct {
	Prefix Prefix
	Type   int // index into Set.Types; -1 for O
}

// Set is an ordered set of entity types with the BIO tags over them. The order of the tags is the order of the model's
// classes. A Set does not change after it is made.
type Set struct {
	types  []Type
	tags   []Tag
	byName map[string]int
	tagIDs map[string]int
}

// DefaultTypes are the types used where none are configured: five of personal data, and two of places.
func DefaultTypes() []Type {
	return []Type{
		{"CREDIT_CARD", true}, {"PHONE", true}, {"EMAIL", true}, {"PERSON_NAME", true}, {"DATE", true},
		{"CITY", false}, {"LOCATION", false},
	}
}

// NewSet makes the set of the given types. Its tags are O, then B- and I- of each type in turn.
func NewSet(types []Type) (*Set, error) {
	names := []string{Outside}
	pii := map[string]bool{}
	for _, t := range types {
		names = append(names, "B-"+t.Name, "I-"+t.Name)
		pii[t.Name] = t.PII
	}
	return FromTags(names, func(name string) bool { return pii[name] })
}

// FromTags makes the set that a checkpoint's id2label describes: any order of tags, O included. pii says which types are
// personal data. An error names a tag that is not BIO, doubled, or missing its B- form.
func FromTags(names []string, pii func(string) bool) (*Set, error) {
	s := &Set{byName: map[string]int{}, tagIDs: map[string]int{}}
	for _, name := range names {
		if _, ok := s.tagIDs[name]; ok {
			return nil, fmt.Errorf("label set: %q is there twice", name)
		}
		tag, err := s.parse(name, pii)
		if err != nil {
			return nil, err
		}
		s.tagIDs[name] = len(s.tags)
		s.tags = append(s.tags, tag)
	}
	return s, s.check()
}

func (s *Set) parse(name string, pii func(string) bool) (Tag, error) {
	if name == Outside {
		return Tag{O, -1}, nil
	}
	prefix, typ, ok := strings.Cut(name, "-")
	if !ok || (prefix != "B" && prefix != "I") {
		return Tag{}, fmt.Errorf("label set: %q is neither O nor B-TYPE nor I-TYPE", name)
	}
	if typ == "" || strings.TrimSpace(typ) != typ {
		return Tag{}, fmt.Errorf("label set: %q has no proper type name", name)
	}
	index, ok := s.byName[typ]
	if !ok {
		index = len(s.types)
		s.byName[typ] = index
		s.types = append(s.types, Type{typ, pii(typ)})
	}
	return Tag{Prefix(prefix[0]), index}, nil
}

func (s *Set) check() error {
	if _, ok := s.tagIDs[Outside]; !ok {
		return errors.New("label set: there is no tag O")
	}
	if len(s.types) == 0 {
		return errors.New("label set: there is no entity type")
	}
	for _, t := range s.types {
		for _, prefix := range []string{"B-", "I-"} {
			if _, ok := s.tagIDs[prefix+t.Name]; !ok {
				return fmt.Errorf("label set: there is no tag %s%s", prefix, t.Name)
			}
		}
	}
	return nil
}

// Types returns the entity types in order. The caller must not change them.
func (s *Set) Types() []Type { return s.types }

// Len is the number of tags, the width of the model's classifier.
func (s *Set) Len() int { return len(s.tags) }

// Has reports whether name is an entity type of the set.
func (s *Set) Has(name string) bool { _, ok := s.byName[name]; return ok }

// PII reports whether name is an entity type of the set that is personal data.
func (s *Set) PII(name string) bool {
	index, ok := s.byName[name]
	return ok && s.types[index].PII
}

// TagNames returns the names of the tags in the order of the model's classes: O, B-CREDIT_CARD, …
func (s *Set) TagNames() []string {
	names := make([]string, len(s.tags))
	for id := range s.tags {
		names[id] = s.TagName(id)
	}
	return names
}

// TagName is the name of the tag with this id.
func (s *Set) TagName(id int) string {
	tag := s.tags[id]
	if tag.Prefix == O {
		return Outside
	}
	return string(tag.Prefix) + "-" + s.types[tag.Type].Name
}

// TagID is the id of the tag with this name, if the set has it.
func (s *Set) TagID(name string) (int, bool) { id, ok := s.tagIDs[name]; return id, ok }

// Inside is the id of the tag of what goes on a span after a tag: I-X after B-X, any other itself. It is the tag itself where the set
// has no I-X.
func (s *Set) Inside(id int) int {
	if tag := s.tags[id]; tag.Prefix == B {
		if inside, ok := s.TagID(string(I) + "-" + s.types[tag.Type].Name); ok {
			return inside
		}
	}
	return id
}

// ParseTypes reads types as configuration writes them, "PHONE:pii" for personal data and "CITY" for the rest.
func ParseTypes(specs []string) ([]Type, error) {
	types := make([]Type, 0, len(specs))
	for _, spec := range specs {
		name, flag, flagged := strings.Cut(strings.TrimSpace(spec), ":")
		if flagged && flag != "pii" {
			return nil, fmt.Errorf("label %q: after the colon only \"pii\" may stand", spec)
		}
		types = append(types, Type{name, flagged})
	}
	return types, nil
}

// FormatTypes is the inverse of ParseTypes.
func FormatTypes(types []Type) []string {
	specs := make([]string, len(types))
	for i, t := range types {
		specs[i] = t.Name
		if t.PII {
			specs[i] += ":pii"
		}
	}
	return specs
}
