package torchmodel

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// openPickled opens a state_dict that torch.save wrote, such as pytorch_model.bin: a zip archive, or the form from before
// PyTorch 1.6. Nothing in it is run.
func openPickled(path string) (*tensorFile, error) {
	return openFile(path, readPickled)
}

func readPickled(r io.ReaderAt, size int64) (*tensorFile, error) {
	var start [4]byte
	if _, err := r.ReadAt(start[:], 0); err != nil {
		return nil, errors.New("is too short for a file of torch.save")
	}
	switch {
	case string(start[:]) == "PK\x03\x04":
		return readZip(r, size)
	case start[0] == 0x80:
		return readLegacy(r, size)
	}
	return nil, errors.New("is no file of torch.save")
}

// storage is a run of elements that tensors are views of.
type storage struct {
	dtype string
	count int64 // elements
	at    int64 // where in the file the first lies, -1 as long as that is not known
}

// view is a tensor as a pickle describes it.
type view struct {
	storage *storage
	offset  int64 // of the first element in the storage
	shape   []int64
	strides []int64
}

// The names that a state_dict needs. What stands for them is made here; nothing of Python is called.
const (
	orderedDict      = global("collections.OrderedDict")
	rebuildTensor    = global("torch._utils._rebuild_tensor_v2")
	rebuildParameter = global("torch._utils._rebuild_parameter")
)

// storageTypes are the classes that name a storage's type of element.
var storageTypes = map[global]string{"torch.DoubleStorage": "F64", "torch.FloatStorage": "F32", "torch.HalfStorage": "F16",
	"torch.BFloat16Storage": "BF16", "torch.LongStorage": "I64", "torch.IntStorage": "I32", "torch.ShortStorage": "I16",
	"torch.CharStorage": "I8", "torch.ByteStorage": "U8", "torch.BoolStorage": "BOOL"}

func checkGlobal(name global) error {
	_, isStorage := storageTypes[name]
	if isStorage || slices.Contains([]global{orderedDict, rebuildTensor, rebuildParameter}, name) {
		return nil
	}
	return fmt.Errorf("it would call %s of Python, which no weights need; nothing of it was run", shown(string(name)))
}

// newUnpickler runs pickles of code, whose storages find makes or knows by their key.
func newUnpickler(code []byte, find func(key, dtype string, count int64) (*storage, error)) *unpickler {
	return &unpickler{code: code, known: checkGlobal, call: rebuild, persistent: func(id tuple) (any, error) {
		// ("storage", class, key, device, count) and, in the old form, which part of another storage it is, or None
		if len(id) < 5 || len(id) > 6 || id[0] != "storage" || len(id) == 6 && id[5] != nil {
			return nil, errors.New("the name of a storage is not one of torch.save")
		}
		class, isClass := id[1].(global)
		key, isText := id[2].(string)
		count, isNumber := id[4].(int64)
		if dtype := storageTypes[class]; isClass && isText && isNumber && dtype != "" && count >= 0 &&
			count <= math.MaxInt64/dtypeSizes[dtype] {
			return find(key, dtype, count)
		}
		return nil, errors.New("the name of a storage is not one of torch.save")
	}}
}

// rebuild does what the three functions of Python do.
func rebuild(function global, args tuple) (any, error) {
	switch function {
	case orderedDict:
		if len(args) == 0 {
			return &dict{}, nil
		}
	case rebuildParameter: // (tensor, requires_grad, hooks)
		if len(args) == 3 {
			if x, ok := args[0].(*view); ok {
				return x, nil
			}
		}
	case rebuildTensor:
		return newView(args)
	}
	return nil, fmt.Errorf("%s is called in a way that torch.save does not", function)
}

