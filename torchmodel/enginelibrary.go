package torchmodel

// #include <stdlib.h>
// #include "bind.h"
import "C"

import (
	"fmt"
	"path/filepath"
	"sync"
	"unsafe"
)

// loadEngine opens libpii.so, the inference engine, once: later calls return the first one's result. It brings no libtorch along.
// Nothing of the engine may be called before it has succeeded.
var loadEngine = sync.OnceValue(func() error {
	torch, _, err := checkedLibrary()
	if err == nil {
		err = prepareEnvironment()
	}
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(torch), "libpii.so")
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var library unsafe.Pointer
	if err := taken(C.pii_open(name, &library)); err != nil {
		return fmt.Errorf("%s cannot be loaded (%s): %s", path, firstLine(err.Error()), remedy)
	}
	if missing := C.pii_bind_engine(library); missing != nil {
		return fmt.Errorf("%s lacks %s: %s", path, C.GoString(missing), remedy)
	}
	return nil
})
