package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

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
				back, err := readPredictions(path, bytes.NewReader(out.Bytes()))
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
		back, err := readPredictions(writeFile(t, "p", text), nil)
		if err != nil || len(back["a"]) != 1 || back["a"][0].End != 2 {
			t.Errorf("%q: %v, %v", text, back, err)
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
		`{"id":"a","entities":[{"start":-1,"end":2,"label":"A"}]}`: "entities[0]",
	} {
		path := writeFile(t, "p", text)
		_, err := readPredictions(path, nil)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		} else if strings.Contains(err.Error(), "marker") {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := readPredictions(path, nil); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func numbered(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"id":"t%d","entities":[{"start":%d,"end":%d,"label":"A","pii":true,"score":0.5}]}`+"\n", i, i, i+1)
	}
	return b.Bytes()
}

// TestWholeChunks cuts a part at every byte near the ends of its chunks and of some lines, and puts garbage behind it.
func TestWholeChunks(t *testing.T) {
	whole := numbered(2*predictChunk + 40)
	var ends []int // of lines
	for i, c := range whole {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for _, line := range []int{1, predictChunk - 1, predictChunk, predictChunk + 1, 2 * predictChunk, 2*predictChunk + 40} {
		for _, d := range []int{-90, -2, -1, 0, 1, 2, 30} {
			at := ends[line-1] + d
			if at < 0 || at > len(whole) {
				continue
			}
			for _, garbage := range []string{"", "\x00\x00\x00", "\x00\n", "garbage\n", `{"id":"`, `{"id":""}` + "\n"} {
				want := 0
				for n, end := range ends {
					if end <= at && (n+1)%predictChunk == 0 {
						want = n + 1
					}
				}
				size, lines, err := wholeChunks(io.MultiReader(bytes.NewReader(whole[:at]), strings.NewReader(garbage)))
				if err != nil || lines != want || want > 0 && int(size) != ends[want-1] || want == 0 && size != 0 {
					t.Errorf("cut at %d with %q: %d lines, %d bytes, %v; want %d lines", at, garbage, lines, size, err, want)
				}
			}
		}
	}
}

// TestPredictResumes goes on from parts of a whole output, to the same bytes.
func TestPredictResumes(t *testing.T) {
	env, tagger := newTagger(t, 64)
	var input bytes.Buffer
	for i := range predictChunk + 60 {
		fmt.Fprintf(&input, `{"id":"t%d","text":"%s"}`+"\n", i, strings.Repeat("call boston now ", 1+i%4))
	}
	in := writeFile(t, "in.jsonl", input.String())
	part := filepath.Join(t.TempDir(), "part.jsonl")
	run := func() int {
		t.Helper()
		total, err := predictFile(t.Context(), env, tagger, in, part, log.New(io.Discard, "", 0))
		if err != nil {
			t.Fatal(err)
		}
		return total
	}
	if n := run(); n != predictChunk+60 {
		t.Fatalf("%d predictions", n)
	}
	whole, err := os.ReadFile(part)
	if err != nil {
		t.Fatal(err)
	}
	chunk := 0
	for range predictChunk {
		chunk += bytes.IndexByte(whole[chunk:], '\n') + 1
	}
	for name, left := range map[string][]byte{
		"mid-line of the first chunk":  whole[:chunk/2+3],
		"a byte before a chunk's end":  whole[:chunk-1],
		"a chunk's end":                whole[:chunk],
		"mid-line of the second chunk": whole[:chunk+20],
		"zeros behind a chunk":         append(append([]byte(nil), whole[:chunk]...), make([]byte, 4096)...),
		"garbage behind it":            append(append([]byte(nil), whole[:chunk]...), "\xff\xfe{\n"...),
		"all of it":                    whole,
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

func TestPredictStopsWhenTold(t *testing.T) {
	_, tagger := newTagger(t, 64)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reader, err := data.NewReader(strings.NewReader(`{"id":"a","text":"b"}`), "in", data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := predictStream(ctx, tagger, reader, 0, io.Discard, log.New(io.Discard, "", 0)); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
