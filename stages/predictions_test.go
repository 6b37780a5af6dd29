package stages

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"pii/data"
)

var somePredictions = []Prediction{
	{"id", []PredictedEntity{{Start: 1, End: 5, Label: "PHONE", PII: true, Score: 0.9876}, {Start: 7, End: 9, Label: "CITY", Score: 0.5}}},
	{"entities", []PredictedEntity{}},
	{`odd "<é>" &`, []PredictedEntity{{End: 1, Label: "A-B", PII: true, Score: 1}}},
}

func partOf(t *testing.T, predictions []Prediction) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range predictions {
		line, err := marshalLine(p)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
	}
	return b.Bytes()
}

func TestPredictionsRoundTrip(t *testing.T) {
	for _, format := range []string{FormatJSON, FormatJSONL} {
		for n := 1; n <= len(somePredictions); n++ {
			var out bytes.Buffer
			if err := convert(bytes.NewReader(partOf(t, somePredictions[:n])), &out, format); err != nil {
				t.Fatal(err)
			}
			if format == FormatJSON && !json.Valid(out.Bytes()) {
				t.Fatalf("not JSON:\n%s", &out)
			}
			for _, path := range []string{writeFile(t, "p", out.String()), "-"} {
				back, err := (&Env{In: bytes.NewReader(out.Bytes())}).readPredictions(path)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range somePredictions[:n] {
					want := append([]PredictedEntity{}, p.Entities...)
					for i := range want {
						if format == FormatJSON {
							want[i].Score = 0 // the object has none
						}
					}
					if !reflect.DeepEqual(back[p.ID], want) {
						t.Errorf("%s, %q: wrote %v, read %v", format, p.ID, want, back[p.ID])
					}
				}
				if len(back) != n {
					t.Errorf("%s: %d came back of %d", format, len(back), n)
				}
			}
		}
	}
}

func TestPredictionsInOtherForms(t *testing.T) {
	span := `[{"start":0,"end":2,"label":"A"}]`
	for _, text := range []string{`{"a":` + span + `}`, `{"a":` + span + `,"id":[],"entities":[]}`, "{\n \"a\" : " + span + "\n}",
		"\n\n" + `{"id":"a","entities":` + span + `}`, `{"id":"a","entities":` + span + `}` + "\r\n\r\n"} {
		back, err := (&Env{}).readPredictions(writeFile(t, "p", text))
		if err != nil || len(back["a"]) != 1 || back["a"][0].End != 2 {
			t.Errorf("%q: %v, %v", text, back, err)
		}
	}
}

// TestPredictionsAsTheyAreSent reads them packed and with a byte-order mark, as transcripts may be.
func TestPredictionsAsTheyAreSent(t *testing.T) {
	text := "\ufeff" + `{"a":[{"start":0,"end":2,"label":"A"}],` + "\n" + `"b":[]}`
	var zipped, packed bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	p, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	for _, sent := range []string{text, zipped.String(), packed.String()} {
		for _, path := range []string{writeFile(t, "p", sent), "-"} {
			if back, err := (&Env{In: strings.NewReader(sent)}).readPredictions(path); err != nil || len(back) != 2 || len(back["a"]) != 1 {
				t.Errorf("%.20q: %v, %v", sent, back, err)
			}
		}
	}
	for _, sent := range []string{zipped.String(), packed.String()} {
		path := writeFile(t, "p", sent[:len(sent)-6])
		if _, err := (&Env{}).readPredictions(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%.20q: %v", sent, err)
		}
	}
}