// newView makes a tensor of (storage, offset, shape, strides, requires_grad, hooks) and perhaps metadata, and checks that it
// lies in its storage.
func newView(args tuple) (*view, error) {
	wrong := errors.New("a tensor is described in a way that torch.save does not")
	if len(args) != 6 && len(args) != 7 {
		return nil, wrong
	}
	x := &view{}
	var ok [4]bool
	x.storage, ok[0] = args[0].(*storage)
	x.offset, ok[1] = args[1].(int64)
	x.shape, ok[2] = integers(args[2])
	x.strides, ok[3] = integers(args[3])
	if slices.Contains(ok[:], false) || len(x.shape) != len(x.strides) || x.offset < 0 {
		return nil, wrong
	}
	count, _, err := sizeOf(x.shape, x.storage.dtype)
	if err != nil {
		return nil, fmt.Errorf("of a tensor, %w", err)
	}
	if count > 0 {
		left := x.storage.count - x.offset
		for d, n := range x.shape { // no product below is larger than the storage
			if left <= 0 || count > x.storage.count || n > 1 && x.strides[d] > (left-1)/(n-1) {
				return nil, errors.New("a tensor goes beyond its storage")
			}
			left -= (n - 1) * x.strides[d]
		}
		if left <= 0 {
			return nil, errors.New("a tensor goes beyond its storage")
		}
	}
	return x, nil
}

// integers are the numbers of a tuple, none of which may be negative.
func integers(x any) ([]int64, bool) {
	items, ok := x.(tuple)
	if !ok {
		return nil, false
	}
	numbers := make([]int64, len(items))
	for i, item := range items {
		if numbers[i], ok = item.(int64); !ok || numbers[i] < 0 {
			return nil, false
		}
	}
	return numbers, true
}

// stateDict are the tensors of a pickled state_dict. The places of their storages must be known.
func stateDict(r io.ReaderAt, pickled any) (*tensorFile, error) {
	state, ok := pickled.(*dict)
	if !ok {
		return nil, fmt.Errorf("holds a %T, not the state_dict of a model", pickled)
	}
	f := &tensorFile{tensors: map[string]stored{}}
	for i, key := range state.keys {
		name, ok := key.(string)
		if !ok {
			return nil, fmt.Errorf("a %T names a tensor, not a text", key)
		}
		x, ok := state.values[i].(*view)
		if !ok {
			return nil, fmt.Errorf("%s is a %T, not a tensor: the file is not the state_dict of a model", shown(name), state.values[i])
		}
		if _, twice := f.tensors[name]; twice {
			return nil, fmt.Errorf("%s is there twice", shown(name))
		}
		if x.storage.at < 0 {
			return nil, fmt.Errorf("the storage of %s is missing", shown(name))
		}
		f.tensors[name] = stored{file: r, dtype: x.storage.dtype, shape: x.shape, strides: gaps(x.shape, x.strides),
			at: x.storage.at + x.offset*dtypeSizes[x.storage.dtype]}
	}
	return f, nil
}

// gaps are the strides of a tensor, or nil where they are those of row-major order.
func gaps(shape, strides []int64) []int64 {
	if slices.Contains(shape, 0) {
		return nil
	}
	next := int64(1)
	for d := len(shape) - 1; d >= 0; d-- {
		if shape[d] != 1 && strides[d] != next {
			return strides
		}
		next *= shape[d]
	}
	return nil
}

// readZip reads an archive of PyTorch 1.6 and later: NAME/data.pkl describes the tensors, NAME/data/KEY are their storages,
// all uncompressed.
func readZip(r io.ReaderAt, size int64) (*tensorFile, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("is no zip archive, or cut off: %w", err)
	}
	records := map[string]*zip.File{}
	root, found := "", false
	for _, record := range archive.File {
		if _, twice := records[record.Name]; twice {
			return nil, fmt.Errorf("has two records %s", shown(record.Name))
		}
		records[record.Name] = record
		if before, ok := strings.CutSuffix(record.Name, "/data.pkl"); ok {
			root, found = before, true
		}
	}
	if !found {
		return nil, errors.New("is no archive of torch.save: it has no data.pkl")
	}
	if records[root+"/constants.pkl"] != nil {
		return nil, errors.New("is TorchScript, not a state_dict")
	}
	if order := records[root+"/byteorder"]; order != nil {
		content, err := readRecord(r, size, order, 16)
		if err != nil || string(content) != "little" {
			return nil, errors.New("is not in little-endian byte order")
		}
	}
	code, err := readRecord(r, size, records[root+"/data.pkl"], maxPickle)
	if err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	pickled, err := newUnpickler(code, func(key, dtype string, count int64) (*storage, error) {
		if known := storages[key]; known != nil {
			if known.dtype != dtype || known.count != count {
				return nil, fmt.Errorf("storage %s is described twice, and differently", shown(key))
			}
			return known, nil
		}
		record := records[root+"/data/"+key]
		if record == nil {
			return nil, fmt.Errorf("there is no storage %s", shown(key))
		}
		at, length, err := place(record, size)
		if err == nil && length < count*dtypeSizes[dtype] {
			err = fmt.Errorf("storage %s has %d bytes, %d elements of %s are claimed", shown(key), length, count, dtype)
		}
		storages[key] = &storage{dtype, count, at}
		return storages[key], err
	}).load()
	if err != nil {
		return nil, err
	}
	return stateDict(r, pickled)
}

