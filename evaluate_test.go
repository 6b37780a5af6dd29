package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldLines and predLines agree on one of two phone numbers; a city is taken for a place, and a name is made up.
const (
	goldLines = `{"id":"a","text":"call me on 0141 5550 um Marker please","source":"app","mode":["day","night"],"noise_kinds":["filler","drop"],"entities":[{"start":11,"end":20,"label":"PHONE"}]}
{"id":"b","text":"it is double four one, in Leeds","source":"line","noise_kinds":[],"entities":[{"start":6,"end":21,"label":"PHONE"},{"start":26,"end":31,"label":"CITY"}]}
`
	predLines = `{"id":"a","entities":[{"start":11,"end":20,"label":"PHONE","pii":true,"score":0.9},{"start":24,"end":30,"label":"PERSON_NAME","pii":true,"score":0.8,"word":"marker"}]}
{"id":"b","entities":[{"start":26,"end":31,"label":"LOCATION","pii":false,"score":0.7}]}
`
)

func evaluateArgs(t *testing.T, more ...string) []string {
	t.Helper()
	dir := t.TempDir()
	return append([]string{"evaluate", "--gold", write(t, filepath.Join(dir, "gold.jsonl"), goldLines),
		"--pred", write(t, filepath.Join(dir, "pred.jsonl"), predLines)}, more...)
}

func TestEvaluateShowsSlicesAndErrors(t *testing.T) {
	plain := must(t, evaluateArgs(t)...)
	for _, no := range []string{"slice", "xxxx", "leaked"} {
		if strings.Contains(plain.out, no) {
			t.Errorf("without being asked it says %q:\n%s", no, plain.out)
		}
	}
	out := filepath.Join(t.TempDir(), "new", "errors.jsonl")
	masked := must(t, evaluateArgs(t, "--slices", "--slice-by", "source,mode,missing", "--errors", "2", "--errors-out", out)...)
	for _, want := range []string{"numerals", "0-10", "source", "(not known)", "noise_kinds", "filler", "drop", "missed  b           PHONE 6-21",
		" xxxx xxxx [xxxx xxxx xxxx], xxxx Xxxx", "false   a           -", " xxxx 9999 9999 xxxx [Xxxx] xxxx"} {
		if !strings.Contains(masked.out, want) {
			t.Errorf("it does not say %q:\n%s", want, masked.out)
		}
	}
	if strings.Contains(masked.out, "missing") {
		t.Errorf("there is a slice by a field that no transcript has:\n%s", masked.out)
	}
	masked.want(t, exitDone, `no transcript has the field "missing" of slice_by`)
	written := string(read(t, out))
	if strings.Count(written, "\n") != 2 {
		t.Errorf("the file of errors is\n%s", written)
	}
	for _, text := range []string{"Marker", "marker", "0141", "double", "Leeds"} {
		if strings.Contains(masked.out+masked.log+written, text) {
			t.Errorf("%q of a transcript is quoted", text)
		}
	}
	shown := must(t, evaluateArgs(t, "--errors-out", out, "--show-text")...)
	if written := string(read(t, out)); strings.Count(written, "\n") != 3 || !strings.Contains(written, `"span":"double four one"`) ||
		strings.Contains(shown.out, "double") {
		t.Errorf("all errors, with text:\n%s%s", shown.out, written)
	}
}

func TestEvaluateJSON(t *testing.T) {
	r := must(t, evaluateArgs(t, "--json", "--errors", "9", "--target-leak-rate", "0.5")...)
	var said struct {
		Documents int
		Mistakes  []struct {
			Gold, Predicted string
			Count           int
		}
		Slices  []struct{ By, Value string }
		Errors  []struct{ ID, Kind string }
		Targets []struct {
			Name          string
			Met, Required bool
		}
	}
	if err := json.Unmarshal([]byte(r.out), &said); err != nil {
		t.Fatal(err)
	}
	if said.Documents != 2 || len(said.Mistakes) != 1 || said.Mistakes[0].Predicted != "LOCATION" || len(said.Slices) < 5 ||
		len(said.Errors) != 3 || said.Errors[0].Kind != "missed" {
		t.Errorf("%+v", said)
	}
	if len(said.Targets) != 2 || said.Targets[0].Met || said.Targets[0].Required || !said.Targets[1].Met || !said.Targets[1].Required {
		t.Errorf("the targets are %+v", said.Targets)
	}
}

