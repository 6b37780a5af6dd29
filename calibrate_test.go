package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pii/data"
	"pii/stages"
)

// TestCalibrateAsTrainDoes takes from a model what calibration wrote and calibrates it again, on the same transcripts.
func TestCalibrateAsTrainDoes(t *testing.T) {
	f, dir := trained(t), copyModel(t)
	var card map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(dir, "pii.json")), &card); err != nil {
		t.Fatal(err)
	}
	if _, ok := card["temperature"].(float64); !ok {
		t.Fatalf("the card has no temperature: %v", card)
	}
	delete(card, "temperature")
	delete(card, "thresholds")
	content, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pii.json"), string(content))
	if err := os.Remove(filepath.Join(dir, "calibration.json")); err != nil {
		t.Fatal(err)
	}
	must(t, "calibrate", "--model-dir", dir, "--dev", f.dev, "--device", "cpu", "--threads", "1", "--precision", "fp32").want(t, exitDone, "calibrated on dev: temperature")
	sameFiles(t, dir, f.path("model"), "pii.json", "calibration.json")

	must(t, "calibrate", "--model-dir", dir, "--dev", f.dev, "--threshold-choice", "none")
	if strings.Contains(string(read(t, filepath.Join(dir, "pii.json"))), "thresholds") {
		t.Error("there are thresholds although none were to be chosen")
	}
	if err := os.Remove(filepath.Join(dir, "pii.json")); err != nil {
		t.Fatal(err)
	}
	must(t, "calibrate", "--model-dir", dir, "--dev", f.dev)
	if made := string(read(t, filepath.Join(dir, "pii.json"))); !strings.Contains(made, `"CREDIT_CARD:pii"`) || !strings.Contains(made, `"max_length": 64`) {
		t.Errorf("a model without a card gets this one:\n%s", made)
	}
	pii(t, "calibrate", "--dev", f.dev).want(t, exitUsage, "--model-dir is missing")
	wantFault(t, pii(t, "calibrate", "--model-dir", dir, "--dev", write(t, filepath.Join(t.TempDir(), "none.jsonl"), `{"id":"a","text":"nothing here","entities":[]}`)), "none.jsonl: has no entity")
	pii(t, "calibrate", "--model-dir", "builtin:small", "--dev", f.dev).want(t, exitUsage, "inside the program")
	before := read(t, filepath.Join(dir, "pii.json"))
	wantFault(t, pii(t, "calibrate", "--model-dir", dir, "--dev", write(t, filepath.Join(t.TempDir(), "x.jsonl"), "{")), "x.jsonl:1")
	if string(read(t, filepath.Join(dir, "pii.json"))) != string(before) {
		t.Error("a calibration that failed changed the card")
	}
}

// predicted is what predict finds in a file, with flags.
func predicted(t *testing.T, model, input string, flags ...string) []stages.PredictedEntity {
	t.Helper()
	r := must(t, append([]string{"predict", "--model-dir", model, "--input", input}, flags...)...)
	var all []stages.PredictedEntity
	for decoder := json.NewDecoder(strings.NewReader(r.out)); decoder.More(); {
		var p stages.Prediction
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Entities...)
	}
	return all
}

