package torchmodel

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The instructions of a pickle, as Python's pickletools shows them.

func unicode(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func binint(n int) string {
	return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(int32(n))))
}

func classOf(module, name string) string { return "c" + module + "\n" + name + "\n" }

func tupleOf(items ...string) string { return "(" + strings.Join(items, "") + "t" }

func numbers(values ...int) string {
	var items []string
	for _, v := range values {
		items = append(items, binint(v))
	}
	return tupleOf(items...)
}

// storageOf is a persistent id of a storage.
func storageOf(class, key string, count int) string {
	return tupleOf(unicode("storage"), classOf("torch", class), unicode(key), unicode("cpu"), binint(count)) + "Q"
}

func rebuilt(storage string, offset int, shape, strides string) string {
	return classOf("torch._utils", "_rebuild_tensor_v2") +
		tupleOf(storage, binint(offset), shape, strides, "\x89", classOf("collections", "OrderedDict")+")R") + "R"
}

// stateOf is a program that leaves a dict of names and values.
func stateOf(pairs ...string) string { return "\x80\x02}(" + strings.Join(pairs, "") + "u." }

var plainStorage = storageOf("FloatStorage", "0", 6)

// torchZip is an archive as torch.save writes it, with one storage of 24 bytes.
func torchZip(t testing.TB, pickle string, more ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(header *zip.FileHeader, content string) {
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add(&zip.FileHeader{Name: "archive/data.pkl"}, pickle)
	add(&zip.FileHeader{Name: "archive/data/0"}, string(make([]byte, 24)))
	for _, header := range more {
		add(header, strings.Repeat("big ", 800))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var hostilePickles = []struct{ name, want, code string }{
	{"a call of a shell", "it would call posix.system of Python", "\x80\x02" + classOf("posix", "system") + tupleOf(unicode("touch /tmp/x")) + "R."},
	{"a function as a weight", "it would call builtins.eval", stateOf(unicode("a"), classOf("builtins", "eval"))},
	{"a function by another instruction", "instruction 0x93", "\x80\x02" + unicode("os") + unicode("system") + "\x93."},
	{"an instance", "instruction 0x69", "\x80\x02(ios\nsystem\n."},
	{"a new object", "instruction 0x81", "\x80\x02" + classOf("torch", "FloatStorage") + ")\x81."},
	{"a class called", "called in a way", "\x80\x02" + classOf("torch", "FloatStorage") + ")R."},
	{"a call of no function", "is called with", "\x80\x02" + unicode("os.system") + ")R."},
	{"another protocol", "pickle protocol 4", "\x80\x04."},
	{"nothing", "ends at byte 0", ""},
	{"no end", "ends at byte 2", "\x80\x02"},
	{"cut off in a text", "ends at byte", "\x80\x02X\xff\xff\xff\xffabc"},
	{"an empty stack", "the stack has too little", "\x80\x02."},
	{"a stack below its mark", "the stack has too little", "\x80\x02K\x01K\x02(\x86."},
	{"no mark", "there is no mark", "\x80\x02K\x01t."},
	{"nothing to get", "nothing was put at 7", "\x80\x02h\x07."},
	{"an entry of no dict", "not a *torchmodel.dict", "\x80\x02]K\x01K\x02s."},
	{"an item of no list", "not a *torchmodel.list", "\x80\x02}K\x01a."},
	{"a key without value", "a key has no value", "\x80\x02}(K\x01u."},
	{"attributes of a tuple", "not a *torchmodel.dict", "\x80\x02)}b."},
	{"a name without end", "has no end", "\x80\x02cos"},
	{"a list", "not the state_dict", "\x80\x02]."},
	{"a dict of itself", "not a tensor", "\x80\x02}q\x00" + unicode("a") + "h\x00s."},
	{"a number as a name", "names a tensor, not a text", stateOf("K\x01", "K\x02")},
	{"a number as a weight", "a is a int64, not a tensor", stateOf(unicode("a"), "K\x02")},
	{"a name twice", "a is there twice", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(6), numbers(1)),
		unicode("a"), rebuilt(plainStorage, 0, numbers(6), numbers(1)))},
	{"a storage that is missing", "there is no storage 1", stateOf(unicode("a"), rebuilt(storageOf("FloatStorage", "1", 6), 0, numbers(6), numbers(1)))},
	{"a storage outside", "there is no storage ../../etc", stateOf(unicode("a"), rebuilt(storageOf("FloatStorage", "../../etc", 6), 0, numbers(6), numbers(1)))},
	{"a storage of more than there is", "7 elements of F32 are claimed", stateOf(unicode("a"), rebuilt(storageOf("FloatStorage", "0", 7), 0, numbers(6), numbers(1)))},
	{"a storage of all memory", "name of a storage", stateOf(unicode("a"), rebuilt(tupleOf(unicode("storage"), classOf("torch", "FloatStorage"),
		unicode("0"), unicode("cpu"), "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f")+"Q", 0, numbers(6), numbers(1)))},
	{"a storage of less than nothing", "name of a storage", stateOf(unicode("a"), rebuilt(storageOf("FloatStorage", "0", -1), 0, numbers(6), numbers(1)))},
	{"a storage of two types", "described twice", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(6), numbers(1)),
		unicode("b"), rebuilt(storageOf("HalfStorage", "0", 6), 0, numbers(6), numbers(1)))},
	{"a storage of no type", "it would call torch.QInt8Storage", stateOf(unicode("a"), rebuilt(storageOf("QInt8Storage", "0", 6), 0, numbers(6), numbers(1)))},
	{"a module", "name of a storage", "\x80\x02" + tupleOf(unicode("module"), "N", "N", "N") + "Q."},
	{"beyond the storage by its shape", "beyond its storage", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(7), numbers(1)))},
	{"beyond the storage by its offset", "beyond its storage", stateOf(unicode("a"), rebuilt(plainStorage, 1, numbers(6), numbers(1)))},
	{"beyond the storage by its strides", "beyond its storage", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(2, 2), numbers(4, 2)))},
	{"an offset behind the storage", "beyond its storage", stateOf(unicode("a"), rebuilt(plainStorage, 6, numbers(1), numbers(1)))},
	{"a negative offset", "in a way that torch.save does not", stateOf(unicode("a"), rebuilt(plainStorage, -1, numbers(6), numbers(1)))},
	{"a negative stride", "in a way that torch.save does not", stateOf(unicode("a"), rebuilt(plainStorage, 5, numbers(6), numbers(-1)))},
	{"a negative dimension", "in a way that torch.save does not", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(-6), numbers(1)))},
	{"fewer strides than dimensions", "in a way that torch.save does not", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(2, 3), numbers(1)))},
	{"one element for many", "beyond its storage", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(1<<30, 1<<30), numbers(0, 0)))},
	{"dimensions that overflow", "larger than any memory", stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(1<<30, 1<<30, 1<<30), numbers(0, 0, 0)))},
	{"a tensor of no storage", "in a way that torch.save does not", stateOf(unicode("a"), rebuilt("N", 0, numbers(6), numbers(1)))},
	{"a parameter of no tensor", "called in a way", stateOf(unicode("a"), classOf("torch._utils", "_rebuild_parameter")+tupleOf("N", "N", "N")+"R")},
	{"lists without end", "larger than", "\x80\x02" + strings.Repeat("]", maxPickle)},
}

func TestHostilePicklesAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pytorch_model.bin")
	for _, c := range hostilePickles {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if len(c.code) > maxPickle {
				want = "at most 1048576 are read"
			}
			if err := os.WriteFile(path, torchZip(t, c.code), 0o666); err != nil {
				t.Fatal(err)
			}
			refused(t, path, want, openPickled)
		})
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	good := stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(6), numbers(1)))
	whole := torchZip(t, good)
	path := filepath.Join(t.TempDir(), "pytorch_model.bin")
	deflated := &zip.FileHeader{Name: "archive/data/1", Method: zip.Deflate}
	patched := func(from, to string) []byte {
		if !bytes.Contains(whole, []byte(from)) {
			t.Fatalf("%q is not there", from)
		}
		return bytes.ReplaceAll(whole, []byte(from), []byte(to))
	}
	sizes := func(n uint32) string { // of a record, compressed and not, as in the archive's directory
		return string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, n), n))
	}
	for _, c := range []struct {
		name, want string
		content    []byte
	}{
		{"empty", "is empty", nil},
		{"short", "too short", []byte("PK")},
		{"no archive", "is no file of torch.save", []byte("hello, world")},
		{"a folder's index alone", "is no zip archive", []byte("PK\x03\x04 and no more")},
		{"cut off", "is no zip archive, or cut off", whole[:len(whole)-30]},
		{"no pickle", "has no data.pkl", patched("data.pkl", "date.pkl")},
		{"two of a name", "has two records archive/data/0", torchZip(t, good, &zip.FileHeader{Name: "archive/data/0"})},
		{"TorchScript", "is TorchScript", torchZip(t, good, &zip.FileHeader{Name: "archive/constants.pkl"})},
		{"big-endian", "little-endian", torchZip(t, good, &zip.FileHeader{Name: "archive/byteorder"})},
		{"a bomb", "record archive/data/1 is compressed", torchZip(t, stateOf(unicode("a"),
			rebuilt(storageOf("FloatStorage", "1", 800), 0, numbers(800), numbers(1))), deflated)},
		{"a record beyond the file", "goes beyond the end of the file", patched(sizes(24), sizes(0x7fffffff))},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.content, 0o666); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.want, openPickled)
		})
	}
	if err := os.WriteFile(path, whole, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := openPickled(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.tensors["a"].read(make([]byte, 24)); err != nil {
		t.Error(err)
	}
}

func TestHostileLegacyFilesAreRefused(t *testing.T) {
	whole, err := os.ReadFile(filepath.Join(theirs, "bin-legacy", "pytorch_model.bin"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pytorch_model.bin")
	magic := "\x80\x02\x8a\x0a" + legacyMagic + "."
	start := magic + "\x80\x02M\xe9\x03." + "\x80\x02}" + unicode("little_endian") + "\x88s."
	state := stateOf(unicode("a"), rebuilt(storageOf("FloatStorage", "0", 6), 0, numbers(6), numbers(1)))
	storage := func(count uint64) string { return string(binary.LittleEndian.AppendUint64(nil, count)) }
	list := func(keys ...string) string {
		var items []string
		for _, key := range keys {
			items = append(items, unicode(key))
		}
		return "\x80\x02](" + strings.Join(items, "") + "e."
	}
	data := string(make([]byte, 24))
	for _, c := range []struct{ name, content, want string }{
		{"cut off at the end", string(whole[:len(whole)-1]), "is cut off"},
		{"cut off in the pickle", string(whole[:500]), "ends at byte 500"},
		{"another number", strings.Replace(string(whole), legacyMagic[:4], "\x00\x00\x00\x00", 1), "is no file of torch.save"},
		{"another version", magic + "\x80\x02M\xea\x03.", "is no file of torch.save"},
		{"a pickle of something", "\x80\x02K\x01.\x80\x02K\x01.", "is no file of torch.save"},
		{"a call", start + "\x80\x02" + classOf("os", "system") + ".", "it would call os.system"},
		{"big-endian", strings.Replace(start, "\x88s.", "\x89s.", 1) + state + list("0") + storage(6) + data, "little-endian"},
		{"no list", start + state + "\x80\x02}.", "have no list"},
		{"no storage", start + state + list(), "the storage of a is missing"},
		{"a storage that nothing needs", start + state + list("1") + storage(6) + data, "one that no tensor needs"},
		{"a storage twice", start + state + list("0", "0") + storage(6) + data + storage(6) + data, "or one twice"},
		{"another size", start + state + list("0") + storage(7) + data, "another number of elements"},
		{"cut off in the number", start + state + list("0") + "123", "is cut off"},
		{"cut off in the data", start + state + list("0") + storage(6) + data[1:], "is cut off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(c.content), 0o666); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.want, openPickled)
		})
	}
	if err := os.WriteFile(path, []byte(start+state+list("0")+storage(6)+data), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := openPickled(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
}

// Tensors that are all views of one storage ask for more memory than the file has bytes.
func TestViewsOverAndOverAreRefused(t *testing.T) {
	s, c := openSession(t), testConfig()
	c.Layers = 40
	content, err := c.marshal()
	if err != nil {
		t.Fatal(err)
	}
	const most = 800 // elements of the largest
	var pairs []string
	for _, p := range c.parameters() {
		shape, strides := []int{int(p.Shape[0])}, []int{1}
		if len(p.Shape) == 2 {
			shape, strides = append(shape, int(p.Shape[1])), []int{int(p.Shape[1]), 1}
		}
		pairs = append(pairs, unicode(p.Name), rebuilt(storageOf("FloatStorage", "1", most), 0, numbers(shape...), numbers(strides...)))
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{configName: content, "pytorch_model.bin": torchZip(t, stateOf(pairs...),
		&zip.FileHeader{Name: "archive/data/1"})} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Load(dir); err == nil || !strings.Contains(err.Error(), "more than their files can hold") {
		t.Error(err)
	}
}

// FuzzPickle runs programs, by themselves and at the beginning of a file of the old form.
func FuzzPickle(f *testing.F) {
	for _, c := range hostilePickles {
		if len(c.code) < 10_000 {
			f.Add([]byte(c.code))
		}
	}
	f.Add([]byte(stateOf(unicode("a"), rebuilt(plainStorage, 0, numbers(2, 3), numbers(1, 2)))))
	for _, name := range []string{"bin", "bin-legacy"} {
		whole, err := os.ReadFile(filepath.Join(theirs, name, "pytorch_model.bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole)
	}
	elements := make([]byte, 24)
	f.Fuzz(func(t *testing.T, content []byte) {
		if file, err := readPickled(bytes.NewReader(content), int64(len(content))); err == nil {
			readEach(t, file)
		}
		at := &storage{dtype: "F32", count: 6}
		pickled, err := newUnpickler(content, func(_, dtype string, count int64) (*storage, error) {
			if dtype != at.dtype || count != at.count {
				return nil, fmt.Errorf("no such storage")
			}
			return at, nil
		}).load()
		if err != nil {
			return
		}
		state, err := stateDict(bytes.NewReader(elements), pickled)
		if err != nil {
			return
		}
		readEach(t, state)
	})
}

// readEach checks that what is taken for tensors lies in the file.
func readEach(t *testing.T, f *tensorFile) {
	t.Helper()
	for name, x := range f.tensors {
		_, size, err := sizeOf(x.shape, x.dtype)
		if err == nil {
			err = x.read(make([]byte, size))
		}
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
}
