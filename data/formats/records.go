package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"pii/data"
	"pii/data/internal/rawjson"
)

// records reads the objects of a JSON file one at a time: the items of one array, or objects that follow each other, as the
// lines of JSONL do. It holds one of them in memory.
type records struct {
	lines   *lineCounter
	decoder *json.Decoder
	array   bool
	index   int
}

// overRecords makes a format's source of a function that reads one object.
func overRecords(parse func(object) (record, error)) func(*data.Stream, Options) (source, error) {
	return func(stream *data.Stream, _ Options) (source, error) {
		r, err := newRecords(stream)
		return parsed{r, parse}, err
	}
}

type parsed struct {
	*records
	parse func(object) (record, error)
}

func (p parsed) next() (record, error) {
	o, err := p.records.next()
	if err != nil {
		return record{}, err
	}
	return p.parse(o)
}

func newRecords(stream *data.Stream) (*records, error) {
	r := &records{lines: &lineCounter{stream: stream}}
	first, err := r.lines.skipSpace()
	if err != nil {
		return nil, err
	}
	r.decoder = json.NewDecoder(r.lines)
	if r.array = first == '['; r.array {
		if _, err := r.decoder.Token(); err != nil {
			return nil, r.failed(err)
		}
	}
	return r, nil
}

// next gives the next object, io.EOF after the last.
func (r *records) next() (object, error) {
	if r.array && !r.decoder.More() {
		return object{}, r.endOfArray()
	}
	var raw json.RawMessage
	if err := r.decoder.Decode(&raw); err != nil {
		return object{}, r.failed(err)
	}
	where := place{file: r.lines.stream.Name, line: r.lines.at(r.decoder.InputOffset() - int64(len(raw)))}
	if r.array {
		where.field = fmt.Sprintf("[%d]", r.index)
	}
	r.index++
	if at := rawjson.InvalidUTF8(raw); at >= 0 {
		return object{}, where.problem("byte %d of the record is not valid UTF-8", at+1)
	}
	return value{where, raw}.object()
}

func (r *records) endOfArray() error {
	if _, err := r.decoder.Token(); err != nil { // the bracket
		return r.failed(err)
	}
	end := r.decoder.InputOffset()
	if _, err := r.decoder.Token(); r.lines.err != nil || !errors.Is(err, io.EOF) {
		if r.lines.err != nil {
			return r.failed(err)
		}
		return place{file: r.lines.stream.Name, line: r.lines.at(end)}.problem("goes on after the end of the array")
	}
	return io.EOF
}

// failed says what an error of the decoder means, in our own words: encoding/json's may quote the text.
func (r *records) failed(err error) error {
	if r.lines.err != nil {
		return r.lines.stream.Problem(0, r.lines.err)
	}
	if errors.Is(err, io.EOF) && !r.array {
		return io.EOF
	}
	rest, _ := io.ReadAll(r.decoder.Buffered()) // it reads from memory
	begin := len(rest) - len(bytes.TrimLeft(rest, " \t\r\n"))
	where := place{file: r.lines.stream.Name, line: r.lines.at(r.decoder.InputOffset() + int64(begin))}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return where.problem("is not valid JSON: the file ends within record %d, which begins on this line, or before it", r.index+1)
	}
	var syntax *json.SyntaxError
	var raw json.RawMessage
	if errors.As(json.Unmarshal(rest, &raw), &syntax) {
		where.line = r.lines.at(r.decoder.InputOffset() + max(0, syntax.Offset-1))
	}
	return where.problem("is not valid JSON, in record %d", r.index+1)
}

// lineCounter knows on which line a byte stands that was read through it.
type lineCounter struct {
	stream *data.Stream
	read   int64
	ends   []int64 // where the lines end that were read and not yet passed
	passed int     // lines
	err    error   // of reading; io.EOF is none
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.stream.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// skipSpace passes over white space before anything else is read, and gives the byte after it.
func (l *lineCounter) skipSpace() (byte, error) {
	for {
		c, err := l.stream.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, place{file: l.stream.Name, line: 1}.problem("is empty")
		case err != nil:
			return 0, l.stream.Problem(0, err)
		case c == '\n':
			l.passed++
		case c != ' ' && c != '\t' && c != '\r':
			return c, l.stream.UnreadByte()
		}
	}
}

// at is the line of a byte. Offsets must not go down from call to call.
func (l *lineCounter) at(offset int64) int {
	n := 0
	for n < len(l.ends) && l.ends[n] < offset {
		n++
	}
	l.passed += n
	l.ends = l.ends[:copy(l.ends, l.ends[n:])]
	return l.passed + 1
}
