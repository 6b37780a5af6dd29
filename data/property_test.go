package data

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pii/labels"
)

func transcripts() *rapid.Generator[Transcript] {
	return rapid.Custom(func(t *rapid.T) Transcript {
		text := rapid.String().Draw(t, "text")
		length := utf8.RuneCountInString(text)
		var spans []labels.Span
		for at := rapid.IntRange(0, 3).Draw(t, "gap"); at < length; at += rapid.IntRange(0, 4).Draw(t, "gap") {
			end := rapid.IntRange(at+1, length).Draw(t, "end")
			spans = append(spans, labels.Span{Start: at, End: end, Label: rapid.SampledFrom([]string{"CITY", "PHONE"}).Draw(t, "label")})
			at = end
		}
		id := rapid.StringN(1, 20, -1).Filter(func(s string) bool { return strings.TrimSpace(s) != "" }).Draw(t, "id")
		made := Transcript{ID: id, Text: text, Entities: spans, Labelled: len(spans) > 0 || rapid.Bool().Draw(t, "labelled"), Line: 1}
		for _, name := range []string{"mood", "z<&>"} {
			if rapid.Bool().Draw(t, name) {
				if made.Fields == nil {
					made.Fields = map[string][]string{}
				}
				made.Fields[name] = append([]string(nil), rapid.SliceOf(rapid.String()).Draw(t, "values")...)
			}
		}
		return made
	})
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	opts := Options{Labels: defaultLabels(t), Keep: []string{"mood", "z<&>"}}
	rapid.Check(t, func(t *rapid.T) {
		want := transcripts().Draw(t, "transcript")
		var line bytes.Buffer
		if err := Write(&line, want); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&line, "f", opts)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got, err := r.Next()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v\n%v", got, want, err)
		}
	})
}

// FuzzReader: no input makes the reader panic, and what it accepts keeps its promises.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"id":"a","text":"hi zoë","entities":[{"start":3,"end":6,"label":"CITY"}]}`))
	f.Add([]byte(`{"id":"\ud83d\ude00","text":"\\u\"","x":[{}],"entities":[]}` + "\r\n[]"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x00"))
	f.Add([]byte("\xef\xbb\xbf{\"id\":\"a\",\"text\":\"\\ud800\"}"))
	opts := Options{Labels: defaultLabels(f), AllowEmpty: true}
	f.Fuzz(func(t *testing.T, content []byte) {
		all, _ := readString(t, string(content), opts)
		ids := map[string]bool{}
		for _, read := range all {
			if ids[read.ID] || strings.TrimSpace(read.ID) == "" || !utf8.ValidString(read.Text) {
				t.Fatalf("accepted %+v", read)
			}
			ids[read.ID] = true
			end := 0
			for _, span := range read.Entities {
				if span.Start < end || span.End <= span.Start || span.End > utf8.RuneCountInString(read.Text) || !opts.Labels.Has(span.Label) {
					t.Fatalf("accepted %+v", read)
				}
				end = span.End
			}
		}
	})
}
