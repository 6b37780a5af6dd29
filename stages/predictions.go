package stages

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Formats of predictions.
const (
	FormatJSONL = "jsonl" // a line {"id", "entities": [{"start","end","label","pii","score"}]} for each transcript
	FormatJSON  = "json"  // one object {id: [{"start","end","label","pii"}]}
)

// guideEntity is a predicted span in the JSON object, which has no score.
type guideEntity struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Label string `json:"label"`
	PII   bool   `json:"pii"`
}

// formatOf is the format of an output: as asked for, or by the path's ending.
func formatOf(asked, path string) string {
	if asked != "" {
		return asked
	}
	if strings.HasSuffix(path, ".json") {
		return FormatJSON
	}
	return FormatJSONL
}

// convert writes the predictions of a JSONL part in the given format.
func convert(part io.Reader, w io.Writer, format string) error {
	if format == FormatJSONL {
		_, err := io.Copy(w, part)
		return err
	}
	out := bufio.NewWriter(w)
	out.WriteString("{")
	decoder := json.NewDecoder(part)
	for n := 0; ; n++ {
		var p Prediction
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		entities := make([]guideEntity, len(p.Entities))
		for i, e := range p.Entities {
			entities[i] = guideEntity{e.Start, e.End, e.Label, e.PII}
		}
		key, err := marshalLine(p.ID)
		if err != nil {
			return err
		}
		value, err := marshalLine(entities)
		if err != nil {
			return err
		}
		separator := ",\n"
		if n == 0 {
			separator = "\n"
		}
		fmt.Fprintf(out, "%s  %s: %s", separator, strings.TrimSpace(string(key)), strings.TrimSpace(string(value)))
	}
	out.WriteString("\n}\n")
	return out.Flush()
}

// readPredictions reads predictions of either format, by transcript id.
func readPredictions(path string, in io.Reader) (map[string][]PredictedEntity, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("reading predictions: %w", err)
		}
		defer f.Close()
		in = f
	} else {
		path = "standard input"
	}
	reader := bufio.NewReaderSize(in, 1<<20)
	predictions := map[string][]PredictedEntity{}
	line := 0
	for {
		text, err := reader.ReadBytes('\n')
		if len(strings.TrimSpace(string(text))) > 0 {
			line++
			p, parseErr := parsePrediction(text)
			if parseErr != nil && line == 1 {
				rest, readErr := io.ReadAll(reader)
				if readErr != nil {
					return nil, fmt.Errorf("%s: %w", path, readErr)
				}
				return parseObject(path, append(text, rest...))
			}
			if parseErr != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, line, parseErr)
			}
			if _, twice := predictions[p.ID]; twice {
				return nil, fmt.Errorf("%s:%d: id: %q is there twice", path, line, p.ID)
			}
			predictions[p.ID] = p.Entities
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if line == 0 {
		return nil, fmt.Errorf("%s: is empty", path)
	}
	return predictions, nil
}

// parsePrediction reads a line of JSONL. An object keyed by ids is not one, even where a transcript is called "id".
func parsePrediction(line []byte) (Prediction, error) {
	var raw struct {
		ID       *string            `json:"id"`
		Entities *[]PredictedEntity `json:"entities"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return Prediction{}, err
	}
	if raw.ID == nil || *raw.ID == "" {
		return Prediction{}, errors.New("id: missing")
	}
	if raw.Entities == nil {
		return Prediction{}, errors.New("entities: missing")
	}
	return Prediction{*raw.ID, *raw.Entities}, nil
}

func parseObject(path string, content []byte) (map[string][]PredictedEntity, error) {
	var object map[string][]PredictedEntity
	if err := json.Unmarshal(content, &object); err != nil {
		return nil, fmt.Errorf("%s: neither JSONL with id and entities nor an object of lists by id: %w", path, err)
	}
	return object, nil
}
