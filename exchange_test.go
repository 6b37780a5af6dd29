package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pii/data/synth"
)

const rows = `{"source_text":"Ada Brun, 36, marker","privacy_mask":[{"value":"Ada","start":0,"end":3,"label":"FIRSTNAME"},` +
	`{"value":"Brun","start":4,"end":8,"label":"LASTNAME"},{"value":"36","start":10,"end":12,"label":"AGE"}],"id":"1A"}` + "\n"

func TestImport(t *testing.T) {
	dir := t.TempDir()
	input, output, report := write(t, filepath.Join(dir, "rows.jsonl"), rows), filepath.Join(dir, "new", "out.jsonl"), filepath.Join(dir, "report.json")
	r := must(t, "data", "import", "--format", "ai4privacy", "--input", input, "--output", output, "--report", report)
	r.want(t, exitDone, "read      1 transcript, 3 spans", "merged    1 span", `left out  1 span: unknown label "AGE"; first at `+input+`:1: privacy_mask[2]`)
	want := `{"id":"1A","text":"Ada Brun, 36, marker","entities":[{"start":0,"end":8,"label":"PERSON_NAME"}]}` + "\n"
	if string(read(t, output)) != want || r.out != "" {
		t.Errorf("got %s", read(t, output))
	}
	must(t, "data", "validate", output)
	var counts struct {
		Read, Written int
		Dropped       []struct{ Reason, Label, First string } `json:"spans_dropped"`
		Labels        []struct{ From, To string }
	}
	if err := json.Unmarshal(read(t, report), &counts); err != nil || counts.Read != 1 || len(counts.Dropped) != 1 ||
		counts.Dropped[0].Label != "AGE" || len(counts.Labels) != 2 {
		t.Errorf("the report is %s, %v", read(t, report), err)
	}
	if strings.Contains(r.log+string(read(t, report)), "marker") {
		t.Error("a transcript is quoted")
	}
	if r := piiWith(t, rows, "data", "import", "--format", "ai4privacy", "--input", "-"); r.code != exitDone || r.out != want {
		t.Errorf("through streams: code %d, %s", r.code, r.out)
	}
}

func TestImportWithALabelMap(t *testing.T) {
	dir := t.TempDir()
	input := write(t, filepath.Join(dir, "rows.jsonl"), rows)
	labelMap := write(t, filepath.Join(dir, "map.yaml"), "FIRSTNAME: FIRST\nLASTNAME: # left out\nAGE: \"-\"\n")
	args := []string{"data", "import", "--format", "ai4privacy", "--input", input, "--strict", "--label-map", labelMap, "--labels", "FIRST:pii,LAST:pii,NAME"}
	if r := must(t, args...); !strings.Contains(r.out, `"entities":[{"start":0,"end":3,"label":"FIRST"}]`) ||
		!strings.Contains(r.log, `left out  1 span: by the label map "LASTNAME"`) {
		t.Errorf("%s%s", r.out, r.log)
	}
	// Flags beat the file; what becomes the same label can be merged.
	r := must(t, append(args, "--map", "LASTNAME=NAME,FIRSTNAME=NAME", "--merge", "NAME")...)
	if !strings.Contains(r.out, `"entities":[{"start":0,"end":8,"label":"NAME"}]`) {
		t.Errorf("%s%s", r.out, r.log)
	}
	bad := write(t, filepath.Join(dir, "bad.yaml"), "FIRSTNAME: PHONE\n\nLASTNAME: PERSON_NAM\n")
	pii(t, "data", "import", "--format", "ai4privacy", "--input", input, "--label-map", bad).
		want(t, exitUsage, bad+`:3: "PERSON_NAM" is not one of the labels; did you mean "PERSON_NAME"?`)
}

// TestImportWritesAllOrNothing: after an error there is neither half an output nor a new one in the place of the old.
func TestImportWritesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	input := write(t, filepath.Join(dir, "tasks.jsonl"), strings.Repeat(`{"text":"fine","spans":[]}`+"\n", 5000)+`{"text":"marker`)
	output := write(t, filepath.Join(dir, "out.jsonl"), "old\n")
	args := []string{"data", "import", "--format", "prodigy", "--input", input}
	pii(t, append(args, "--output", output)...).want(t, exitFailed, input+":5001: is not valid JSON")
	if string(read(t, output)) != "old\n" {
		t.Error("the old output is gone")
	}
	if r := pii(t, args...); r.code != exitFailed || r.out != "" || strings.Contains(r.log, "marker") {
		t.Errorf("to standard output: code %d, %d bytes\n%s", r.code, len(r.out), r.log)
	}
	strict := write(t, filepath.Join(dir, "strict.jsonl"), `{"text":"fine"}`+"\n"+`{"text":"marker","spans":[{"start":0,"end":7,"label":"CITY"}]}`)
	pii(t, "data", "import", "--format", "prodigy", "--input", strict, "--output", output, "--strict").
		want(t, exitFailed, strict+":2: spans[0]: would be left out: not within the text")
	leftovers(t, dir, "out.jsonl", "strict.jsonl", "tasks.jsonl")
}

// withoutNoise matches what no other format has.
var withoutNoise = regexp.MustCompile(`,"noise_kinds":\[[^]]*\]`)