func TestEvaluateTargets(t *testing.T) {
	pii(t, evaluateArgs(t, "--target-pii-recall", "0.5")...).want(t, exitDone)
	r := pii(t, evaluateArgs(t, "--target-pii-recall", "0.6")...)
	r.want(t, exitMissed, "pii: missed: PII recall ≥ 0.6: 0.5")
	if !strings.Contains(r.out, "target: PII precision ≥ 0.8: 0.5, MISSED\ntarget: PII recall ≥ 0.6: 0.5, MISSED\n") ||
		strings.Count(r.log, "\n") != 1 {
		t.Errorf("it says\n%s%s", r.out, r.log)
	}
	if r := pii(t, evaluateArgs(t, "--target-pii-precision", "0.8", "--json")...); r.code != exitMissed || !json.Valid([]byte(r.out)) {
		t.Errorf("exit code %d with JSON:\n%s", r.code, r.out)
	}
	t.Setenv("PII_TARGET_LEAK_RATE", "0.1")
	pii(t, evaluateArgs(t)...).want(t, exitMissed, "leak rate ≤ 0.1: 0.5")
}

// TestEvaluateKnowsTheText: spans that do not fit it would hide all and leak nothing.
func TestEvaluateKnowsTheText(t *testing.T) {
	dir := t.TempDir()
	gold := write(t, filepath.Join(dir, "gold.jsonl"), `{"id":"a","text":"né marker","entities":[{"start":3,"end":9,"label":"PHONE"}]}`+"\n")
	span := func(place string) string { return `[{` + place + `,"label":"PHONE"}]` }
	for place, want := range map[string]string{
		`"start":3,"end":9`: "", `"start":0,"end":10`: `transcript "a": entities[0] ends at 10, the text at 9 code points`,
		`"start":99,"end":999999999`: "the text at 9 code points", `"start":-3,"end":9`: "0 ≤ start < end", `"start":9,"end":3`: "0 ≤ start < end",
	} {
		for _, text := range []string{`{"id":"a","entities":` + span(place) + `}`, `{"a":` + span(place) + `}`} {
			pred := write(t, filepath.Join(dir, "pred"), text)
			r := pii(t, "evaluate", "--gold", gold, "--pred", pred, "--errors", "3")
			if want == "" {
				r.want(t, exitDone)
				continue
			}
			r.want(t, exitFailed, pred, want)
			if r.out != "" || strings.Contains(r.log, "marker") {
				t.Errorf("%s: it says\n%s%s", text, r.out, r.log)
			}
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	args := evaluateArgs(t)
	gold := args[2]
	for _, c := range []struct{ more, want string }{
		{"--errors -1", "must not be negative"},
		{"--show-text", "--errors"},
		{"--errors-out " + gold, "would be overwritten"},
		{"--errors-out -", "is not a file"},
		{"--slice-by text", "slice_by names text"},
		{"--slice-by noise_kinds", "slice_by names noise_kinds"},
		{"--target-leak-rate 2", "target_leak_rate must be between 0 and 1"},
	} {
		r := pii(t, append(args[:len(args):len(args)], strings.Fields(c.more)...)...)
		r.want(t, exitUsage, c.want)
	}
	config := write(t, filepath.Join(filepath.Dir(gold), "settings.yaml"), "seed: 1\n")
	pii(t, append(args[:len(args):len(args)], "--config", config, "--errors-out", config)...).want(t, exitUsage, "is the file of settings")
	if string(read(t, gold)) != goldLines {
		t.Error("the labelled transcripts were overwritten")
	}
	r := pii(t, "evaluate", "--gold", write(t, filepath.Join(t.TempDir(), "gold.jsonl"), strings.Replace(goldLines, `"app"`, "7", 1)),
		"--pred", args[4], "--slice-by", "source", "--errors-out", filepath.Join(filepath.Dir(gold), "e.jsonl"))
	r.want(t, exitFailed, "gold.jsonl:1: source: is a number")
	if _, err := os.Stat(filepath.Join(filepath.Dir(gold), "e.jsonl")); err == nil {
		t.Error("a file of errors was written")
	}
}
