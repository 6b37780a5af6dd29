package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"pii/labels"
)

func defaultLabels(t testing.TB) *labels.Set {
	t.Helper()
	set, err := labels.NewSet(labels.DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func readString(t testing.TB, content string, opts Options) ([]Transcript, error) {
	t.Helper()
	r, err := NewReader(strings.NewReader(content), "f", opts)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []Transcript
	for {
		next, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, next)
	}
}

// noJSONL is what is said besides of a first line that is no JSON.
const noJSONL = "; transcripts are JSONL, a whole JSON object on each line (pii data import --help lists what other formats are read)"

func TestMalformedLinesNameLineAndField(t *testing.T) {
	span := func(s string) string { return `{"id":"a","text":"hi zoë 😀 there","entities":[` + s + `]}` }
	cases := map[string]struct{ line, want string }{
		"syntax":            {`{"id":"a" "text":"secret"}`, `f:1: is not valid JSON at column 11` + noJSONL},
		"column in points":  {`{"id":"zoë" "text":"secret"}`, `f:1: is not valid JSON at column 13` + noJSONL},
		"cut off":           {`{"id":"a","text":"secr`, `f:1: is not valid JSON: it ends too early` + noJSONL},
		"two values":        {`{"id":"a","text":""} {}`, `f:1: is not valid JSON at column 22` + noJSONL},
		"raw control":       {"{\"id\":\"a\",\"text\":\"sec\tret\"}", `f:1: is not valid JSON at column 22` + noJSONL},
		"not UTF-8":         {"{\"id\":\"a\",\"text\":\"sec\xffret\"}", `f:1: byte 22 of the line is not valid UTF-8`},
		"array":             {`["secret"]`, `f:1: is an array, not an object with the fields id, text and entities`},
		"CSV":               {"id,text\n1,secret", `f:1: is not valid JSON at column 1` + noJSONL},
		"indented":          {"{\n\"id\":\"a\",\n\"text\":\"secret\"\n}", `f:1: is not valid JSON: it ends too early` + noJSONL},
		"after blank lines": {"\n\nsecret", `f:3: is not valid JSON at column 1` + noJSONL},
		"a later line":      {`{"id":"a","text":""}` + "\nsecret", `f:2: is not valid JSON at column 1`},
		"zip":               {"PK\x03\x04secret", `f: is a zip archive; unpack it, or pack it with gzip or zstd`},
		"string":            {`"secret"`, `f:1: is a string, not an object with the fields id, text and entities`},
		"no id":             {`{"text":"secret"}`, `f:1: id: is missing`},
		"empty id":          {`{"id":" ","text":"secret"}`, `f:1: id: is empty`},
		"number as id":      {`{"id":7,"text":"secret"}`, `f:1: id: is a number, not a string`},
		"no text":           {`{"id":"a"}`, `f:1: text: is missing`},
		"text null":         {`{"id":"a","text":null}`, `f:1: text: is null, not a string`},
		"doubled field":     {`{"id":"a","text":"secret","te\u0078t":"x"}`, `f:1: text: is there twice`},
		"lone surrogate":    {`{"id":"a","text":"secret \ud83d"}`, `f:1: text: has half of a surrogate pair (\ud83d), which is no character`},
		"low surrogate":     {`{"id":"a","text":"\udc00 secret"}`, `f:1: text: has half of a surrogate pair (\udc00), which is no character`},
		"two highs":         {`{"id":"a","text":"\ud83d\ud83d\ude00"}`, `f:1: text: has half of a surrogate pair (\ud83d), which is no character`},
		"entities null":     {`{"id":"a","text":"x","entities":null}`, `f:1: entities: is null, not an array`},
		"span of numbers":   {span(`[3,4]`), `f:1: entities[0]: is an array, not an object with the fields start, end and label`},
		"no start":          {span(`{"end":4,"label":"CITY"}`), `f:1: entities[0].start: is missing`},
		"text offset":       {span(`{"start":"3","end":4,"label":"CITY"}`), `f:1: entities[0].start: is a string, not a whole number`},
		"fraction":          {span(`{"start":0,"end":4.0,"label":"CITY"}`), `f:1: entities[0].end: is not a whole number in range`},
		"huge":              {span(`{"start":0,"end":99999999999999999999,"label":"CITY"}`), `f:1: entities[0].end: is not a whole number in range`},
		"negative":          {span(`{"start":-1,"end":4,"label":"CITY"}`), `f:1: entities[0].start: is -1, below 0`},
		"past the end":      {span(`{"start":9,"end":15,"label":"CITY"}`), `f:1: entities[0].end: is 15, but the text has 14 characters (Unicode code points)`},
		"backwards":         {span(`{"start":4,"end":4,"label":"CITY"}`), `f:1: entities[0].end: is 4, not after the start 4`},
		"overlap":           {span(`{"start":5,"end":9,"label":"CITY"},{"start":0,"end":6,"label":"CITY"}`), `f:1: entities[0]: overlaps with entities[1]`},
		"label missing":     {span(`{"start":0,"end":4}`), `f:1: entities[0].label: is missing`},
		"label empty":       {span(`{"start":0,"end":4,"label":""}`), `f:1: entities[0].label: is empty`},
		"label misspelled":  {span(`{"start":0,"end":4,"label":"phome"}`), `f:1: entities[0].label: "phome" is not one of the labels CREDIT_CARD, PHONE, EMAIL, PERSON_NAME, DATE, CITY, LOCATION (did you mean PHONE?)`},
		"label in part":     {span(`{"start":0,"end":4,"label":"person"}`), `f:1: entities[0].label: "person" is not one of the labels CREDIT_CARD, PHONE, EMAIL, PERSON_NAME, DATE, CITY, LOCATION (did you mean PERSON_NAME?)`},
		"label with more":   {span(`{"start":0,"end":4,"label":"EMAIL_ADDRESS"}`), `f:1: entities[0].label: "EMAIL_ADDRESS" is not one of the labels CREDIT_CARD, PHONE, EMAIL, PERSON_NAME, DATE, CITY, LOCATION (did you mean EMAIL?)`},
		"label unknown":     {span(`{"start":0,"end":4,"label":"PASSPORT"}`), `f:1: entities[0].label: "PASSPORT" is not one of the labels CREDIT_CARD, PHONE, EMAIL, PERSON_NAME, DATE, CITY, LOCATION`},
		"entities required": {`{"id":"a","text":"secret"}`, `f:1: entities: is missing; transcripts for training and scoring are labelled, those without any entity with []`},
		"utf-16":            {"\xff\xfe{\x00", `f:1: is UTF-16 by its byte-order mark; transcripts are UTF-8`},
		"empty":             {" \r\n\n", `f: is empty`},
		"nothing":           {"", `f: is empty`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			opts := Options{Labels: defaultLabels(t), RequireEntities: name == "entities required"}
			_, err := readString(t, c.line, opts)
			var problem *Problem
			if !errors.As(err, &problem) || err.Error() != c.want {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "secr") {
				t.Error("the error quotes the text")
			}
		})
	}
}

