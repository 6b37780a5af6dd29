package torchmodel

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
)

// tensorsFile is a safetensors file of a header and so many bytes of data.
func tensorsFile(header string, size int) []byte {
	content := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(content, header...), make([]byte, size)...)
}

// entry describes a tensor of float32 in a header.
func entry(name, shape string, from, to int) string {
	return fmt.Sprintf(`"%s": {"dtype": "F32", "shape": %s, "data_offsets": [%d, %d]}`, name, shape, from, to)
}

var hostileTensors = []struct {
	name, want string
	content    []byte
}{
	{"empty", "is empty", nil},
	{"short", "too short", []byte("1234567")},
	{"a header beyond the file", "claims 100000000 bytes", binary.LittleEndian.AppendUint64(nil, 100_000_000)},
	{"a header of all memory", "claims 18446744073709551615 bytes", bytes.Repeat([]byte{255}, 16)},
	{"a huge header", "too large", tensorsFile("{"+strings.Repeat(" ", maxHeader)+"}", 0)},
	{"no JSON", "no JSON object", tensorsFile("hello", 0)},
	{"no object", "no JSON object", tensorsFile("[]", 0)},
	{"JSON cut off", "header is wrong", tensorsFile(`{"a": {"dtype": "F32"`, 0)},
	{"more than JSON", "something follows", tensorsFile(`{} {}`, 0)},
	{"not UTF-8", "not UTF-8", tensorsFile("{\"\xff\": 1}", 0)},
	{"deep", "header is wrong", tensorsFile(`{"a": `+strings.Repeat("[", 100_000)+"}", 0)},
	{"an entry that is none", "a: it is no JSON object", tensorsFile(`{"a": 5}`, 0)},
	{"no shape", "a: it needs dtype, shape", tensorsFile(`{"a": {"dtype": "F32", "data_offsets": [0, 4]}}`, 4)},
	{"one offset", "a: it needs dtype, shape", tensorsFile(`{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4]}}`, 4)},
	{"an offset of nothing", "a: it needs dtype, shape", tensorsFile(`{"a": {"dtype": "F32", "shape": [1], "data_offsets": [null, 4]}}`, 4)},
	{"a field more", "a: extra: is not known", tensorsFile(`{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "extra": 1}}`, 4)},
	{"a field twice", "a: dtype is there twice", tensorsFile(`{"a": {"dtype": "F32", "dtype": "F16", "shape": [1], "data_offsets": [0, 4]}}`, 4)},
	{"a number without end", "a: shape", tensorsFile(`{`+entry("a", "["+strings.Repeat("1", 1<<20)+"]", 0, 4)+`}`, 4)},
	{"a fraction", "a: shape", tensorsFile(`{`+entry("a", "[1.5]", 0, 4)+`}`, 4)},
	{"an unknown type", "its type is F33", tensorsFile(`{"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}}`, 4)},
	{"a negative dimension", "a dimension is -1", tensorsFile(`{`+entry("a", "[-1, -1]", 0, 4)+`}`, 4)},
	{"dimensions that overflow", "larger than any memory", tensorsFile(`{`+entry("a", "[4294967296, 4294967296, 4]", 0, 4)+`}`, 4)},
	{"bytes that overflow", "larger than any memory", tensorsFile(`{`+entry("a", "[4611686018427387904]", 0, 0)+`}`, 0)},
	{"a dimension beyond 64 bits", "a: shape", tensorsFile(`{`+entry("a", "[18446744073709551616]", 0, 4)+`}`, 4)},
	{"a wrong size", "it has 4 bytes, its shape asks for 8", tensorsFile(`{`+entry("a", "[2]", 0, 4)+`}`, 4)},
	{"ends before it begins", "it has -4 bytes", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`,`+entry("b", "[1]", 4, 0)+`}`, 4)},
	{"overlap", "b: it begins at byte 2, where 4", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`,`+entry("b", "[1]", 2, 6)+`}`, 6)},
	{"one place for two", "b: it begins at byte 0, where 4", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`,`+entry("b", "[1]", 0, 4)+`}`, 4)},
	{"a gap", "b: it begins at byte 8, where 4", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`,`+entry("b", "[1]", 8, 12)+`}`, 12)},
	{"a negative offset", "begins at byte -4", tensorsFile(`{`+entry("a", "[1]", -4, 0)+`}`, 0)},
	{"out of range", "beyond the end of the file", tensorsFile(`{`+entry("a", "[2]", 0, 8)+`}`, 4)},
	{"more than the tensors", "2 bytes at its end", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`}`, 6)},
	{"a name twice", "a is there twice", tensorsFile(`{`+entry("a", "[1]", 0, 4)+`,`+entry("a", "[1]", 4, 8)+`}`, 8)},
	{"metadata of numbers", "__metadata__", tensorsFile(`{"__metadata__": {"a": 1}}`, 0)},
	{"a pointer", "Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 267954768\n")},
	{"a name of many lines", `"a\nb"`, tensorsFile(`{"a\nb": 5}`, 0)},
	{"a name without end", "…", tensorsFile(`{"`+strings.Repeat("x", 1<<20)+`": 5}`, 0)},
}

