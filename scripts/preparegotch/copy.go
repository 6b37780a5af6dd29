package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// kept are the module's folders that the copy needs; examples, vision and the generator stay behind.
var kept = map[string]bool{".": true, "half": true, "libtch": true, "nn": true, "pickle": true, "ts": true}

// copyModule writes the mended module to the folder to.
func copyModule(from, to, libraryDir string) error {
	if err := copyFiles(from, to); err != nil {
		return err
	}
	if err := writeShim(filepath.Join(from, "libtch"), filepath.Join(to, "shim")); err != nil {
		return err
	}
	if err := mendAll(to); err != nil {
		return err
	}
	return writeLibraryDir(to, libraryDir)
}

func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if !kept[name] {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		if !isKept(name) {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	})
}

// isKept reports whether the copy needs a file: Go sources, C headers for cgo, and what names the module and its licence.
// The C++ sources go elsewhere (writeShim): in libtch the go command would compile them again with every change of flags.
func isKept(name string) bool {
	switch base := filepath.Base(name); {
	case base == "go.mod", base == "LICENSE":
		return true
	case strings.HasSuffix(base, "_test.go"):
		return false
	case strings.HasSuffix(base, ".go"):
		return true
	}
	return name == "libtch/torch_api.h" || name == "libtch/torch_api_generated.h"
}

// writeLibraryDir compiles into the libtch package where the shared library lies on this machine.
func writeLibraryDir(module, dir string) error {
	text := fmt.Sprintf(`package libtch

// LibraryDir is the folder into which set-up puts the shared library that this package's C functions live in,
// in a folder below it for each version of the program's own C++ sources.
const LibraryDir = %q
`, dir)
	return os.WriteFile(filepath.Join(module, "libtch", "library_dir.go"), []byte(text), 0o644)
}