func TestReaderTakesEveryUsualFile(t *testing.T) {
	want := []Transcript{
		{ID: "a", Text: "hi zoë 😀", Labelled: true, Line: 1, Entities: []labels.Span{{Start: 0, End: 2, Label: "X"}, {Start: 3, End: 6, Label: "Y"}}},
		{ID: "b", Text: "", Line: 4},
	}
	lf := `{"text":"hi zo\u00eb \ud83d\ude00","id":"a","more":{"entities":["}",1.5e3,null,true]},"entities":[{"label":"Y","start":3,"end":6,"x":[]},{"end":2,"start":0,"label":"X"}]}` +
		"\n\n  \n" + ` { "id" : "b" , "text" : "" } `
	crlf := strings.ReplaceAll(lf, "\n", "\r\n") + "\r\n"
	var zipped, zstdBuffer bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&zstdBuffer)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gz, zs} {
		if _, err := io.WriteString(w, "\ufeff"+crlf); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"lf": lf, "crlf": crlf, "bom": "\ufeff" + lf, "gzip": zipped.String(), "zstd": zstdBuffer.String()} {
		got, err := readString(t, content, Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		assertTranscripts(t, name, got, want)
	}
	for name, content := range map[string]string{"gzip": zipped.String(), "zstd": zstdBuffer.String()} {
		_, err := readString(t, content[:len(content)-6], Options{})
		if err == nil || !strings.Contains(err.Error(), "the compressed file is cut off") {
			t.Errorf("%s cut off: %v", name, err)
		}
		damaged := []byte(content)
		damaged[len(damaged)/2] ^= 0xff
		if _, err := readString(t, string(damaged), Options{}); err == nil {
			t.Errorf("%s damaged: no error", name)
		}
	}
}

