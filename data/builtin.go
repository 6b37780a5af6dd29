package data

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// The first four sets are made by data/synth with its default seed and configuration; a test there makes them again and
// compares. The transcripts of natural were written by hand, apart from the generator and from what it is taught by, and serve
// to judge alone.
//
//go:generate go run ./synth/internal/make .
//go:embed train.jsonl dev.jsonl test.jsonl stress.jsonl natural.jsonl
var builtin embed.FS

// BuiltinPrefix begins the path of a set that ships inside the binary, as in "builtin:train".
const BuiltinPrefix = "builtin:"

// BuiltinNames lists the sets that ship inside the binary, all labelled.
func BuiltinNames() []string { return []string{"train", "dev", "test", "stress", "natural"} }

// Builtin gives the file of a set that ships inside the binary. Its name has no prefix.
func Builtin(name string) ([]byte, error) {
	if !slices.Contains(BuiltinNames(), name) {
		return nil, fmt.Errorf("there is no built-in set %q; there are %s", name, strings.Join(BuiltinNames(), ", "))
	}
	return builtin.ReadFile(name + ".jsonl")
}

//go:embed small
var small embed.FS

// BuiltinModel gives the files of the model that ships inside the binary, a Hugging Face model folder: what training starts from
// where no other model is named. small/README.md says how it was made.
func BuiltinModel() fs.FS {
	folder, err := fs.Sub(small, "small")
	if err != nil {
		return small // cannot be: the name is a good one
	}
	return folder
}
