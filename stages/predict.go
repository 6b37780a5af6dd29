package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"

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

// predictFile tags every transcript of a file and appends the predictions to part, a JSONL file that may hold those of an
// earlier, interrupted call. It returns how many there are in all.
func predictFile(ctx context.Context, env *Env, tagger *Tagger, input, part string, opts data.Options, logger *log.Logger) (total int, err error) {
	reader, err := env.open(input, opts)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	out, err := reopenPart(part)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	f := newFlow(ctx)
	defer f.end()
	chunks := f.step(f.read(reader, tagger.lookAhead(), false), out.pickUp)
	if total, err = predictChunks(f, tagger, chunks, out, logger); err == nil {
		err = out.cut()
	}
	return total, err
}

// predictStream tags all transcripts of a reader, and writes a line for each. With eager it writes what it can before it waits for
// more input; then the reader must give up when the flow's context is done. It returns how many lines it has written.
func predictStream(f *flow, tagger *Tagger, reader *data.Reader, eager bool, w io.Writer, logger *log.Logger) (written int, err error) {
	return predictChunks(f, tagger, f.read(reader, tagger.lookAhead(), eager), w, logger)
}

// predictChunks tags chunks and writes their lines, each chunk's at once. It ends the flow.
func predictChunks(f *flow, tagger *Tagger, chunks <-chan *chunk, w io.Writer, logger *log.Logger) (total int, err error) {
	defer f.end()
	progress := pipeline.NewProgress(logger, "predicting", -1)
	defer progress.Close()
	before := true // of what an earlier call has written
	for c := range tagger.steps(f, chunks) {
		if c.err != nil {
			return total, c.err
		}
		if before && !c.done && total > 0 {
			logger.Printf("going on after %d transcripts", total)
		}
		if before = c.done; !c.done {
			if _, err := w.Write(c.lines); err != nil {
				return total, err
			}
		}
		total += len(c.transcripts)
		progress.Add(len(c.transcripts))
	}
	return total, f.ctx.Err()
}

// steps are what is done with each chunk.
func (t *Tagger) steps(f *flow, chunks <-chan *chunk) <-chan *chunk {
	chunks = f.step(chunks, t.tokenizeChunk)
	chunks = f.step(chunks, func(c *chunk) (err error) {
		c.batches, err = t.submit(f.ctx, c.prepared)
		return err
	})
	return f.step(chunks, t.decodeChunk) // a GPU computes the next chunk meanwhile
}

func (t *Tagger) tokenizeChunk(c *chunk) (err error) {
	texts := make([]string, len(c.transcripts))
	for i, transcript := range c.transcripts {
		texts[i] = transcript.Text
	}
	c.prepared, err = t.prepareAll(texts)
	return err
}

func (t *Tagger) decodeChunk(c *chunk) error {
	if err := collect(c.prepared, c.batches); err != nil {
		return err
	}
	lines := make([][]byte, len(c.transcripts))
	err := forEach(len(lines), func(i int) error {
		found, err := t.decode(c.prepared[i])
		if err == nil {
			lines[i], err = marshalLine(Prediction{c.transcripts[i].ID, found})
		}
		return err
	})
	c.lines, c.prepared, c.batches = bytes.Join(lines, nil), nil, nil
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
