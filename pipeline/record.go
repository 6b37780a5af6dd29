package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// recordName is the file, written last, that makes a stage's folder whole.
const recordName = "stage.json"

// checkpointsName is the folder of a run with what interrupted stages resume from.
const checkpointsName = "checkpoints"

// record is what stage.json says: the key, everything that it was made of, and what came out.
type record struct {
	Stage    string                 `json:"stage"`
	Schema   int                    `json:"schema"`
	Key      string                 `json:"key"`
	Params   map[string]any         `json:"params"`
	Inputs   map[string]string      `json:"inputs"`  // name to digest: what the key is made of
	Files    map[string]Fingerprint `json:"files"`   // the inputs from outside, to know them again without reading them
	Outputs  map[string]Fingerprint `json:"outputs"` // by path in the stage's folder
	Started  time.Time              `json:"started"`
	Seconds  float64                `json:"seconds"`
	Versions map[string]string      `json:"versions"`
}

// brokenRecordError says that a folder has a record that no commit wrote: a disk fault, or an edit by hand.
type brokenRecordError struct{ fault string }

func (e *brokenRecordError) Error() string {
	return "its record " + recordName + " is broken: " + e.fault
}

// readRecord returns nil, without an error, where the stage has no whole output.
func readRecord(dir string) (*record, error) {
	path := filepath.Join(dir, recordName)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(record)
	if err := unmarshal(content, r); err != nil {
		return nil, &brokenRecordError{err.Error()}
	}
	key, err := r.key()
	if err != nil {
		return nil, err
	}
	if key != r.Key || len(r.Outputs) == 0 {
		return nil, &brokenRecordError{"its parts do not belong together"}
	}
	return r, nil
}

// unmarshal is json.Unmarshal that keeps every digit of numbers: as floats, two large seeds would be the same.
func unmarshal(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after its end")
	}
	return nil
}

// key is SHA-256 over canonical JSON (sorted names, shortest numbers) of what the output depends on.
func (r *record) key() (string, error) {
	content, err := json.Marshal(map[string]any{
		"stage": r.Stage, "schema": r.Schema, "params": r.Params, "inputs": r.Inputs,
	})
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", r.Stage, err)
	}
	return digestBytes(content), nil
}

// jsonObject turns parameters into what they are once written and read back, so that old and new compare as equals.
func jsonObject(params any) (map[string]any, error) {
	content, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	if err := unmarshal(content, &object); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	return object, nil
}

// Change is one reason why a stage is stale: a field, what it was, and what it is now.
type Change struct {
	Field string `json:"field"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

func (c Change) String() string { return fmt.Sprintf("%s changed from %s to %s", c.Field, c.Was, c.Is) }

// changes lists what differs in the makings of two keys, in order of field.
func changes(was, is *record) []Change {
	var list []Change
	if was.Schema != is.Schema {
		list = append(list, Change{"schema", fmt.Sprint(was.Schema), fmt.Sprint(is.Schema)})
	}
	for _, name := range unionKeys(was.Params, is.Params) {
		a, b := show(was.Params, name), show(is.Params, name)
		if a != b {
			list = append(list, Change{name, a, b})
		}
	}
	for _, name := range unionKeys(was.Inputs, is.Inputs) {
		a, b := was.Inputs[name], is.Inputs[name]
		if a != b {
			list = append(list, Change{"content of " + name, short(a), short(b)})
		}
	}
	return list
}

func unionKeys[V any](a, b map[string]V) []string {
	var names []string
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

func show(params map[string]any, name string) string {
	value, ok := params[name]
	if !ok {
		return "(none)"
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // people read this
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func short(digest string) string {
	if digest == "" {
		return "(none)"
	}
	return digest[:min(12, len(digest))]
}
