package formats

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pii/data"
	"pii/labels"
)

func defaults(t testing.TB) Options {
	t.Helper()
	set, err := labels.NewSet(labels.DefaultTypes())
	if err != nil {
		t.Fatal(err)
	}
	return Options{Labels: set}
}

// importAll reads a stream to its end or first error, and gives what it read as lines of JSONL.
func importAll(t testing.TB, r io.Reader, file, format string, opts Options) (string, *Report, error) {
	t.Helper()
	stream, err := data.NewStream(r, file)
	if err != nil {
		return "", nil, err
	}
	defer stream.Close()
	importer, err := NewImporter(stream, format, opts)
	if err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	for {
		transcript, err := importer.Next()
		if errors.Is(err, io.EOF) {
			return out.String(), importer.Report(), nil
		}
		if err != nil {
			return out.String(), importer.Report(), err
		}
		if err := data.Write(&out, transcript); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryTool(t *testing.T) {
	for _, c := range []struct {
		file, format string
		want, report []string
	}{
		{"conll2003.txt", "conll", []string{
			`{"id":"conll2003-1","text":"Priya Nair moved to São Paulo with Acme","entities":[{"start":0,"end":10,"label":"PERSON_NAME"},{"start":20,"end":29,"label":"LOCATION"}]}`,
			`{"id":"conll2003-2","text":"call Anna Zoë","entities":[{"start":5,"end":9,"label":"PERSON_NAME"},{"start":10,"end":13,"label":"PERSON_NAME"}]}`,
		}, []string{
			`read      2 transcripts, 5 spans`,
			`written   2 transcripts, 4 spans`,
			`left out  1 span: unknown label "ORG"; first at conll2003.txt:10`,
		}},
		{"presidio.json", "presidio", []string{
			`{"id":"presidio-1","text":"I'm Zoë 😀 Brun, mail zoe@example.com","entities":[{"start":4,"end":14,"label":"PERSON_NAME"},{"start":21,"end":36,"label":"EMAIL"}]}`,
			`{"id":"presidio-2","text":"it happened at Acme on Friday","entities":[{"start":22,"end":29,"label":"DATE"}]}`,
		}, []string{
			`read      2 transcripts, 6 spans`,
			`written   2 transcripts, 3 spans`,
			`left out  1 span: overlaps with a longer span, or an earlier one of its length; first at presidio.json:24: [1].spans[3]`,
			`left out  1 span: the text there is not the one that the file says; first at presidio.json:24: [1].spans[2]`,
			`left out  1 span: unknown label "ORGANIZATION"; first at presidio.json:24: [1].spans[0]`,
		}},
		{"ai4privacy.jsonl", "ai4privacy", []string{
			`{"id":"40767A","text":"Hello Ada Lovelace, card 4111 1111 1111 1111","entities":[{"start":6,"end":18,"label":"PERSON_NAME"},{"start":25,"end":44,"label":"CREDIT_CARD"}]}`,
			`{"id":"281186","text":"ring Jo at 5550100 in Bath","entities":[{"start":5,"end":7,"label":"PERSON_NAME"},{"start":11,"end":18,"label":"PHONE"},{"start":22,"end":26,"label":"CITY"}]}`,
			`{"id":"3C","text":"O'Hara, \"42\", user jo_1","entities":[{"start":0,"end":6,"label":"PERSON_NAME"}]}`,
			`{"id":"3C-2","text":"born 1 May","entities":[{"start":5,"end":10,"label":"DATE"}]}`,
		}, []string{
			`read      4 transcripts, 9 spans`,
			`written   4 transcripts, 7 spans`,
			`merged    1 span with the one before`,
			`changed   1 id that stood in the file before`,
			`left out  1 span: unknown label "USERNAME"; first at ai4privacy.jsonl:3: privacy_mask[1]`,
		}},
		{"doccano.jsonl", "doccano", []string{
			`{"id":"12","text":"hi priya from pune","entities":[{"start":3,"end":8,"label":"PERSON_NAME"},{"start":14,"end":18,"label":"CITY"}]}`,
			`{"id":"13","text":"call zoë brun","entities":[{"start":5,"end":13,"label":"PERSON_NAME"}]}`,
			`{"id":"doccano-3","text":"none here","entities":[]}`,
			`{"id":"doccano-4","text":"nobody looked at this"}`,
			`{"id":"12-2","text":"short","entities":[]}`,
		}, []string{
			`read      5 transcripts, 9 spans`,
			`written   5 transcripts, 3 spans`,
			`changed   1 id that stood in the file before`,
			`left out  2 spans: not within the text; first at doccano.jsonl:5: label[0]`,
			`left out  2 spans: overlaps with a longer span, or an earlier one of its length; first at doccano.jsonl:2: entities[2]`,
			`left out  1 span: empty; first at doccano.jsonl:5: label[1]`,
			`left out  1 span: no label; first at doccano.jsonl:5: label[3]`,
		}},
		{"labelstudio.json", "label-studio", []string{
			`{"id":"1","text":"😀 hi priya nair ok","entities":[{"start":5,"end":15,"label":"PERSON_NAME"}]}`,
			`{"id":"2","text":"in pune now","entities":[{"start":3,"end":8,"label":"CITY"}]}`,
		}, []string{
			`read       4 transcripts, 4 spans`,
			`written    2 transcripts, 2 spans`,
			`converted  1 span of offsets in UTF-16 code units`,
			`left out   2 annotations: another annotation of the same task is taken`,
			`left out   1 transcript: not annotated; first at labelstudio.json:28: [3]`,
			`left out   1 transcript: skipped by the annotator; first at labelstudio.json:27: [2]`,
			`left out   1 span: no label; first at labelstudio.json:17: [1].annotations[0].result[1].value`,
			`left out   1 span: not a region of Labels over Text, but "choices"; first at labelstudio.json:2: [0].annotations[1].result[1]`,
		}},
		{"labelstudio_min.json", "label-studio", []string{
			`{"id":"1","text":"ring zoë on monday","entities":[{"start":5,"end":8,"label":"PERSON_NAME"},{"start":12,"end":18,"label":"DATE"}]}`,
			`{"id":"2","text":"nothing to see","entities":[]}`,
		}, []string{
			`read      4 transcripts, 3 spans`,
			`written   2 transcripts, 2 spans`,
			`left out  1 transcript: another annotation of the same task is taken; first at labelstudio_min.json:3: [1]`,
			`left out  1 transcript: not annotated; first at labelstudio_min.json:5: [3]`,
			`left out  1 span: overlaps with a longer span, or an earlier one of its length; first at labelstudio_min.json:2: [0].label[1]`,
		}},
		{"prodigy.jsonl", "prodigy", []string{
			`{"id":"prodigy-1","text":"my name is ada brun","entities":[{"start":11,"end":19,"label":"PERSON_NAME"}]}`,
			`{"id":"prodigy-4","text":"no one","entities":[]}`,
		}, []string{
			`read      4 transcripts, 1 span`,
			`written   2 transcripts, 1 span`,
			`left out  1 transcript: the answer is "ignore"; first at prodigy.jsonl:3`,
			`left out  1 transcript: the answer is "reject"; first at prodigy.jsonl:2`,
		}},
	} {
		t.Run(c.file, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("testdata", c.file))
			if err != nil {
				t.Fatal(err)
			}
			got, report, err := importAll(t, bytes.NewReader(content), c.file, c.format, defaults(t))
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(c.want, "\n") + "\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			var table bytes.Buffer
			if err := report.Print(&table); err != nil {
				t.Fatal(err)
			}
			if want := strings.Join(c.report, "\n") + "\n"; table.String() != want {
				t.Errorf("the report is\n%swant\n%s", table.String(), want)
			}
		})
	}
}
