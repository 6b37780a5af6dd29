package data

import (
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
	RecentIDs       int         // an id is compared to at least so many before it, and no more than twice as many; 0 for all
	Keep            []string    // further fields of a line, strings or lists of strings, that Transcript.Fields is to hold
}

// Reader reads transcripts one by one. It holds a line and a hash of each id in memory, or of some: see Options.RecentIDs.
//
// Lines end in LF or CRLF, the last one also in nothing; a UTF-8 byte-order mark and blank lines are passed over; gzip and
// zstd are known by their first bytes.
type Reader struct {
	stream *Stream
	opts   Options
	ids    idSet
	any    bool  // a line that is not blank was read
	done   error // what every further call returns
}

// Open opens a file of transcripts. "-" is standard input; "builtin:train" and so on are the sets inside the binary.
func Open(path string, opts Options) (*Reader, error) {
	stream, err := OpenStream(path)
	if err != nil {
		return nil, err
	}
	return &Reader{stream: stream, opts: opts, ids: idSet{recent: opts.RecentIDs}}, nil
}

// NewReader reads transcripts from a stream. name stands for it in errors.
func NewReader(r io.Reader, name string, opts Options) (*Reader, error) {
	stream, err := NewStream(r, name)
	if err != nil {
		return nil, err
	}
	return &Reader{stream: stream, opts: opts, ids: idSet{recent: opts.RecentIDs}}, nil
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
	r.done = errors.New("the reader of transcripts is closed")
	return r.stream.Close()
}

// next gives the next transcript with everything that is wrong with it.
func (r *Reader) next() (Transcript, []*Problem, error) {
	for {
		if r.done != nil {
			return Transcript{}, nil, r.done
		}
		line, err := r.stream.ReadLine()
		if errors.Is(err, io.EOF) && !r.any && !r.opts.AllowEmpty {
			err = &Problem{File: r.stream.Name, Msg: "is empty"}
		}
		if err != nil {
			r.done = err
			continue
		}
		if len(bytes.Trim(line, " \t\r\n")) == 0 {
			continue
		}
		p := lineParser{file: r.stream.Name, line: r.stream.Line, first: !r.any, opts: r.opts}
		r.any = true
		t := p.parse(line)
		if t.ID != "" && r.ids.seen(t.ID) {
			p.problem("id", "%s stands on an earlier line too", Quote(t.ID))
		}
		return t, p.problems, nil
	}
}

// idSet remembers ids by their hashes: all, or where recent is greater than 0 the last ones.
type idSet struct {
	recent      int
	now, before map[idHash]struct{} // each of recent ids at most
}

type idHash [16]byte

// seen notes an id and reports whether it was there already.
func (s *idSet) seen(id string) bool {
	sum := sha256.Sum256([]byte(id))
	hash := idHash(sum[:])
	if s.now == nil || s.recent > 0 && len(s.now) == s.recent {
		s.now, s.before = make(map[idHash]struct{}), s.now
	}
	_, now := s.now[hash]
	_, before := s.before[hash]
	s.now[hash] = struct{}{}
	return now || before
}