func assertTranscripts(t *testing.T, name string, got, want []Transcript) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d transcripts, want %d", name, len(got), len(want))
	}
	for i := range want {
		var a, b bytes.Buffer
		if Write(&a, got[i]) != nil || Write(&b, want[i]) != nil || a.String() != b.String() || got[i].Line != want[i].Line || got[i].Labelled != want[i].Labelled {
			t.Errorf("%s: got %+v\nwant %+v", name, got[i], want[i])
		}
	}
}

func TestReaderGoesOnAfterABadLine(t *testing.T) {
	r, err := NewReader(strings.NewReader("{\"id\":\"a\",\"text\":\"\"}\nnonsense\n{\"id\":\"a\",\"text\":\"\"}\n{\"id\":\"b\",\"text\":\"\"}"), "f", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []string
	for {
		next, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, next.ID)
		}
	}
	want := `a|f:2: is not valid JSON at column 2|f:3: id: "a" stands on an earlier line too|b`
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
}

func TestLongLine(t *testing.T) {
	text := strings.Repeat("äb ", 3_000_000)
	got, err := readString(t, `{"id":"a","text":"`+text+`","entities":[{"start":8999999,"end":9000000,"label":"CITY"}]}`, Options{Labels: defaultLabels(t)})
	if err != nil || got[0].Text != text {
		t.Fatalf("a line of %d bytes: %v", len(text), err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none"), Options{}); err == nil || !strings.HasSuffix(err.Error(), "none: there is no such file") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.HasSuffix(err.Error(), ": is a folder, not a file of transcripts") {
		t.Errorf("folder: %v", err)
	}
	if _, err := Open("builtin:nothing", Options{}); err == nil || !strings.Contains(err.Error(), "train, dev, test, stress") {
		t.Errorf("built-in: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadAll(empty, Options{AllowEmpty: true}); err != nil || len(got) != 0 {
		t.Errorf("empty: %v", err)
	}
	r, err := Open("builtin:dev", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after Close: %v", err)
	}
}

func TestBuiltinSetsAreValid(t *testing.T) {
	for _, name := range BuiltinNames() {
		sum, err := Validate(BuiltinPrefix+name, Options{Labels: defaultLabels(t), RequireEntities: true}, func(p *Problem) { t.Error(p) })
		if err != nil || sum.Lines < 600 || sum.Labelled != sum.Lines || len(sum.Spans) != 7 {
			t.Errorf("%s: %+v %v", name, sum, err)
		}
	}
}

func TestValidateListsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	content := `{"id":"a","text":"zoë in rome","entities":[{"start":7,"end":11,"label":"CITY"}]}` + "\n" +
		`{"id":"a","text":5,"entities":[{"start":7,"end":3,"label":"TOWN"}]}` + "\n" + `{"id":"c","text":"plain"}` + "\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var fields []string
	sum, err := Validate(path, Options{Labels: defaultLabels(t)}, func(p *Problem) { fields = append(fields, p.Field) })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(fields, " "); got != "text entities[0].end entities[0].label id" {
		t.Errorf("fields with problems: %s", got)
	}
	if sum.Lines != 3 || sum.Labelled != 1 || sum.Characters != 16 || sum.Problems != 4 || sum.Spans["CITY"] != 1 {
		t.Errorf("summary: %+v", sum)
	}
	calls := 0
	if sum, err := Validate(path+"x", Options{}, func(*Problem) { calls++ }); err == nil || calls != 1 || sum.Problems != 1 {
		t.Errorf("missing file: %v, %d problems reported", err, calls)
	}
}

// TestRecentIDs finds an id that came at most so many lines before, and forgets those of twice as many.
func TestRecentIDs(t *testing.T) {
	const recent = 10
	for gap := 1; gap <= 3*recent; gap++ {
		for shift := range recent {
			s := idSet{recent: recent}
			for i := range shift {
				s.seen(fmt.Sprint("before", i))
			}
			s.seen("twice")
			for i := 1; i < gap; i++ {
				if s.seen(fmt.Sprint("between", i)) {
					t.Fatal("an id of its own was seen")
				}
			}
			found := s.seen("twice")
			if gap <= recent && !found || gap >= 2*recent && found {
				t.Errorf("%d ids after, %d before: seen is %v", gap, shift, found)
			}
		}
	}
}
