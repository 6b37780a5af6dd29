package torchmodel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/nlpodyssey/safetensors"
	"github.com/sugarme/gotch/ts"
)

// maxHeader bounds what describes the tensors of a file: a safetensors header, a pickle, an index. A DistilBERT's takes some
// 20 kB; what is read into memory before a file has proved to be one must not grow with what the file claims.
const maxHeader = 8 << 20

// openTensors opens a safetensors file and checks that its tensors fill it, without gaps and overlaps.
func openTensors(path string) (*tensorFile, error) {
	return openFile(path, readTensors)
}

// openFile opens a file whose tensors read finds; a folder, an empty file and a pointer to one are refused at once.
func openFile(path string, read func(r io.ReaderAt, size int64) (*tensorFile, error)) (*tensorFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	var f *tensorFile
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("is not a file")
	case info.Size() == 0:
		err = errors.New("is empty")
	case isPointer(file):
		err = errors.New("is a Git LFS pointer and not the weights, which `git lfs pull` gets")
	default:
		f, err = read(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	f.files, f.infos, f.size = []*os.File{file}, []os.FileInfo{info}, info.Size()
	for name, t := range f.tensors {
		t.path = path
		f.tensors[name] = t
	}
	return f, nil
}

// isPointer reports whether a file is what git leaves where it did not fetch a large one.
func isPointer(r io.ReaderAt) bool {
	const start = "version https://git-lfs"
	content := make([]byte, len(start))
	n, _ := r.ReadAt(content, 0) // too short a file is none
	return string(content[:n]) == start
}

// readTensors reads the header of a safetensors file: its length in 8 bytes, then JSON.
func readTensors(r io.ReaderAt, size int64) (*tensorFile, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, errors.New("is too short for a safetensors file")
	}
	n := binary.LittleEndian.Uint64(length[:])
	switch {
	case n > uint64(size-8):
		return nil, fmt.Errorf("is no safetensors file, or cut off: its header claims %d bytes, the file has %d", n, size)
	case n > maxHeader:
		return nil, fmt.Errorf("its header of %d bytes is too large; at most %d are read", n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	f, ends, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("its header is wrong: %w", err)
	}
	if err := checkLayout(f.tensors, ends, size-8-int64(n)); err != nil {
		return nil, err
	}
	for name, t := range f.tensors {
		t.file, t.at = r, t.at+8+int64(n)
		f.tensors[name] = t
	}
	return f, nil
}

// parseHeader returns the tensors of a header, placed from the header's end on, and where each ends.
func parseHeader(header []byte) (f *tensorFile, ends map[string]int64, err error) {
	f, ends = &tensorFile{tensors: map[string]stored{}}, map[string]int64{}
	err = decodeObject(header, func(name string, decode func(any) error) error {
		if name == "__metadata__" {
			return decode(&f.metadata)
		}
		var entry json.RawMessage
		if err := decode(&entry); err != nil {
			return err
		}
		t, end, err := parseEntry(entry)
		f.tensors[name], ends[name] = t, end
		return err
	})
	return f, ends, err
}

// parseEntry reads what a header says of one tensor.
func parseEntry(content []byte) (t stored, end int64, err error) {
	var shape, offsets []*int64
	err = decodeObject(content, func(key string, decode func(any) error) error {
		switch key {
		case "dtype":
			return decode(&t.dtype)
		case "shape":
			return decode(&shape)
		case "data_offsets":
			return decode(&offsets)
		}
		return errors.New("is not known")
	})
	if err == nil && (shape == nil || len(offsets) != 2 || slices.Contains(append(shape, offsets...), nil)) {
		err = errors.New("it needs dtype, shape and two data_offsets")
	}
	if err != nil {
		return stored{}, 0, err
	}
	t.shape = make([]int64, len(shape))
	for i, d := range shape {
		t.shape[i] = *d
	}
	t.at = *offsets[0]
	return t, *offsets[1], nil
}

// decodeObject hands each entry of a JSON object to a function that decodes its value. A doubled name is an error, as is
// text that is not UTF-8.
func decodeObject(content []byte, entry func(name string, decode func(any) error) error) error {
	if !utf8.Valid(content) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(content))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return errors.New("it is no JSON object")
	}
	seen := map[string]bool{}
	decode := func(into any) error {
		if err := d.Decode(into); err != nil {
			return errors.New(shown(err.Error())) // it may quote a number, of any length
		}
		return nil
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := fmt.Sprint(token)
		if seen[name] {
			return fmt.Errorf("%s is there twice", shown(name))
		}
		seen[name] = true
		if err := entry(name, decode); err != nil {
			return fmt.Errorf("%s: %w", shown(name), err)
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// checkLayout checks that the tensors have the sizes that their shapes ask for and lie one behind the other, up to the end.
func checkLayout(tensors map[string]stored, ends map[string]int64, size int64) error {
	names := make([]string, 0, len(tensors))
	for name := range tensors {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		a, b := names[i], names[j]
		if tensors[a].at != tensors[b].at {
			return tensors[a].at < tensors[b].at
		}
		return ends[a] < ends[b] || ends[a] == ends[b] && a < b
	})
	at := int64(0)
	for _, name := range names {
		t := tensors[name]
		_, bytes, err := sizeOf(t.shape, t.dtype)
		switch {
		case err != nil:
		case t.at != at:
			err = fmt.Errorf("it begins at byte %d, where %d is the next that is free", t.at, at)
		case ends[name]-at != bytes:
			err = fmt.Errorf("it has %d bytes, its shape asks for %d", ends[name]-at, bytes)
		case bytes > size-at:
			err = errors.New("it goes beyond the end of the file, which may be cut off")
		}
		if err != nil {
			return fmt.Errorf("tensor %s: %w", shown(name), err)
		}
		at += bytes
	}
	if at != size {
		return fmt.Errorf("%d bytes at its end belong to no tensor", size-at)
	}
	return nil
}

// tensorView lets the safetensors library read a tensor when its turn comes, so that one at a time is in Go memory.
type tensorView struct {
	tensor *ts.Tensor
	shape  []uint64
	err    *error
}

func (v tensorView) DType() safetensors.DType { return safetensors.F32 }
func (v tensorView) Shape() []uint64          { return v.shape }
func (v tensorView) DataLen() uint64          { return 4 * uint64(v.tensor.Numel()) }

func (v tensorView) Data() []byte {
	s := new(scope)
	defer s.drop()
	values := s.floats(v.tensor)
	if s.err != nil {
		*v.err = s.err
		return nil
	}
	return bytesOf(values)
}

func writeTensors(w io.Writer, tensors map[string]*ts.Tensor, metadata map[string]string) error {
	var viewErr error
	views := map[string]tensorView{}
	for name, tensor := range tensors {
		size, err := tensor.Size()
		if err != nil {
			return err
		}
		shape := make([]uint64, len(size))
		for i, d := range size {
			shape[i] = uint64(d)
		}
		views[name] = tensorView{tensor, shape, &viewErr}
	}
	return errors.Join(safetensors.SerializeToWriter(views, metadata, w), viewErr)
}
