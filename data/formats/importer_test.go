package formats

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pii/data"
)

func TestMalformed(t *testing.T) {
	for _, c := range []struct{ name, format, content, want string }{
		{"empty", "doccano", "", `f:1: is empty`},
		{"blank", "prodigy", " \n\n", `f:1: is empty`},
		{"no sentence", "conll", "\n-DOCSTART- O\n", `f:1: holds no transcripts`},
		{"no item", "presidio", "[ ]", `f:1: holds no transcripts`},
		{"array cut off", "presidio", "[{\"full_text\":\"secret\",\"spans\":[]},\n", `f:2: is not valid JSON: the file ends within record 2, which begins on this line, or before it`},
		{"array without end", "presidio", "[{\"full_text\":\"secret\",\"spans\":[]}\n", `f:2: is not valid JSON: the file ends within record 2, which begins on this line, or before it`},
		{"item cut off", "presidio", "[\n\n{\"full_text\":\n\"secret\"", `f:3: is not valid JSON: the file ends within record 1, which begins on this line, or before it`},
		{"line cut off", "doccano", "{\"text\":\"a\"}\n{\"text\":\"secret", `f:2: is not valid JSON: the file ends within record 2, which begins on this line, or before it`},
		{"syntax", "doccano", "{\"text\":\"a\"}\n\n{\"text\":\"a\",\n\"id\" secret}", `f:4: is not valid JSON, in record 2`},
		{"comma missing", "presidio", "[{\"full_text\":\"secret\"}\n{\"full_text\":\"secret\"}]", `f:2: is not valid JSON, in record 2`},
		{"line end in string", "prodigy", "{\"text\":\"sec\nret\"}", `f:1: is not valid JSON, in record 1`},
		{"more than the array", "presidio", "[{\"full_text\":\"a\"}]\n{\"full_text\":\"secret\"}", `f:1: goes on after the end of the array`},
		{"no object", "doccano", "{\"text\":\"a\"}\n\"secret\"", `f:2: is a string, not an object`},
		{"no object in array", "prodigy", `[{"text":"a"},["secret"]]`, `f:1: [1]: is an array, not an object`},
		{"not UTF-8", "doccano", "{\"text\":\"sec\xffret\"}", `f:1: byte 13 of the record is not valid UTF-8`},
		{"half a pair", "doccano", `{"text":"secret \ud83d"}`, `f:1: text: has half of a surrogate pair (\ud83d), which is no character`},
		{"UTF-16", "doccano", "\xff\xfe{\x00", `f:1: is UTF-16 by its byte-order mark; transcripts are UTF-8`},

		{"no text", "doccano", `{"label":[]}`, `f:1: text: is missing`},
		{"text a number", "prodigy", `{"text":7}`, `f:1: text: is a number, not a string`},
		{"id a list", "doccano", `{"id":["secret"],"text":"a"}`, `f:1: id: is an array, not a string`},
		{"classes", "doccano", `{"text":"a","label":["secret"]}`, `f:1: label[0]: is a string, neither [start, end, label] nor an object`},
		{"two items", "doccano", `{"text":"a","label":[[0,1]]}`, `f:1: label[0]: has 2 items, not start, end and label`},
		{"fraction", "doccano", `{"text":"a","label":[[0.5,1,"CITY"]]}`, `f:1: label[0][0]: is not a whole number in range`},
		{"offset a string", "doccano", `{"text":"a","entities":[{"start_offset":"0","end_offset":1,"label":"CITY"}]}`, `f:1: entities[0].start_offset: is a string, not a number`},
		{"span a number", "prodigy", `{"text":"a","spans":[7]}`, `f:1: spans[0]: is a number, not an object`},
		{"spans an object", "prodigy", `{"text":"a","spans":{}}`, `f:1: spans: is an object, not an array`},
		{"no end", "presidio", `[{"full_text":"a","spans":[{"start_position":0,"entity_type":"PERSON"}]}]`, `f:1: [0].spans[0].end_position: is missing`},
		{"no mask", "ai4privacy", `{"source_text":"a"}`, `f:1: privacy_mask: is missing`},
		{"old mask", "ai4privacy", `{"source_text":"a","privacy_mask":{"[CITY_1]":"secret"}}`, `f:1: privacy_mask: is an object, not an array`},
		{"mask no list", "ai4privacy", `{"source_text":"a","privacy_mask":"[{'value': secret}]"}`, `f:1: privacy_mask: is a string that is neither JSON nor a list as Python prints it: at character 12 it is neither a list, a dict, a string nor a number`},
		{"mask cut off", "ai4privacy", `{"source_text":"a","privacy_mask":"[{'value': 'secret"}`, `f:1: privacy_mask: is a string that is neither JSON nor a list as Python prints it: at character 19 it ends within a string`},
		{"mask of dots", "ai4privacy", `{"source_text":"a","privacy_mask":"[{'value': 'secret'}\n ...]"}`, `f:1: privacy_mask: is a string that is neither JSON nor a list as Python prints it: at character 23 it is neither a list, a dict, a string nor a number`},
		{"no text in data", "label-studio", `[{"id":1,"data":{"speech":"secret","x":1},"annotations":[]}]`, `f:1: [0].data: has no field "text"; --text-field names the one with the text`},
		{"HTML", "label-studio", `[{"id":1,"data":{"text":"a"},"annotations":[{"result":[{"type":"labels","value":{"start":"/div[1]/text()[1]","end":1,"labels":["PER"]}}]}]}]`, `f:1: [0].annotations[0].result[0].value.start: is a string, not a number`},
		{"no result", "label-studio", `[{"id":1,"data":{"text":"a"},"annotations":[{"id":3}]}]`, `f:1: [0].annotations[0].result: is missing`},

		{"one column", "conll", "ok O\n\nsecret\n", `f:3: has one column, not a token and its tag`},
		{"no tag", "conll", "ok O\nmarker secret\n", `f:2: column -1 is not a tag, neither O nor such as B-PERSON`},
		{"no label", "conll", "secret B-\n", `f:1: column -1 is not a tag, neither O nor such as B-PERSON`},
		{"no token", "conll", " \tO\n", `f:1: has an empty token`},
		{"conll not UTF-8", "conll", "ok O\ns\xe9cret O\n", `f:2: byte 2 of the line is not valid UTF-8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := importAll(t, strings.NewReader(c.content), "f", c.format, defaults(t))
			var problem *data.Problem
			if !errors.As(err, &problem) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Error("the text is quoted")
			}
		})
	}
}

func TestColumnsThatAreNotThere(t *testing.T) {
	opts := defaults(t)
	opts.TokenColumn, opts.TagColumn = 2, 4
	got, _, err := importAll(t, strings.NewReader("1 ada PROPN B-PER\n2 runs VERB O\n"), "f", "conll", opts)
	if want := `{"id":"f-1","text":"ada runs","entities":[{"start":0,"end":3,"label":"PERSON_NAME"}]}` + "\n"; got != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	_, _, err = importAll(t, strings.NewReader("1 ada PROPN B-PER\n2 secret VERB\n"), "f", "conll", opts)
	if want := "f:2: has 3 columns, not those asked for, 2 and 4"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTagSchemes: the same spans in each way of writing them.
func TestTagSchemes(t *testing.T) {
	tokens := []string{"ada", "brun", "bob", "in", "pune", "today"}
	for name, tags := range map[string]string{
		"IOB2":  "B-PER I-PER B-PER O B-CITY O",
		"IOB1":  "I-PER I-PER B-PER O I-CITY O",
		"BIOES": "B-PER E-PER S-PER O S-CITY O",
		"BILOU": "B-PER L-PER U-PER O U-CITY O",
		"BMES":  "B-PER E-PER S-PER O S-CITY O",
	} {
		var file strings.Builder
		for i, tag := range strings.Fields(tags) {
			file.WriteString(tokens[i] + "\t" + tag + "\r\n")
		}
		got, _, err := importAll(t, strings.NewReader(file.String()), "f", "conll", defaults(t))
		want := `{"id":"f-1","text":"ada brun bob in pune today","entities":[{"start":0,"end":8,"label":"PERSON_NAME"},` +
			`{"start":9,"end":12,"label":"PERSON_NAME"},{"start":16,"end":20,"label":"CITY"}]}` + "\n"
		if got != want || err != nil {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestComments(t *testing.T) {
	file := "# sent_id = call 7\n# text = O\nhi O\n# O\n\n# id = lost\n\n#tag = x\nyes O\n"
	got, _, err := importAll(t, strings.NewReader(file), "f", "conll", defaults(t))
	want := `{"id":"call 7","text":"hi #","entities":[]}` + "\n" + `{"id":"f-2","text":"yes","entities":[]}` + "\n"
	if got != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestLabelMap(t *testing.T) {
	const line = `{"text":"a b c d e f","label":[[0,1,"PERSON"],[2,3,"PHONE"],[4,5,"AGE"],[6,7,"Phone"],[8,9,"street address"],[10,11,"x"]]}`
	opts := defaults(t)
	opts.Map = map[string]string{"PHONE": "EMAIL", "AGE": ""}
	got, report, err := importAll(t, strings.NewReader(line), "f", "doccano", opts)
	want := `{"id":"f-1","text":"a b c d e f","entities":[{"start":0,"end":1,"label":"PERSON_NAME"},{"start":2,"end":3,"label":"EMAIL"},` +
		`{"start":6,"end":7,"label":"PHONE"},{"start":8,"end":9,"label":"LOCATION"}]}` + "\n"
	if got != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if len(report.SpansDropped) != 2 || report.SpansDropped[0].Label != "AGE" || report.SpansDropped[1].Label != "x" || len(report.Labels) != 4 {
		t.Errorf("the report is %+v", report)
	}
}

func TestMergeAndTrim(t *testing.T) {
	const line = `{"source_text":"Ada  Brun , Bob","privacy_mask":[{"start":0,"end":4,"label":"FIRSTNAME"},` +
		`{"start":5,"end":10,"label":"LASTNAME"},{"start":11,"end":15,"label":"FIRSTNAME"},{"start":3,"end":5,"label":"EMAIL"}]}`
	opts := defaults(t)
	opts.Trim = true
	for _, c := range []struct {
		merge []string
		want  string
	}{
		{nil, `[{"start":0,"end":9,"label":"PERSON_NAME"},{"start":12,"end":15,"label":"PERSON_NAME"}]`},
		{[]string{}, `[{"start":0,"end":3,"label":"PERSON_NAME"},{"start":5,"end":9,"label":"PERSON_NAME"},{"start":12,"end":15,"label":"PERSON_NAME"}]`},
	} {
		opts.Merge = c.merge
		got, report, err := importAll(t, strings.NewReader(line), "f", "ai4privacy", opts)
		if want := `{"id":"f-1","text":"Ada  Brun , Bob","entities":` + c.want + "}\n"; got != want || err != nil {
			t.Errorf("got  %swant %s%v", got, want, err)
		}
		if report.Trimmed != 3 || len(report.SpansDropped) != 1 || report.SpansDropped[0].Reason != "empty" {
			t.Errorf("the report is %+v", report)
		}
	}
	opts.Trim, opts.Merge = false, []string{}
	if _, report, _ := importAll(t, strings.NewReader(strings.Replace(line, " , Bob", ", Bob ", 1)), "f", "ai4privacy", opts); report.Trimmed != 0 {
		t.Error("spans are trimmed unasked")
	}
}

func TestStrict(t *testing.T) {
	for format, c := range map[string]struct{ content, want string }{
		"doccano":      {`{"text":"a","label":[[0,1,"CITY"]]}` + "\n" + `{"text":"a","label":[[0,1,"X"]]}`, `f:2: label[0]: would be left out: unknown label "X"`},
		"prodigy":      {`{"text":"a","answer":"reject"}`, `f:1: would be left out: the answer is "reject"`},
		"presidio":     {`[{"full_text":"ab","spans":[{"start_position":0,"end_position":1,"entity_type":"PERSON"},{"start_position":0,"end_position":2,"entity_type":"PERSON"}]}]`, `f:1: [0].spans[0]: would be left out: overlaps with a longer span, or an earlier one of its length`},
		"conll":        {"a O\nb B-CITY\nc I-X\n", `f:3: would be left out: unknown label "X"`},
		"label-studio": {`{"id":1,"data":{"text":"a"},"annotations":[{"result":[]},{"result":[]}]}`, `f:1: would be left out: another annotation of the same task is taken`},
	} {
		opts := defaults(t)
		opts.Strict = true
		if _, _, err := importAll(t, strings.NewReader(c.content), "f", format, opts); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", format, err, c.want)
		}
	}
	opts := defaults(t)
	opts.Strict, opts.Map = true, map[string]string{"X": ""}
	if _, _, err := importAll(t, strings.NewReader("a B-X\n"), "f", "conll", opts); err != nil {
		t.Errorf("what the map leaves out is an error: %v", err)
	}
}

func TestIDsAreMadeUnique(t *testing.T) {
	var file strings.Builder
	for _, id := range []string{"a", "a", "a-2", "a", "f-7", "", "", "a-2"} {
		file.WriteString(`{"id":"` + id + `","text":"t"}` + "\n")
	}
	got, report, err := importAll(t, strings.NewReader(file.String()), "/x/f.b.jsonl", "doccano", defaults(t))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range strings.Lines(got) {
		ids = append(ids, strings.Split(line, `"`)[3])
	}
	if want := "a a-2 a-2-2 a-3 f-7 f-6 f-7-2 a-2-3"; strings.Join(ids, " ") != want || report.Renamed != 5 {
		t.Errorf("got %v, %d changed, want %s", ids, report.Renamed, want)
	}
}

func TestTextField(t *testing.T) {
	opts := defaults(t)
	const task = `[{"id":1,"data":{"speech":"hi"},"annotations":[{"result":[]}]}]`
	want := `{"id":"1","text":"hi","entities":[]}` + "\n"
	if got, _, err := importAll(t, strings.NewReader(task), "f", "label-studio", opts); got != want || err != nil {
		t.Errorf("the only field: got %s, %v", got, err)
	}
	opts.TextField = "speech"
	for _, content := range []string{strings.Replace(task, `"data":{`, `"data":{"text":"no",`, 1), `[{"id":1,"text":"no","speech":"hi","annotation_id":1}]`} {
		if got, _, err := importAll(t, strings.NewReader(content), "f", "label-studio", opts); got != want || err != nil {
			t.Errorf("the field asked for: got %s, %v", got, err)
		}
	}
}

// TestOneRecordAtATime: what was read before a fault of the disk is there before the fault is.
func TestOneRecordAtATime(t *testing.T) {
	fault := errors.New("fault")
	padding := strings.Repeat(" ", 1<<17)
	for format, content := range map[string]string{
		"presidio": `[{"full_text":"a","spans":[]},` + padding,
		"prodigy":  `{"text":"a"}` + padding,
		"conll":    "a O\n\n" + padding,
	} {
		stream, err := data.NewStream(io.MultiReader(strings.NewReader(content), &faulty{fault}), "f")
		if err != nil {
			t.Fatal(err)
		}
		importer, err := NewImporter(stream, format, defaults(t))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := importer.Next(); err != nil || got.Text != "a" {
			t.Errorf("%s: got %+v, %v", format, got, err)
		}
		if _, err := importer.Next(); !errors.Is(err, fault) {
			t.Errorf("%s: got %v, not the fault", format, err)
		}
	}
}

type faulty struct{ err error }

func (f *faulty) Read([]byte) (int, error) { return 0, f.err }

func TestPackedAndCutOff(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "presidio.json"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain, _, err := importAll(t, bytes.NewReader(content), "f", "presidio", defaults(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := importAll(t, bytes.NewReader(packed.Bytes()), "f", "presidio", defaults(t)); got != plain || err != nil {
		t.Errorf("from gzip: %s, %v", got, err)
	}
	cut := packed.Bytes()[:packed.Len()-20]
	if _, _, err := importAll(t, bytes.NewReader(cut), "f", "presidio", defaults(t)); err == nil || err.Error() != "f: the compressed file is cut off" {
		t.Errorf("cut off: %v", err)
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, _, err := importAll(t, strings.NewReader(""), "f", "conl", defaults(t)); err == nil {
		t.Error("a format that is not there is read")
	}
}
