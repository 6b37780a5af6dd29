package stages

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// partFile is a partial output: what was written of it before is compared to the transcripts, chunk by chunk, and gone on after. What
// a kill or a power cut left behind the last whole chunk is cut off and written again.
type partFile struct {
	*os.File
	lines *bufio.Reader // nil when all that was there is read
	at    int64         // end of the last whole chunk
}

// reopenPart opens a partial output for reading and appending, and makes it where there is none.
func reopenPart(path string) (*partFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &partFile{File: f, lines: bufio.NewReaderSize(f, 1<<20)}, nil
}

// pickUp marks a chunk whose predictions are there as done. At the first that is not, the file is made ready for writing.
func (p *partFile) pickUp(c *chunk) error {
	if p.lines == nil {
		return nil
	}
	size, whole, err := p.holds(c)
	switch {
	case err != nil:
		return fmt.Errorf("going on with %s: %w", p.Name(), err)
	case !whole:
		return p.cut()
	}
	p.at += size
	c.done = true
	return nil
}

// holds reports whether the next lines are the predictions for a chunk, and how many bytes they are.
func (p *partFile) holds(c *chunk) (size int64, whole bool, err error) {
	for _, transcript := range c.transcripts {
		line, err := p.lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, err
		}
		if !predicts(line, transcript.ID) {
			return 0, false, nil
		}
		size += int64(len(line))
	}
	return size, true, nil
}

// predicts reports whether a line is the prediction for a transcript. A broken one is where an interruption left off.
func predicts(line []byte, id string) bool {
	var found Prediction
	return json.Unmarshal(line, &found) == nil && found.ID == id
}

// cut drops what stands behind the last whole chunk. Once the file is being written it does nothing.
func (p *partFile) cut() error {
	if p.lines == nil {
		return nil
	}
	p.lines = nil
	err := p.Truncate(p.at)
	if err == nil {
		_, err = p.Seek(p.at, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("going on with %s: %w", p.Name(), err)
	}
	return nil
}
