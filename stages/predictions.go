package stages

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"pii/data"
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

// readPredictions reads predictions of either format, by transcript id, from a file that openText opens.
func (e *Env) readPredictions(path string) (map[string][]PredictedEntity, error) {
	stream, err := e.openText(path)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return parsePredictions(stream)
}

func parsePredictions(stream *data.Stream) (map[string][]PredictedEntity, error) {
	predictions, path := map[string][]PredictedEntity{}, stream.Name
	for line := 1; ; line++ {
		text, err := stream.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, stream.Problem(line, err)
		}
		last := errors.Is(err, io.EOF)
		if len(bytes.TrimSpace(text)) > 0 {
			p, err := parsePrediction(text)
			if err != nil && len(predictions) == 0 {
				return parseObject(stream, text, line, fmt.Errorf("%s:%d: %w", path, line, err))
			}
			if _, twice := predictions[p.ID]; err == nil && twice {
				err = fmt.Errorf("id: %q is there twice", p.ID)
			}
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, line, err)
			}
			predictions[p.ID] = p.Entities
		}
		if last && len(predictions) == 0 {
			return nil, fmt.Errorf("%s: is empty", path)
		}
		if last {
			return predictions, nil
		}
	}
}

// parsePrediction reads a line of JSONL. An object keyed by ids is not one, even where a transcript is called "id".
func parsePrediction(line []byte) (Prediction, error) {
	var raw struct {
		ID       *string            `json:"id"`
		Entities *[]PredictedEntity `json:"entities"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return Prediction{}, fmt.Errorf("%s: is of another type than predictions have there", kind.Field)
		}
		return Prediction{}, errors.New("is not a valid JSON object") // the error of encoding/json quotes the file
	}
	if raw.ID == nil || *raw.ID == "" {
		return Prediction{}, errors.New("id: missing")
	}
	if raw.Entities == nil {
		return Prediction{}, errors.New("entities: missing")
	}
	return Prediction{*raw.ID, *raw.Entities}, checkEntities(*raw.Entities)
}

// checkEntities finds spans that lack a field or are empty.
func checkEntities(entities []PredictedEntity) error {
	for i, e := range entities {
		if e.Label == "" || e.Start < 0 || e.End <= e.Start {
			return fmt.Errorf("entities[%d]: a span needs a label and 0 ≤ start < end", i)
		}
	}
	return nil
}

// parseObject reads the object of lists by id that begins with head, the given line, and goes on in the stream. Where there is none, the
// error is notLines, what is wrong with that line, if the file begins as lines do.
func parseObject(stream *data.Stream, head []byte, line int, notLines error) (map[string][]PredictedEntity, error) {
	path := stream.Name
	content, err := io.ReadAll(io.MultiReader(bytes.NewReader(head), stream))
	if err != nil {
		return nil, stream.Problem(0, err)
	}
	object, err := walkObject(content, path, line)
	var wrong *data.Problem
	if err == nil || errors.As(err, &wrong) {
		return object, err
	}
	if first, _, _ := bytes.Cut(bytes.TrimSpace(content), []byte("\n")); json.Valid(first) {
		return nil, notLines
	}
	return nil, fmt.Errorf("%s: neither lines with id and entities nor an object of lists by id%s", path, walkFault(err))
}

// walkFault is what is wrong with an object, but for what encoding/json says of its syntax, which quotes the file.
func walkFault(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax), errors.As(err, &kind):
		return ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ": it ends too early"
	}
	return ": " + err.Error()
}

// walkObject reads the object of lists by id, of which the content is all, from a line of the file on. What is wrong with an id or its
// list is a *data.Problem, what is no such object another error. encoding/json alone would let the last list of an id win.
func walkObject(content []byte, path string, line int) (map[string][]PredictedEntity, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, cmp.Or(err, errors.New("it does not begin with {"))
	}
	object, seen := map[string][]PredictedEntity{}, int64(0)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		id, at := token.(string), decoder.InputOffset()
		line, seen = line+bytes.Count(content[seen:at], []byte("\n")), at
		if _, twice := object[id]; twice {
			return nil, &data.Problem{File: path, Line: line, Field: "id", Msg: fmt.Sprintf("%q is there twice", id)}
		}
		var entities []PredictedEntity
		if err := decoder.Decode(&entities); err != nil {
			return nil, err
		}
		if err := checkEntities(entities); err != nil {
			return nil, &data.Problem{File: path, Line: line, Field: fmt.Sprintf("%q", id), Msg: err.Error()}
		}
		object[id] = entities
	}
	if _, err := decoder.Token(); err != nil { // the end of the object
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return object, nil
}