func TestExportAndImport(t *testing.T) {
	dir := t.TempDir()
	input := transcripts(t, filepath.Join(dir, "in.jsonl"), synth.Stress, 50)
	doccano := filepath.Join(dir, "doccano.jsonl")
	must(t, "data", "export", "--format", "doccano", "--input", input, "--output", doccano).want(t, exitDone, "50 transcripts written")
	if r := must(t, "data", "import", "--format", "doccano", "--input", doccano, "--strict"); r.out != withoutNoise.ReplaceAllString(string(read(t, input)), "") {
		t.Error("doccano gives back something else")
	}
	conll := must(t, "data", "export", "--format", "conll", "--input", input, "--ids").out
	back := piiWith(t, conll, "data", "import", "--format", "conll", "--input", "-", "--strict")
	again := piiWith(t, back.out, "data", "export", "--format", "conll", "--input", "-", "--ids")
	if back.code != exitDone || again.out != conll {
		t.Error("conll gives back something else")
	}
	plain := must(t, "data", "export", "--format", "conll", "--input", input)
	if strings.Contains(plain.out, "# id") || lines([]byte(plain.out)) != lines([]byte(conll))-50 {
		t.Error("ids are written unasked")
	}
}

func TestExportSaysWhatIsLost(t *testing.T) {
	dir := t.TempDir()
	input := write(t, filepath.Join(dir, "in.jsonl"), `{"id":"a","text":"x  y","entities":[{"start":1,"end":3,"label":"CITY"}]}`+"\n"+`{"id":"b","text":" ","entities":[]}`)
	r := must(t, "data", "export", "--format", "conll", "--input", input)
	r.want(t, exitDone, "1 transcript written; 1 transcript left out: no token; 1 span left out: white space alone")
	if r.out != "x\tO\ny\tO\n\n" {
		t.Errorf("got %q", r.out)
	}
	bare := write(t, filepath.Join(dir, "bare.jsonl"), `{"id":"a","text":"x"}`)
	pii(t, "data", "export", "--format", "conll", "--input", bare).want(t, exitFailed, bare+":1: entities: is missing")
	if r := must(t, "data", "export", "--format", "doccano", "--input", bare); !bytes.Equal([]byte(r.out), []byte(`{"id":"a","text":"x"}`+"\n")) {
		t.Errorf("got %q", r.out)
	}
}

func TestWrongUsageOfImportAndExport(t *testing.T) {
	dir := t.TempDir()
	input := write(t, filepath.Join(dir, "in.jsonl"), rows)
	for _, c := range []struct {
		args string
		want []string
	}{
		{"import --input x", []string{"--format is missing"}},
		{"import --format conll", []string{"--input is missing"}},
		{"import --format doccanno --input x", []string{"conll, presidio, ai4privacy", `did you mean "doccano"?`}},
		{"import --format conll --input x --tag-column 0", []string{"from 1"}},
		{"import --format conll --input x extra", []string{`"extra"`}},
		{"import --format conll --input x --map PER", []string{"--map PER", "FROM=TO"}},
		{"import --format conll --input x --map PER=PERSON_NAMES", []string{`did you mean "PERSON_NAME"?`}},
		{"import --format conll --input x --merge PERSON", []string{"--merge", `did you mean "PERSON_NAME"?`}},
		{"import --format conll --input x --report -", []string{"--report must be a file"}},
		{"import --format conll --input x --output y --report y", []string{"too"}},
		{fmt.Sprintf("import --format ai4privacy --input %s --output %s", input, input), []string{"is the input"}},
		{"import --format conll --input x --output y.gz", []string{"not compressed"}},
		{"export --format conl --input x", []string{"conll or doccano", `did you mean "conll"?`}},
		{"export --format conll", []string{"--input is missing"}},
		{"exprot", []string{`"export"`}},
	} {
		r := pii(t, strings.Fields("data "+c.args)...)
		if r.code != exitUsage || strings.Count(r.log, "\n") != 1 || r.out != "" {
			t.Errorf("pii data %s: exit code %d, output %q, log:\n%s", c.args, r.code, r.out, r.log)
		}
		for _, want := range c.want {
			if !strings.Contains(r.log, want) {
				t.Errorf("pii data %s: %s does not say %s", c.args, r.log, want)
			}
		}
	}
	pii(t, "data", "import", "--format", "conll", "--input", filepath.Join(dir, "none")).want(t, exitFailed, "there is no such file")
	pii(t, "data", "import", "--format", "conll", "--input", input, "--label-map", filepath.Join(dir, "none")).want(t, exitFailed, "none")
}

// TestImportSparesWhatItReads: neither the output nor the report may be written over a file that the import reads.
func TestImportSparesWhatItReads(t *testing.T) {
	dir := t.TempDir()
	input := write(t, filepath.Join(dir, "rows.jsonl"), rows)
	labelMap := write(t, filepath.Join(dir, "map.yaml"), "AGE: \"-\"\n")
	config := write(t, filepath.Join(dir, "settings.yaml"), "seed: 1\n")
	args := []string{"data", "import", "--format", "ai4privacy", "--input", input, "--label-map", labelMap, "--config", config}
	for path, what := range map[string]string{input: "the input", labelMap: "the file of --label-map", config: "the file of settings"} {
		before := read(t, path)
		pii(t, append(args, "--output", path)...).want(t, exitUsage, "--output "+path+" is "+what)
		pii(t, append(args, "--output", filepath.Join(dir, "new"), "--report", path)...).want(t, exitUsage, "--report "+path+" is "+what)
		if !bytes.Equal(read(t, path), before) {
			t.Errorf("%s was overwritten", path)
		}
	}
	must(t, append(args, "--output", filepath.Join(dir, "new"), "--report", filepath.Join(dir, "report"))...)
}
