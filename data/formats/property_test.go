package formats

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	"pii/data"
	"pii/labels"
)

// transcripts draws texts with much of what splits and joins: spaces of all kinds, punctuation, marks, what lies beyond UTF-16.
func transcripts() *rapid.Generator[data.Transcript] {
	letters := rapid.SampledFrom([]rune("ab1 \t\n\u00a0\u2028\x1c\ufeff.-#@'é\u0301😀字"))
	return rapid.Custom(func(t *rapid.T) data.Transcript {
		text := rapid.OneOf(rapid.StringOfN(letters, 0, 30, -1), rapid.String()).Draw(t, "text")
		length := utf8.RuneCountInString(text)
		var spans []labels.Span
		for at := rapid.IntRange(0, 3).Draw(t, "gap"); at < length; at += rapid.IntRange(0, 4).Draw(t, "gap") {
			end := rapid.IntRange(at+1, length).Draw(t, "end")
			spans = append(spans, labels.Span{Start: at, End: end, Label: rapid.SampledFrom([]string{"CITY", "PHONE"}).Draw(t, "label")})
			at = end
		}
		id := rapid.StringMatching(`[a-z=#][a-zé 0-9]{0,9}[a-z]`).Draw(t, "id")
		return data.Transcript{ID: id, Text: text, Entities: spans, Labelled: len(spans) > 0 || rapid.Bool().Draw(t, "labelled")}
	})
}

func lines(t *rapid.T, all []data.Transcript) string {
	var out bytes.Buffer
	for _, transcript := range all {
		if err := data.Write(&out, transcript); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func TestDoccanoAndBackIsTheSame(t *testing.T) {
	opts := defaults(t)
	opts.Strict = true
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfNDistinct(transcripts(), 1, 4, func(t data.Transcript) string { return t.ID }).Draw(rt, "transcripts")
		var file bytes.Buffer
		for _, transcript := range all {
			if err := WriteDoccano(&file, transcript); err != nil {
				rt.Fatal(err)
			}
		}
		got, _, err := importAll(t, &file, "f", "doccano", opts)
		if want := lines(rt, all); got != want || err != nil {
			rt.Fatalf("got\n%swant\n%s%v", got, want, err)
		}
	})
}

// bare is a transcript without its white space: the offsets count what is left. Spans that held nothing else are gone.
func bare(t data.Transcript) data.Transcript {
	text := []rune(t.Text)
	kept := make([]int, len(text)+1) // how many characters before each are no white space
	var out []rune
	for i, r := range text {
		kept[i] = len(out)
		if !isGap(r) {
			out = append(out, r)
		}
	}
	kept[len(text)] = len(out)
	b := data.Transcript{ID: t.ID, Text: string(out), Labelled: true}
	for _, s := range t.Entities {
		if kept[s.Start] < kept[s.End] {
			b.Entities = append(b.Entities, labels.Span{Start: kept[s.Start], End: kept[s.End], Label: s.Label})
		}
	}
	return b
}

func TestCoNLLAndBackIsTheSameButForWhiteSpace(t *testing.T) {
	opts := defaults(t)
	opts.Strict = true
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfNDistinct(transcripts(), 1, 4, func(t data.Transcript) string { return t.ID }).Draw(rt, "transcripts")
		var file bytes.Buffer
		var want []data.Transcript
		for _, transcript := range all {
			written, lost, err := WriteCoNLL(&file, transcript, true)
			if err != nil {
				rt.Fatal(err)
			}
			b := bare(transcript)
			if written != (b.Text != "") || lost != len(transcript.Entities)-len(b.Entities) {
				rt.Fatalf("written %v, %d spans lost", written, lost)
			}
			if written {
				want = append(want, b)
			}
		}
		if len(want) == 0 {
			return
		}
		stream, err := data.NewStream(&file, "f")
		if err != nil {
			rt.Fatal(err)
		}
		importer, err := NewImporter(stream, "conll", opts)
		if err != nil {
			rt.Fatal(err)
		}
		for _, w := range want {
			got, err := importer.Next()
			if err != nil {
				rt.Fatal(err)
			}
			if b := bare(got); !reflect.DeepEqual(b, w) {
				rt.Fatalf("got  %+v\nwant %+v", b, w)
			}
		}
	})
}

// TestTokens: a token ends where a span does, and where punctuation or white space is.
func TestTokens(t *testing.T) {
	var out bytes.Buffer
	transcript := data.Transcript{ID: "x", Text: "it's 12rue ada-brun  \u00a0", Labelled: true,
		Entities: []labels.Span{{Start: 11, End: 19, Label: "PERSON_NAME"}, {Start: 7, End: 10, Label: "LOCATION"}, {Start: 19, End: 21, Label: "CITY"}}}
	written, lost, err := WriteCoNLL(&out, transcript, false)
	want := "it\tO\n'\tO\ns\tO\n12\tO\nrue\tB-LOCATION\nada\tB-PERSON_NAME\n-\tI-PERSON_NAME\nbrun\tI-PERSON_NAME\n\n"
	if out.String() != want || !written || lost != 1 || err != nil {
		t.Errorf("got %q, %v, %d, %v", out.String(), written, lost, err)
	}
}

