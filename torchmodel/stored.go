package torchmodel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"unsafe"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
	"github.com/x448/float16"
)

// tensorFile is an open file, or several as one, of named tensors. It is read and not mapped: a file that is cut off while it
// is read is then an error, not the end of the process, and reading into a tensor's own memory needs no copy.
type tensorFile struct {
	files    []*os.File
	infos    []os.FileInfo // of each file, as of when it was opened
	size     int64         // of the files, in bytes
	tensors  map[string]stored
	metadata map[string]string // of safetensors, whatever its writer put there
}

// Close closes the files; tensors can no longer be read.
func (f *tensorFile) Close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.Close())
	}
	return errors.Join(errs...)
}

// unchanged is an error where a file has been written to since it was opened.
func (f *tensorFile) unchanged() error {
	for i, file := range f.files {
		now, err := file.Stat()
		if err != nil {
			return err
		}
		if now.Size() != f.infos[i].Size() || !now.ModTime().Equal(f.infos[i].ModTime()) {
			return fmt.Errorf("%s has changed while the model was in use", file.Name())
		}
	}
	return nil
}

func (f *tensorFile) names() []string {
	names := make([]string, 0, len(f.tensors))
	for name := range f.tensors {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// stored is a tensor that lies in a file and is read when its turn comes.
type stored struct {
	file    io.ReaderAt
	path    string
	dtype   string  // as safetensors names it: F32
	shape   []int64 // not negative; the number of elements and their bytes fit an int64
	at      int64   // where in the file the first element lies
	strides []int64 // of each dimension, in elements; nil where they lie in row-major order without gaps
}

// dtypeSizes are the bytes of an element. Of these types, F32, F16 and BF16 can become parameters.
var dtypeSizes = map[string]int64{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4,
	"U16": 2, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8}

// sizeOf is the number of elements of a shape and of their bytes, or an error where either is none.
func sizeOf(shape []int64, dtype string) (count, bytes int64, err error) {
	width, ok := dtypeSizes[dtype]
	if !ok {
		return 0, 0, fmt.Errorf("its type is %s, which is not known", shown(dtype))
	}
	count = 1
	for _, d := range shape {
		if d < 0 {
			return 0, 0, fmt.Errorf("a dimension is %d", d)
		}
	}
	if slices.Contains(shape, 0) {
		return 0, 0, nil
	}
	for _, d := range shape {
		if count > math.MaxInt64/width/d {
			return 0, 0, errors.New("its shape is larger than any memory")
		}
		count *= d
	}
	return count, count * width, nil
}

// fault says what of a stored tensor does not fit a parameter; "" is nothing.
func (t stored) fault(shape []int64) string {
	if !slices.Contains([]string{"F32", "F16", "BF16"}, t.dtype) {
		return fmt.Sprintf("is %s; F32, F16 and BF16 are read", t.dtype)
	}
	if !slices.Equal(t.shape, shape) {
		return fmt.Sprintf("has shape %s, not %v", shown(fmt.Sprint(t.shape)), shape)
	}
	return ""
}

// copyTo overwrites a parameter of the same shape in place. It runs on the owner's thread.
func (t stored) copyTo(target *ts.Tensor, device gotch.Device) error {
	if !device.IsCuda() {
		memory, err := floatsOf(target)
		if err != nil {
			return err
		}
		return t.floats(memory)
	}
	values := make([]float32, elements(t.shape))
	if err := t.floats(values); err != nil {
		return err
	}
	s := new(scope)
	defer s.drop()
	source := s.float32s(values, t.shape, device)
	if s.err == nil {
		target.Copy_(source)
	}
	return s.err
}

// floatsOf is the memory of a float32 tensor on the CPU, in row-major order. It is valid as long as the tensor is.
func floatsOf(x *ts.Tensor) ([]float32, error) {
	plain, err := x.IsContiguous()
	if err == nil && (!plain || x.DType() != gotch.Float) {
		err = errors.New("a weight is not a plain float32 tensor")
	}
	if err != nil {
		return nil, err
	}
	pointer, err := x.DataPtr()
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*float32)(pointer), x.Numel()), nil
}

// floats reads all elements in row-major order into as much memory. What has fewer bits is widened, which is exact.
func (t stored) floats(into []float32) error {
	if t.dtype == "F32" {
		return t.read(bytesOf(into))
	}
	content := make([]byte, 2*len(into))
	if err := t.read(content); err != nil {
		return err
	}
	for i := range into {
		bits := binary.LittleEndian.Uint16(content[2*i:])
		if t.dtype == "BF16" {
			into[i] = math.Float32frombits(uint32(bits) << 16)
		} else {
			into[i] = float16.Frombits(bits).Float32()
		}
	}
	return nil
}

// bytesOf is the memory of values.
func bytesOf(values []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
}

// floatsIn is the inverse of bytesOf.
func floatsIn(content []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(content))), len(content)/4)
}

// row is a row of a matrix without gaps.
func (t stored) row(i int) stored {
	t.at += int64(i) * t.shape[1] * dtypeSizes[t.dtype]
	t.shape = t.shape[1:]
	return t
}

// read copies the elements in row-major order, little-endian as in the file, into a buffer of their size.
func (t stored) read(into []byte) error {
	if len(into) == 0 {
		return nil
	}
	if t.strides == nil {
		return t.readAt(into)
	}
	width := dtypeSizes[t.dtype]
	span := make([]byte, (1+reach(t.shape, t.strides))*width)
	if err := t.readAt(span); err != nil {
		return err
	}
	index := make([]int64, len(t.shape))
	for at := int64(0); at < int64(len(into)); at += width {
		from := int64(0)
		for d, i := range index {
			from += i * t.strides[d]
		}
		copy(into[at:at+width], span[from*width:])
		for d := len(index) - 1; d >= 0; d-- {
			if index[d]++; index[d] < t.shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return nil
}

func (t stored) readAt(into []byte) error {
	n, err := t.file.ReadAt(into, t.at)
	if n == len(into) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file was whole when it was opened
	}
	return fmt.Errorf("reading %s: %w", t.path, err)
}

// reach is how many elements the last element of a shape lies behind the first; the shape has no 0.
func reach(shape, strides []int64) int64 {
	last := int64(0)
	for d := range shape {
		last += (shape[d] - 1) * strides[d]
	}
	return last
}

// shown is a name from a file as a message shows it: on one line and of bounded length.
func shown(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "…"
	}
	if quoted := fmt.Sprintf("%q", name); quoted[1:len(quoted)-1] != name {
		return quoted
	}
	return name
}