// TestThresholdFlags has a model that finds something: it has learned little but that most tokens are O, and O gets the name of
// another tag.
func TestThresholdFlags(t *testing.T) {
	f, model := trained(t), copyModel(t)
	config := filepath.Join(model, "config.json")
	swap := strings.NewReplacer(`"O"`, `"B-PHONE"`, `"B-PHONE"`, `"O"`)
	write(t, config, swap.Replace(string(read(t, config))))
	all := predicted(t, model, f.dev, "--pii-threshold", "0")
	counts := map[string]int{}
	most := ""
	for _, e := range all {
		if counts[e.Label]++; e.PII && counts[e.Label] > counts[most] {
			most = e.Label
		}
	}
	if most == "" {
		t.Fatal("the model finds nothing: the test tests nothing")
	}
	if got := predicted(t, model, f.dev, "--pii-threshold", "0", "--threshold", most+"=1", "--threshold", "CITY=0"); len(got) != len(all)-counts[most] {
		t.Errorf("%d spans of %d; %d are %s", len(got), len(all), counts[most], most)
	}
	if own, none := predicted(t, model, f.dev), predicted(t, model, f.dev, "--pii-threshold", "1"); len(own) > len(all) || len(none) > len(own) {
		t.Errorf("%d spans with the model's thresholds, %d with 0, %d with 1", len(own), len(all), len(none))
	}
	pii(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--thresholds", "FONE=1").want(t, exitUsage, `"PHONE"`)
	pii(t, "predict", "--model-dir", f.path("model"), "--input", f.dev, "--helpers", "crad").want(t, exitUsage, "card, phone, email")
}

func TestListFlags(t *testing.T) {
	dir, model := t.TempDir(), trained(t).path("model")
	input := write(t, filepath.Join(dir, "in.jsonl"), `{"id":"1","text":"ask Zebulon  quux about it"}`+"\n")
	deny := write(t, filepath.Join(dir, "deny.txt"), "# people\nPERSON_NAME\tzebulon QUUX\n")
	allow := write(t, filepath.Join(dir, "allow.txt"), "zebulon quux\n")
	is := func(e stages.PredictedEntity) bool {
		return e.Start == 4 && e.End == 17 && e.Label == "PERSON_NAME" && e.PII && e.Score == 1
	}
	if got := predicted(t, model, input, "--deny", deny, "--pii-threshold", "1"); len(got) != 1 || !is(got[0]) {
		t.Errorf("with a phrase to report %v", got)
	}
	if got := predicted(t, model, input, "--deny", deny, "--allow", allow, "--pii-threshold", "1"); len(got) != 0 {
		t.Errorf("with the same phrase allowed %v", got)
	}
	nobody := write(t, filepath.Join(dir, "nobody.jsonl"), `{"id":"1","text":"hello there","entities":[]}`+"\n")
	without := must(t, "predict", "--model-dir", model, "--input", nobody, "--deny", deny, "--pii-threshold", "1")
	if want := `{"id":"1","entities":[]}` + "\n"; without.out != want {
		t.Errorf("without a span %q, want %q", without.out, want)
	}
	must(t, "evaluate", "--gold", nobody, "--pred", write(t, filepath.Join(dir, "nobody.out"), without.out))
	write(t, deny, "PERSON_NAME\tok\nPERSON\tzebulon\n")
	r := pii(t, "predict", "--model-dir", model, "--input", input, "--deny", deny)
	wantFault(t, r, "deny.txt:2: ")
	if strings.Contains(r.log, "zebulon") {
		t.Errorf("the log quotes a list: %s", r.log)
	}
	wantFault(t, pii(t, "predict", "--model-dir", model, "--input", input, "--output", filepath.Join(dir, "o.jsonl"),
		"--allow", filepath.Join(dir, "none")), "none")
}

// TestPredictThroughSymlink has a link for an output, at first to nothing.
func TestPredictThroughSymlink(t *testing.T) {
	f, dir := trained(t), t.TempDir()
	link, target := filepath.Join(dir, "link.jsonl"), filepath.Join(dir, "elsewhere", "found.jsonl")
	if err := errors.Join(os.Mkdir(filepath.Dir(target), 0o777), os.Symlink("elsewhere/found.jsonl", link)); err != nil {
		t.Fatal(err)
	}
	for _, threshold := range []string{"0", "1"} {
		args := []string{"predict", "--model-dir", f.path("model"), "--input", f.dev, "--pii-threshold", threshold}
		want := must(t, args...).out
		must(t, append(args, "--output", link)...)
		if got := string(read(t, target)); got != want {
			t.Errorf("behind the link are %d bytes, not the %d that predict says", len(got), len(want))
		}
		if to, err := os.Readlink(link); err != nil || to != "elsewhere/found.jsonl" {
			t.Errorf("the link leads to %q, %v", to, err)
		}
	}
}

// TestListsMakeStale changes what a list holds, and whether there is one.
func TestListsMakeStale(t *testing.T) {
	p := newProject(t)
	p.all("--until", "predict").want(t, exitDone)
	transcript, err := data.ReadAll(p.dev, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(transcript[0].Text), " ")
	list := write(t, p.path("deny.txt"), "CITY\t"+first+"\n")
	expect := func(want string, more ...string) {
		t.Helper()
		r := p.all(append(more, "--until", "predict", "--explain")...)
		r.want(t, exitDone)
		if got := ran(r.log); got != want {
			t.Errorf("with %v ran %q, want %q\n%s", more, got, want, r.log)
		}
	}
	expect("")
	expect("predict", "--deny", list)
	if !strings.Contains(string(read(t, p.path("runs/default/predict/dev.jsonl"))), `"label":"CITY","pii":false,"score":1}`) {
		t.Error("the phrase was not found")
	}
	expect("", "--deny", list)
	write(t, list, "CITY\tnobody says this\n")
	expect("predict", "--deny", list)
	expect("predict", "--helpers", "none")
	expect("predict", "--helpers", "none", "--threshold", "CITY=0.5")
	expect("train predict", "--threshold-choice", "none")
}
