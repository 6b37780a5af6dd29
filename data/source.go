package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Stream is a text file as it is read: unpacked where it is gzip or zstd, which its first bytes say, and without a UTF-8
// byte-order mark.
type Stream struct {
	*bufio.Reader
	Name   string // what stands for the file in errors
	Line   int    // how many lines ReadLine has read
	buffer []byte
	closes []func() error
}

// OpenStream opens a text file. "-" is standard input; "builtin:train" and so on are the sets inside the binary.
func OpenStream(path string) (*Stream, error) {
	if path == "-" {
		return NewStream(os.Stdin, "standard input")
	}
	if name, ok := strings.CutPrefix(path, BuiltinPrefix); ok {
		content, err := Builtin(name)
		if err != nil {
			return nil, err
		}
		return NewStream(bytes.NewReader(content), path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &Problem{File: path, Msg: openMessage(err), cause: err}
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close() // nothing was written to it
		return nil, &Problem{File: path, Msg: "is a folder, not a file of transcripts"}
	}
	s, err := NewStream(file, path)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	s.closes = append(s.closes, file.Close)
	return s, nil
}

// NewStream reads a text file from a stream of bytes. name stands for it in errors.
func NewStream(r io.Reader, name string) (*Stream, error) {
	text, free, err := unpack(r, name)
	if err != nil {
		if free != nil {
			free()
		}
		return nil, err
	}
	s := &Stream{Reader: text, Name: name}
	if free != nil {
		s.closes = append(s.closes, func() error { free(); return nil })
	}
	return s, nil
}

// Close releases the file.
func (s *Stream) Close() error {
	var errs []error
	for _, close := range s.closes {
		errs = append(errs, close())
	}
	s.closes = nil
	return errors.Join(errs...)
}

// ReadLine gives the next line without its end, LF or CRLF. It is good until the next call. After the last line the error is
// io.EOF; any other is a *Problem.
func (s *Stream) ReadLine() ([]byte, error) {
	s.buffer = s.buffer[:0]
	for {
		part, err := s.ReadSlice('\n')
		s.buffer = append(s.buffer, part...)
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(s.buffer) > 0:
			s.Line++
			return bytes.TrimSuffix(bytes.TrimSuffix(s.buffer, []byte("\n")), []byte("\r")), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		default:
			return nil, s.Problem(s.Line+1, err)
		}
	}
}

// Problem says of an error of reading that it came at a line, 0 where that is not known.
func (s *Stream) Problem(line int, err error) *Problem {
	return &Problem{File: s.Name, Line: line, Msg: streamMessage(err), cause: err}
}

func openMessage(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read"
	}
	return "cannot be opened: " + cause(err)
}

// cause is an error's message without the path that os puts before it.
func cause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// unpack gives the text of a stream, by its first bytes: gzip, zstd, or as it is. A UTF-8 byte-order mark is passed over.
// The function it returns frees what unpacking holds; it may be nil.
func unpack(r io.Reader, name string) (*bufio.Reader, func(), error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, _ := buffered.Peek(4) // an error comes again when the lines are read
	var free func()
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, &Problem{File: name, Msg: streamMessage(err), cause: err}
		}
		buffered = bufio.NewReaderSize(unzipped, 64<<10)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		unzipped, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, &Problem{File: name, Msg: streamMessage(err), cause: err}
		}
		buffered, free = bufio.NewReaderSize(unzipped, 64<<10), unzipped.Close
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, nil, &Problem{File: name, Msg: "is a zip archive; unpack it, or pack it with gzip or zstd"}
	}
	head, _ = buffered.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		if _, err := buffered.Discard(3); err != nil {
			return nil, free, &Problem{File: name, Msg: streamMessage(err), cause: err}
		}
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return nil, free, &Problem{File: name, Line: 1, Msg: "is UTF-16 by its byte-order mark; transcripts are UTF-8"}
	}
	return buffered, free, nil
}

// streamMessage says why no more of a stream can be read.
func streamMessage(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the compressed file is cut off"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, zstd.ErrCRCMismatch):
		return "the compressed file is damaged: " + err.Error()
	}
	return "cannot be read: " + cause(err)
}