// place is where in the file an uncompressed record lies.
func place(record *zip.File, size int64) (at, length int64, err error) {
	if record.Method != zip.Store || record.CompressedSize64 != record.UncompressedSize64 {
		return 0, 0, fmt.Errorf("its record %s is compressed; torch.save does not do that", shown(record.Name))
	}
	at, err = record.DataOffset()
	if err != nil {
		return 0, 0, fmt.Errorf("its record %s: %w", shown(record.Name), err)
	}
	if at < 0 || at > size || record.UncompressedSize64 > uint64(size-at) {
		return 0, 0, fmt.Errorf("its record %s goes beyond the end of the file", shown(record.Name))
	}
	return at, int64(record.UncompressedSize64), nil
}

func readRecord(r io.ReaderAt, size int64, record *zip.File, most int64) ([]byte, error) {
	at, length, err := place(record, size)
	if err != nil {
		return nil, err
	}
	if length > most {
		return nil, fmt.Errorf("its record %s has %d bytes; at most %d are read", shown(record.Name), length, most)
	}
	content := make([]byte, length)
	_, err = r.ReadAt(content, at)
	if length == 0 || errors.Is(err, io.EOF) {
		err = nil // ReadAt may tell that it read up to the end; place saw that it is not beyond
	}
	return content, err
}

// legacyMagic is what a file from before PyTorch 1.6 begins with: 0x1950a86a20f9469cfc6c, little-endian.
const legacyMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"

// legacyProtocol is the version of that form.
const legacyProtocol = int64(1001)

// readLegacy reads a file from before PyTorch 1.6: the pickles of a magic number, a version, facts on the machine, the
// state_dict, and the keys of the storages; then, for each key, the number of elements in 8 bytes and the elements.
func readLegacy(r io.ReaderAt, size int64) (*tensorFile, error) {
	code := make([]byte, min(size, maxPickle))
	if _, err := r.ReadAt(code, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	storages := map[string]*storage{}
	u := newUnpickler(code, func(key, dtype string, count int64) (*storage, error) {
		if known := storages[key]; known == nil {
			storages[key] = &storage{dtype, count, -1}
		} else if known.dtype != dtype || known.count != count {
			return nil, fmt.Errorf("storage %s is described twice, and differently", shown(key))
		}
		return storages[key], nil
	})
	var parts [5]any
	for i := range parts {
		var err error
		if parts[i], err = u.load(); err != nil {
			return nil, err
		}
		if i == 1 && (parts[0] != legacyMagic || parts[1] != legacyProtocol) {
			return nil, errors.New("is no file of torch.save")
		}
	}
	if facts, ok := parts[2].(*dict); !ok || !facts.has("little_endian", true) {
		return nil, errors.New("is not in little-endian byte order")
	}
	keys, ok := parts[4].(*list)
	if !ok {
		return nil, errors.New("its storages have no list")
	}
	if err := placeLegacy(r, size, int64(u.at), keys.items, storages); err != nil {
		return nil, err
	}
	return stateDict(r, parts[3])
}

// placeLegacy finds the storages, which follow the pickles in the order of their keys.
func placeLegacy(r io.ReaderAt, size, at int64, keys []any, storages map[string]*storage) error {
	for _, key := range keys {
		name, _ := key.(string)
		s := storages[name]
		if s == nil || s.at >= 0 {
			return errors.New("its list of storages has one that no tensor needs, or one twice")
		}
		var count [8]byte
		if size-at < 8 {
			return errors.New("is cut off")
		}
		if _, err := r.ReadAt(count[:], at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if !bytes.Equal(count[:], binary.LittleEndian.AppendUint64(nil, uint64(s.count))) {
			return fmt.Errorf("storage %s has another number of elements than is described", shown(name))
		}
		s.at = at + 8
		at = s.at + s.count*dtypeSizes[s.dtype]
		if at < s.at || at > size {
			return errors.New("is cut off")
		}
	}
	return nil
}
