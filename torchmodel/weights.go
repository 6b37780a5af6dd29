package torchmodel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// weightsName is the file of weights that Save writes.
const weightsName = "model.safetensors"

// weightFormats are the files of weights that a folder may have, in the order in which transformers looks for them: each by
// itself, or in parts that an index names.
var weightFormats = []struct {
	name string
	open func(path string) (*tensorFile, error)
}{{weightsName, openTensors}, {"pytorch_model.bin", openPickled}}

// ErrNoWeights is that of a folder with none of the files that weights are read from.
var ErrNoWeights = errors.New("has no weights: no model.safetensors, no pytorch_model.bin, and no index of parts of either")

const indexEnding = ".index.json"

// WeightFiles lists the files that the weights of a model folder are read from, by their names in the folder: one file, or
// an index and the parts that it names, sorted. Whether the parts are there shows when they are opened.
func WeightFiles(dir string) ([]string, error) {
	_, index, files, err := findWeights(dir)
	if err != nil || index == nil {
		return files, err
	}
	return append([]string{index.name}, files...), nil
}

// weightIndex says in which file each tensor is.
type weightIndex struct {
	name  string // of the index
	parts map[string]string
}

// findWeights looks which of the formats a folder has; index is nil where the weights are in one file.
func findWeights(dir string) (open func(string) (*tensorFile, error), index *weightIndex, files []string, err error) {
	for _, format := range weightFormats {
		for _, name := range []string{format.name, format.name + indexEnding} {
			_, err := os.Stat(filepath.Join(dir, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil || name == format.name {
				return format.open, nil, []string{name}, err
			}
			index, err := readIndex(dir, name)
			if err != nil {
				return nil, nil, nil, err
			}
			files := slices.Sorted(maps.Values(index.parts))
			return format.open, index, slices.Compact(files), nil
		}
	}
	return nil, nil, nil, fmt.Errorf("%s: %w", dir, ErrNoWeights)
}

// readIndex reads an index, whose parts must lie beside it.
func readIndex(dir, name string) (*weightIndex, error) {
	path := filepath.Join(dir, name)
	content, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	index := &weightIndex{name, map[string]string{}}
	err = decodeObject(content, func(key string, decode func(any) error) error {
		var value json.RawMessage
		if err := decode(&value); err != nil || key != "weight_map" {
			return err
		}
		return decodeObject(value, func(tensor string, decode func(any) error) error {
			var file string
			if err := decode(&file); err != nil {
				return err
			}
			if !filepath.IsLocal(file) || filepath.Base(file) != file || strings.HasSuffix(file, indexEnding) {
				return fmt.Errorf("%s is not the name of a file beside the index", shown(file))
			}
			index.parts[tensor] = file
			return nil
		})
	})
	if err == nil && len(index.parts) == 0 {
		err = errors.New("its weight_map names no tensor")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return index, nil
}

// readSmall reads a file of at most maxHeader bytes.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxHeader+1))
	if err == nil && len(content) > maxHeader {
		err = fmt.Errorf("%s has more than %d bytes; that much is not read", path, maxHeader)
	}
	return content, err
}

// openWeights opens the weights of a folder, the parts as one.
func openWeights(dir string) (*tensorFile, error) {
	open, index, files, err := findWeights(dir)
	if err != nil {
		return nil, err
	}
	if index == nil {
		return open(filepath.Join(dir, files[0]))
	}
	whole := &tensorFile{tensors: map[string]stored{}}
	for _, name := range files {
		part, err := open(filepath.Join(dir, name))
		if err == nil {
			whole.files, whole.infos = append(whole.files, part.files...), append(whole.infos, part.infos...)
			whole.size += part.size
			err = index.check(part, name)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Join(dir, index.name), err), whole.Close())
		}
		maps.Copy(whole.tensors, part.tensors)
	}
	return whole, nil
}

// check compares a part with what the index says of it; so no tensor is in two.
func (w *weightIndex) check(part *tensorFile, file string) error {
	for _, name := range part.names() {
		if w.parts[name] != file {
			return fmt.Errorf("%s holds %s, which the index does not place there", file, shown(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.parts)) {
		if _, ok := part.tensors[name]; w.parts[name] == file && !ok {
			return fmt.Errorf("%s lacks %s, which the index places there", file, shown(name))
		}
	}
	return nil
}