// refused checks that a file is refused in one line that names it and is not long, and that the memory this took is
// bounded by what the file is large, not by what it claims.
func refused(t *testing.T, path, want string, open func(string) (*tensorFile, error)) {
	t.Helper()
	var before, after runtime.MemStats
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&before)
	_, err = open(path)
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("%v, want %q", err, want)
	}
	if text := err.Error(); !strings.Contains(text, path) || strings.Contains(text, "\n") || len(text) > 500+len(path) {
		t.Errorf("%q does not name the file in one short line", text)
	}
	if used, allowed := after.TotalAlloc-before.TotalAlloc, 1<<20+20*uint64(info.Size()); used > allowed {
		t.Errorf("%d bytes were allocated for a file of %d", used, info.Size())
	}
}

func TestHostileTensorsAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, weightsName)
	for _, c := range hostileTensors {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.content, 0o666); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.want, openTensors)
		})
	}
	refused(t, dir, "is not a file", openTensors)
}

// A file that is cut off after it was opened is an error.
func TestTensorsCutOffWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), weightsName)
	if err := os.WriteFile(path, tensorsFile(`{`+entry("a", "[100]", 0, 400)+`}`, 400), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := openTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.tensors["a"].read(make([]byte, 400)); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(path, 300); err != nil {
		t.Fatal(err)
	}
	if err := f.tensors["a"].read(make([]byte, 400)); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

func TestHostileIndexesAreRefused(t *testing.T) {
	part := func(names ...string) []byte {
		var entries []string
		for i, name := range names {
			entries = append(entries, entry(name, "[1]", 4*i, 4*i+4))
		}
		return tensorsFile("{"+strings.Join(entries, ",")+"}", 4*len(names))
	}
	for _, c := range []struct{ name, index, want string }{
		{"outside", `{"weight_map": {"a": "../one"}}`, "../one is not the name of a file beside"},
		{"absolute", `{"weight_map": {"a": "/etc/passwd"}}`, "/etc/passwd is not the name"},
		{"below", `{"weight_map": {"a": "sub/one"}}`, "sub/one is not the name"},
		{"nameless", `{"weight_map": {"a": ""}}`, "is not the name"},
		{"the folder", `{"weight_map": {"a": "."}}`, `is not a file`},
		{"itself", `{"weight_map": {"a": "model.safetensors.index.json"}}`, "is not the name"},
		{"no map", `{"metadata": {}}`, "names no tensor"},
		{"an empty map", `{"weight_map": {}}`, "names no tensor"},
		{"a map of numbers", `{"weight_map": {"a": 1}}`, "weight_map: a: "},
		{"a name twice", `{"weight_map": {"a": "one", "a": "two"}}`, "a is there twice"},
		{"no JSON", `hello`, "no JSON object"},
		{"a missing part", `{"weight_map": {"a": "one", "b": "three"}}`, "three: no such file"},
		{"a missing tensor", `{"weight_map": {"a": "one", "c": "one"}}`, "one lacks c"},
		{"a surplus tensor", `{"weight_map": {"a": "one", "b": "two"}}`, "two holds a, which the index does not place there"},
		{"a broken part", `{"weight_map": {"a": "broken"}}`, "broken: is too short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, weightsName+indexEnding)
			for name, content := range map[string][]byte{path: []byte(c.index), "one": part("a"), "two": part("a", "b"), "broken": []byte("1")} {
				if !filepath.IsAbs(name) {
					name = filepath.Join(dir, name)
				}
				if err := os.WriteFile(name, content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, path, c.want, func(string) (*tensorFile, error) { return openWeights(dir) })
		})
	}
}

// FuzzTensors compares the reader with the safetensors library, which maps names to the same bytes where both accept.
func FuzzTensors(f *testing.F) {
	for _, c := range hostileTensors {
		if len(c.content) < 10_000 {
			f.Add(c.content)
		}
	}
	f.Add(tensorsFile(`{"__metadata__": {"format": "pt"}, `+entry("a", "[2, 1]", 0, 8)+`,`+entry("b", "[]", 8, 12)+`,`+entry("c", "[0]", 12, 12)+`}`, 12))
	f.Fuzz(func(t *testing.T, content []byte) {
		ours, err := readTensors(bytes.NewReader(content), int64(len(content)))
		theirs, theirErr := safetensors.Deserialize(content)
		if err != nil {
			if reason := regexp.MustCompile("there twice|not UTF-8|too large|something follows|out of range|cannot unmarshal number"); theirErr == nil && !reason.MatchString(err.Error()) {
				t.Fatalf("the library takes what we refuse: %v", err)
			}
			return
		}
		if theirErr != nil {
			t.Skip("stricter than we are") // in what a header's metadata may be
		}
		names := theirs.Names()
		slices.Sort(names)
		if !slices.Equal(names, slices.Sorted(maps.Keys(ours.tensors))) {
			t.Fatalf("tensors %q, the library finds %q", ours.names(), names)
		}
		for name, x := range ours.tensors {
			view, _ := theirs.Tensor(name)
			_, size, err := sizeOf(x.shape, x.dtype)
			if err != nil || size != int64(len(view.Data())) {
				t.Fatalf("%s: %d bytes, %v, the library finds %d", name, size, err, len(view.Data()))
			}
			into := make([]byte, size)
			if err := x.read(into); err != nil || !bytes.Equal(into, view.Data()) {
				t.Fatalf("%s: other bytes, %v", name, err)
			}
		}
	})
}
