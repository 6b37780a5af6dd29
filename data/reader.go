package data

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"pii/labels"
)

// Options say what a file of transcripts has to be.
type Options struct {
	Labels          *labels.Set // the labels that spans may have; nil for any
	RequireEntities bool        // every line has the field "entities", as training and scoring need
	AllowEmpty      bool        // a file without any line is no error
}

// Reader reads transcripts one by one. It holds a line and a hash of each id in memory, nothing else of the file.
//
// Lines end in LF or CRLF, the last one also in nothing; a UTF-8 byte-order mark and blank lines are passed over; gzip and
// zstd are known by their first bytes.
type Reader struct {
	name   string
	opts   Options
	lines  *bufio.Reader
	closes []func() error
	line   int
	buffer []byte
	ids    map[[16]byte]struct{}
	any    bool  // a line that is not blank was read
	done   error // what every further call returns
}

// Open opens a file of transcripts. "-" is standard input; "builtin:train" and so on are the sets inside the binary.
func Open(path string, opts Options) (*Reader, error) {
	src, err := openSource(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(src, src.name, opts)
	if err != nil {
		if src.close != nil {
			err = errors.Join(err, src.close())
		}
		return nil, err
	}
	if src.close != nil {
		r.closes = append(r.closes, src.close)
	}
	return r, nil
}

// NewReader reads transcripts from a stream. name stands for it in errors.
func NewReader(stream io.Reader, name string, opts Options) (*Reader, error) {
	lines, free, err := unpack(stream, name)
	if err != nil {
		if free != nil {
			free()
		}
		return nil, err
	}
	r := &Reader{name: name, opts: opts, lines: lines, ids: map[[16]byte]struct{}{}}
	if free != nil {
		r.closes = append(r.closes, func() error { free(); return nil })
	}
	return r, nil
}

// ReadAll reads a whole file of transcripts, up to its first problem.
func ReadAll(path string, opts Options) ([]Transcript, error) {
	r, err := Open(path, opts)
	if err != nil {
		return nil, err
	}
	var all []Transcript
	for {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, r.Close()
		}
		if err != nil {
			r.Close() // the file was only read; the first error counts
			return nil, err
		}
		all = append(all, t)
	}
}

// Next gives the next transcript, io.EOF after the last. Where a line is wrong the error is a *Problem, the first of that
// line, and a further call goes on with the line after it. An error of reading comes again at every further call.
func (r *Reader) Next() (Transcript, error) {
	t, problems, err := r.next()
	if err != nil {
		return Transcript{}, err
	}
	if len(problems) > 0 {
		return Transcript{}, problems[0]
	}
	return t, nil
}

// Close releases the file. Reading after it is an error.
func (r *Reader) Close() error {
	var errs []error
	for _, close := range r.closes {
		errs = append(errs, close())
	}
	r.closes, r.done = nil, errors.New("the reader of transcripts is closed")
	return errors.Join(errs...)
}

// next gives the next transcript with everything that is wrong with it.
func (r *Reader) next() (Transcript, []*Problem, error) {
	for {
		if r.done != nil {
			return Transcript{}, nil, r.done
		}
		line, err := r.readLine()
		if err != nil {
			r.done = err
			continue
		}
		if len(bytes.Trim(line, " \t\r\n")) == 0 {
			continue
		}
		r.any = true
		p := lineParser{file: r.name, line: r.line, opts: r.opts}
		t := p.parse(line)
		if t.ID != "" && r.seen(t.ID) {
			p.problem("id", "%s stands on an earlier line too", shown(t.ID))
		}
		return t, p.problems, nil
	}
}

// readLine gives the next line without its end. It is good until the next call.
func (r *Reader) readLine() ([]byte, error) {
	r.buffer = r.buffer[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		r.buffer = append(r.buffer, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(r.buffer) > 0:
			r.line++
			return bytes.TrimSuffix(bytes.TrimSuffix(r.buffer, []byte("\n")), []byte("\r")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && !r.any && !r.opts.AllowEmpty:
			return nil, &Problem{File: r.name, Msg: "is empty"}
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, &Problem{File: r.name, Line: r.line + 1, Msg: streamMessage(err), cause: err}
		}
	}
}

// seen notes an id and reports whether it was there already.
func (r *Reader) seen(id string) bool {
	sum := sha256.Sum256([]byte(id))
	key := [16]byte(sum[:16])
	_, seen := r.ids[key]
	r.ids[key] = struct{}{}
	return seen
}