// TestMoreThanUTF16: offsets in UTF-16 code units are found out by the text that comes with them.
func TestMoreThanUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := []rune(rapid.StringOfN(rapid.SampledFrom([]rune("a😀字b")), 1, 20, -1).Draw(t, "text"))
		start := rapid.IntRange(0, len(text)-1).Draw(t, "start")
		end := rapid.IntRange(start+1, len(text)).Draw(t, "end")
		units := func(n int) int { return len(utf16.Encode(text[:n])) }
		gotStart, gotEnd, ok := fromUTF16(text, units(start), units(end))
		if !ok || gotStart != start || gotEnd != end {
			t.Fatalf("got %d to %d, want %d to %d", gotStart, gotEnd, start, end)
		}
	})
}

func TestPython(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                              `[]`,
		`[{"a": 1}]`:                      `[{"a": 1}]`,
		`[{'a': 1, 'b': 'x'}, {'a': -2}]`: `[{"a":1,"b":"x"},{"a":-2}]`,
		"[{'a': 1}\n {'a': 1.5e3}]":       `[{"a":1},{"a":1.5e3}]`,
		`{'a': [True, False, None,],}`:    `{"a":[true,false,null]}`,
		`'it\'s \"so\"\n\x41\u00e9\\'`:    `"it's \"so\"\nAé\\"`,
		`"it's"`:                          `"it's"`,
		`['\U0001f600']`:                  `["😀"]`,
		`[[[[ 'deep' ]]]]`:                `[[[["deep"]]]]`,
		`{'a' 1}`:                         "", `{1: 2}`: "", `{'a': }`: "", `[1, 2`: "", `[,]`: "", `'\q'`: "", `'\ud83d'`: "", `'\x4'`: "",
		`'a' 'b'`: "", ``: "", `[01]`: "", `nan`: "", `'\`: "", strings.Repeat("[", 1000): "",
	} {
		got, err := pythonToJSON(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q became %s", text, got)
			}
			continue
		}
		if string(got) != want || err != nil {
			t.Errorf("%q became %s, %v", text, got, err)
		}
	}
}

// FuzzPython: what comes out is JSON.
func FuzzPython(f *testing.F) {
	f.Add("[{'value': \"O'Hara\", 'start': 0}\n {'end': None}]")
	f.Add(`'\x41\U0001f600\u00e9\''`)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		if got, err := pythonToJSON(text); err == nil && (!json.Valid(got) || !utf8.Valid(got)) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// FuzzImport: no file makes an importer panic, and what it gives the reader of transcripts takes.
func FuzzImport(f *testing.F) {
	for format, content := range map[byte]string{
		0: "# id = a\nada\tB-PER\nbrun\tE-PER\n\n-DOCSTART-\nx O\n",
		1: `[{"full_text":"ada😀","spans":[{"start_position":0,"end_position":3,"entity_type":"PERSON","entity_value":"ada"}]}]`,
		2: `{"source_text":"O'Hara x","privacy_mask":"[{'value': \"O'Hara\", 'start': 0, 'end': 6, 'label': 'LASTNAME'}\n]","uid":1}`,
		3: `{"text":"a b","label":[[0,1,"CITY"],[0,3,"PERSON"]]}` + "\n" + `{"text":"a","entities":[{"start_offset":0,"end_offset":1,"label":"city"}]}`,
		4: `[{"id":1,"data":{"text":"😀a"},"annotations":[{"result":[{"type":"labels","value":{"start":2,"end":3,"text":"a","labels":["PER"]}}]}]}]`,
		5: `{"text":"a","spans":[{"start":0,"end":1,"label":"GPE"}],"answer":"accept"}`,
	} {
		f.Add(format, []byte(content))
	}
	opts := defaults(f)
	opts.Trim = true
	f.Fuzz(func(t *testing.T, format byte, content []byte) {
		names := Importable()
		got, report, err := importAll(t, bytes.NewReader(content), "f", names[int(format)%len(names)], opts)
		if report == nil || got == "" {
			return
		}
		reader, readErr := data.NewReader(strings.NewReader(got), "imported", data.Options{Labels: opts.Labels})
		if readErr != nil {
			t.Fatal(readErr)
		}
		for n := 0; n < report.Written; n++ {
			if _, readErr := reader.Next(); readErr != nil {
				t.Fatalf("%v; the import's error is %v", readErr, err)
			}
		}
	})
}
