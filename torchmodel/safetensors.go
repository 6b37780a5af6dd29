package torchmodel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"unsafe"

	"github.com/nlpodyssey/safetensors"
	"github.com/sugarme/gotch/ts"
	"golang.org/x/sys/unix"
)

// tensorFile is a safetensors file mapped into memory.
type tensorFile struct {
	content  []byte
	tensors  safetensors.SafeTensors
	metadata map[string]string
}

func openTensors(path string) (*tensorFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() == 0 {
		return nil, fmt.Errorf("%s: is empty or a folder, not a safetensors file", path)
	}
	content, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	file := &tensorFile{content: content}
	_, header, err := safetensors.ReadMetadata(content)
	if err == nil {
		file.metadata = header.Metadata()
		file.tensors, err = safetensors.Deserialize(content)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return file, nil
}

// Close unmaps the file.
func (f *tensorFile) Close() error { return unix.Munmap(f.content) }

func (f *tensorFile) names() []string {
	names := f.tensors.Names()
	sort.Strings(names)
	return names
}

// copyTo overwrites a parameter in place with a tensor of the file, or says what is wrong with it.
func (f *tensorFile) copyTo(target *ts.Tensor, name string, shape []int64, session *Session) string {
	view, ok := f.tensors.Tensor(name)
	if !ok {
		return name + " is missing"
	}
	if view.DType() != safetensors.F32 {
		return fmt.Sprintf("%s is %v; F32 is supported", name, view.DType())
	}
	if !slices.EqualFunc(view.Shape(), shape, func(a uint64, b int64) bool { return int64(a) == b }) {
		return fmt.Sprintf("%s has shape %v, not %v", name, view.Shape(), shape)
	}
	s := new(scope)
	defer s.drop()
	source := s.data(view.Data(), shape, target.DType(), session.device)
	if s.err != nil {
		return fmt.Sprintf("%s: %v", name, s.err)
	}
	target.Copy_(source)
	return ""
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
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values))
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
