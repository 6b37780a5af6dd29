package stages

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// source is a file that a command reads: what it is called in errors, and its path, which may be "-", builtin:NAME, or "" or none for
// no file.
type source struct{ what, path string }

// spare refuses an output that the same command reads, by whatever path: it would be overwritten.
func spare(flag, output string, reads ...source) error {
	if isStream(output) {
		return nil
	}
	info, err := os.Stat(output)
	for _, read := range reads {
		same := false
		switch _, builtin := builtinName(read.path); {
		case read.path == "-":
			same = err == nil && isStdin(info)
		case read.path != "" && read.path != none && !builtin:
			same = samePlace(output, read.path)
		}
		if same {
			return &ConfigError{fmt.Sprintf("%s %s is %s; it would be overwritten", flag, output, read.what)}
		}
	}
	return nil
}

// samePlace reports whether two paths lead to the same file, or would once it is there.
func samePlace(a, b string) bool {
	return sameFile(a, b) || filepath.Base(a) == filepath.Base(b) && sameFile(filepath.Dir(a), filepath.Dir(b))
}

// sources are the files that settings were read from.
func (c *Config) sources() []source { return []source{{"the file of settings", c.file}} }

// sources are all files that a prediction reads, and those that would be read were they there.
func (o PredictOptions) sources(cfg *Config) ([]source, error) {
	names, err := modelFiles(o.ModelDir)
	if err != nil {
		return nil, err
	}
	all := append(cfg.sources(), source{"the input", o.Input})
	for _, list := range cfg.listInputs() {
		all = append(all, source{"the file of --" + list.Name, list.Path})
	}
	for _, name := range slices.Concat(names, tokenizerFiles, []string{cardName}) {
		all = append(all, source{name + " of the model", filepath.Join(o.ModelDir, name)})
	}
	return all, nil
}
