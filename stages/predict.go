package stages

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"pii/data"
	"pii/pipeline"
)

// Prediction is one line of predictions.
type Prediction struct {
	ID       string            `json:"id"`
	Entities []PredictedEntity `json:"entities"`
}

// PredictedEntity is a predicted span: offsets in code points, half-open, and the model's confidence in [0, 1].
type PredictedEntity struct {
	Start int     `json:"start"`
	End   int     `json:"end"`
	Label string  `json:"label"`
	PII   bool    `json:"pii"`
	Score float64 `json:"score"`

	// What transformers' pipeline also says, where the setting aggregation asks for its groups.
	Word  string `json:"word,omitempty"`  // the tokens as text
	Index int    `json:"index,omitempty"` // the token's place in its window, where tokens are not grouped
}

// predictChunk is how many transcripts are read, tagged and written together. Batches never reach over a chunk's end, so
// a prediction that goes on after a kill forms the same batches, and writes the same bytes.
const predictChunk = 512

// predictFile tags every transcript of a file and appends the predictions to part, a JSONL file that may hold those of an
// earlier, interrupted call. It returns how many there are in all.
func predictFile(ctx context.Context, env *Env, tagger *Tagger, input, part string, logger *log.Logger) (total int, err error) {
	reader, err := env.open(input, data.Options{})
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	out, done, err := reopenPart(part)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if done > 0 {
		logger.Printf("going on after %d transcripts", done)
	}
	return predictStream(ctx, tagger, reader, done, out, logger)
}

// predictStream tags all transcripts of a reader but the first skip, whole chunks of them, and writes a line for each.
func predictStream(ctx context.Context, tagger *Tagger, reader *data.Reader, skip int, w io.Writer, logger *log.Logger) (total int, err error) {
	progress := pipeline.NewProgress(logger, "predicting", -1)
	defer progress.Close()
	for {
		chunk, err := readChunk(reader)
		if err != nil || len(chunk) == 0 {
			return total, err
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
		if total += len(chunk); total > skip {
			if err := predictChunkTo(ctx, w, tagger, chunk); err != nil {
				return total, err
			}
		}
		progress.Add(len(chunk))
	}
}

func readChunk(reader *data.Reader) ([]data.Transcript, error) {
	var chunk []data.Transcript
	for len(chunk) < predictChunk {
		transcript, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		chunk = append(chunk, transcript)
	}
	return chunk, nil
}

func predictChunkTo(ctx context.Context, w io.Writer, tagger *Tagger, chunk []data.Transcript) error {
	texts := make([]string, len(chunk))
	for i, transcript := range chunk {
		texts[i] = transcript.Text
	}
	found, err := tagger.Tag(ctx, texts)
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	for i, transcript := range chunk {
		line, err := marshalLine(Prediction{transcript.ID, found[i]})
		if err != nil {
			return err
		}
		lines.Write(line)
	}
	_, err = w.Write(lines.Bytes())
	return err
}

// marshalLine is v as one line of JSON that leaves <, > and & as they are.
func marshalLine(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// reopenPart opens a partial output for appending, cut back to the last whole chunk. What a kill or a power cut left
// behind it is written again.
func reopenPart(path string) (f *os.File, done int, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, 0, err
	}
	keep, done, err := wholeChunks(f)
	if err == nil {
		err = f.Truncate(keep)
	}
	if err == nil {
		_, err = f.Seek(keep, io.SeekStart)
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("going on with %s: %w", path, err), f.Close())
	}
	return f, done, nil
}

func wholeChunks(r io.Reader) (size int64, lines int, err error) {
	reader := bufio.NewReaderSize(r, 1<<20)
	at := int64(0)
	for n := 1; ; n++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return size, lines, nil
		}
		if err != nil {
			return 0, 0, err
		}
		var p Prediction
		if json.Unmarshal(line, &p) != nil || p.ID == "" {
			return size, lines, nil //nolint:nilerr // a broken line is where an interruption left off
		}
		at += int64(len(line))
		if n%predictChunk == 0 {
			size, lines = at, n
		}
	}
}