func TestMalformedPredictions(t *testing.T) {
	good := `{"id":"a","entities":[]}` + "\n"
	for text, want := range map[string]string{
		"":                              "is empty",
		"\n \n":                         "is empty",
		"marker":                        "neither",
		`["marker"]`:                    ":1",
		`{"a":"marker"}`:                ":1",
		`{"id":"a"}`:                    ":1: entities",
		`{"entities":[]}` + "\n" + good: ":1: id",
		good + good:                     `:2: id: "a" is there twice`,
		good + "\n" + `{"id":"b"}`:      ":3: entities",
		good + `{"id":"b","entities":[{"marker":1}]}`:              ":2: entities[0]",
		good + `{"id":"b","entities":"marker"}`:                    ":2",
		good + `{"id":7,"entities":[]}`:                            ":2",
		good + "marker":                                            ":2",
		`{"a":[{"start":2,"end":2,"label":"A"}]}`:                  `"a": entities[0]`,
		`{"a":[{"start":2,"end":1`:                                 "neither",
		"\n{\n" + `"a":[],` + "\n" + `"b":[],"a":[]}`:              `:4: id: "a" is there twice`,
		"{\n" + `"a":[],"b":[{"start":3,"end":1,"label":"A"}]}`:    `:2: "b": entities[0]`,
		"{\n" + `"a":[]}` + "\n" + `{"b":[]}`:                      "something follows",
		"{\n" + `"a":"marker"}`:                                    "neither",
		"null":                                                     ":1: id",
		"{\n" + `"a":[{"start":-1,"end":1,"label":"A"}]}`:          `:2: "a": entities[0]`,
		`{"id":"a","entities":[{"start":-1,"end":2,"label":"A"}]}`: "entities[0]",
	} {
		path := writeFile(t, "p", text)
		_, err := (&Env{}).readPredictions(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		} else if strings.Contains(err.Error(), "marker") || strings.Contains(err.Error(), "invalid character") {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := (&Env{}).readPredictions(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// chunksOf reads transcripts with the ids t0 to t(n-1) in chunks of so many.
func chunksOf(n, size int) []*chunk {
	var list []*chunk
	for i := range n {
		if i%size == 0 {
			list = append(list, &chunk{})
		}
		list[len(list)-1].add(data.Transcript{ID: fmt.Sprintf("t%d", i)})
	}
	return list
}

func numbered(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":"t%d","entities":[{"start":%d,"end":%d,"label":"A","pii":true,"score":0.5}]}`+"\n", i, i, i+1)
	}
	return b.Bytes()
}

// TestPickUp cuts a part at every byte near the ends of its chunks and of some lines, and puts garbage behind it.
func TestPickUp(t *testing.T) {
	const size, n = 8, 20
	whole := numbered(n)
	var ends []int // of lines
	for i, c := range whole {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for _, line := range []int{1, size - 1, size, size + 1, 2 * size, n} {
		for _, d := range []int{-90, -2, -1, 0, 1, 2, 30} {
			at := ends[line-1] + d
			if at < 0 || at > len(whole) {
				continue
			}
			want := 0
			for i, end := range ends {
				if end <= at && ((i+1)%size == 0 || i+1 == n) {
					want = end
				}
			}
			for _, garbage := range []string{"", "\x00\x00\x00", "\x00\n", "garbage\n", `{"id":"`, `{"id":"other"}` + "\n"} {
				left, done := pickUpAll(t, string(whole[:at])+garbage, chunksOf(n, size))
				if left != string(whole[:want]) || done != want {
					t.Errorf("cut at %d with %q: %d bytes are left and %d done, want %d", at, garbage, len(left), done, want)
				}
			}
		}
	}
}

// pickUpAll gives what is left of a part after all chunks, and how much of it the chunks that are done are.
func pickUpAll(t *testing.T, content string, chunks []*chunk) (left string, done int) {
	t.Helper()
	path := writeFile(t, "part", content)
	part, err := reopenPart(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range chunks {
		if err := part.pickUp(c); err != nil {
			t.Fatal(err)
		}
		if n += len(c.transcripts); c.done {
			done = len(numbered(n))
		}
	}
	if err := errors.Join(part.cut(), part.Close()); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(after), done
}

// TestPredictResumes goes on from parts of a whole output, to the same bytes.
func TestPredictResumes(t *testing.T) {
	env, tagger := newTagger(t, 64)
	tagger.batch.tokens = 64 // chunks of 2 KiB
	const n = 100
	var input bytes.Buffer
	for i := range n {
		fmt.Fprintf(&input, `{"id":"t%d","text":"%s"}`+"\n", i, strings.Repeat("call boston now ", 1+i%4))
	}
	in := writeFile(t, "in.jsonl", input.String())
	part := filepath.Join(t.TempDir(), "part.jsonl")
	var said bytes.Buffer
	run := func() {
		t.Helper()
		said.Reset()
		total, err := predictFile(t.Context(), env, tagger, in, part, data.Options{}, log.New(&said, "", 0))
		if err != nil || total != n {
			t.Fatalf("%d predictions, %v", total, err)
		}
	}
	run()
	whole, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(part, whole[:len(whole)-1], 0o666); err != nil {
		t.Fatal(err)
	}
	run()
	var after int // how many transcripts have whole chunks before the last one
	if _, err := fmt.Sscanf(said.String(), "going on after %d", &after); err != nil || after < 10 || after >= n {
		t.Fatalf("the log says: %s", said.String())
	}
	chunk := 0
	for range after {
		chunk += bytes.IndexByte(whole[chunk:], '\n') + 1
	}
	for name, left := range map[string][]byte{
		"nothing":                     nil,
		"mid-line of the first chunk": whole[:20],
		"a byte before a chunk's end": whole[:chunk-1],
		"a chunk's end":               whole[:chunk],
		"mid-line of the last chunk":  whole[:chunk+20],
		"zeros behind a chunk":        append(append([]byte(nil), whole[:chunk]...), make([]byte, 4096)...),
		"garbage behind it":           append(append([]byte(nil), whole[:chunk]...), "\xff\xfe{\n"...),
		"all of it":                   whole,
		"more than all of it":         append(append([]byte(nil), whole...), "{}\n"...),
	} {
		if err := os.WriteFile(part, left, 0o666); err != nil {
			t.Fatal(err)
		}
		run()
		if got, err := os.ReadFile(part); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("after %s: another output (%v)", name, err)
		}
	}
}
