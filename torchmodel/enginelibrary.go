package torchmodel

// #include <stdlib.h>
// #include "bind.h"
// #include "csrc/engine/engine.h"
import "C"

import (
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"
)

// EngineInfo describes the inference engine.
type EngineInfo struct {
	Library    string   `json:"library"`    // path of libpii.so
	Precisions []string `json:"precisions"` // those that it computes in on this processor
}

// Engine loads the inference engine where that has not been done, and describes it.
func Engine() (EngineInfo, error) {
	path, err := loadEngine()
	info := EngineInfo{Library: path}
	for _, name := range Precisions {
		if code, known := precisionCodes[name]; known && err == nil && C.pii_engine_supports(code) != 0 {
			info.Precisions = append(info.Precisions, name)
		}
	}
	return info, err
}

// loadEngine opens libpii.so, the inference engine, which set-up puts beside libtch.so, and returns where it is. It does so once, and
// brings no libtorch along. Nothing of the engine may be called before it has succeeded.
var loadEngine = sync.OnceValues(func() (string, error) {
	torch, _, err := checkedLibrary()
	if err == nil {
		err = prepareEnvironment()
	}
	if err != nil {
		return "", err
	}
	path := filepath.Join(filepath.Dir(torch), "libpii.so")
	library, err := openShared(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be loaded (%s): %s", path, firstLine(err.Error()), remedy)
	}
	if missing := C.pii_bind_engine(library); missing != nil {
		return "", fmt.Errorf("%s lacks %s: %s", path, C.GoString(missing), remedy)
	}
	return path, nil
})

// openShared opens a shared library, for as long as the process lives.
func openShared(path string) (library unsafe.Pointer, err error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	err = taken(C.pii_open(name, &library))
	return library, err
}
