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

// source is an opened file of transcripts before any of its lines is read.
type source struct {
	name string
	io.Reader
	close func() error
}

// openSource opens a path: a file, "-" for standard input, or a built-in set.
func openSource(path string) (*source, error) {
	if path == "-" {
		return &source{"standard input", os.Stdin, nil}, nil
	}
	if name, ok := strings.CutPrefix(path, BuiltinPrefix); ok {
		content, err := Builtin(name)
		if err != nil {
			return nil, err
		}
		return &source{path, bytes.NewReader(content), nil}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, &Problem{File: path, Msg: openMessage(err), cause: err}
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close() // nothing was written to it
		return nil, &Problem{File: path, Msg: "is a folder, not a file of transcripts"}
	}
	return &source{path, file, file.Close}, nil
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
