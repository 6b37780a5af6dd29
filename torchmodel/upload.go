package torchmodel

// #include "csrc/pii_torch.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// ints is a new tensor of 64-bit integers on the device, made as upload makes it.
func (s *scope) ints(values []int64, shape []int64, device gotch.Device) *ts.Tensor {
	return s.upload(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 8*len(values)), shape, gotch.Int64, device)
}

// upload is a new tensor on the device, of what is small and comes with each batch. The host does not wait for its copy to a GPU.
func (s *scope) upload(content []byte, shape []int64, dtype gotch.DType, device gotch.Device) *ts.Tensor {
	if s.err != nil {
		return nil
	}
	var out unsafe.Pointer
	err := taken(C.pii_torch_upload(unsafe.Pointer(unsafe.SliceData(content)), (*C.int64_t)(unsafe.SliceData(shape)), C.int(len(shape)),
		C.int(dtype.CInt()), C.int(device.CInt()), &out))
	if err != nil {
		s.fail(fmt.Errorf("copying a batch to the device: %w", err))
		return nil
	}
	return s.keep(ts.FromCtensor(out), nil)
}
