package torchmodel

// #include <malloc.h>
// #include "csrc/pii_torch.h"
import "C"

import "fmt"

// ReturnMemory gives back to the system what dropped tensors, and all else from the C allocator, have left to it. keepMemory lets it keep
// that for a training's next step.
func ReturnMemory() { C.malloc_trim(0) }

// DeviceMemory is what libtorch has of a GPU's memory, in bytes. CUDA's own, some hundred megabytes for a process, is not part of it.
type DeviceMemory struct {
	Tensors int64 // in tensors
	Taken   int64 // taken from the device: tensors, what is kept for later ones, and what graphs need
}

// DeviceMemory is what the session's device has given now, and at most since the last call of ResetDeviceMemory. known is false on the
// CPU, and where libtch.so was compiled without CUDA's headers.
func (s *Session) DeviceMemory() (now, peak DeviceMemory, known bool, err error) {
	if !s.device.IsCuda() {
		return now, peak, false, nil
	}
	var memory C.pii_cuda_memory
	var found C.int
	err = s.do(func() error { return taken(C.pii_torch_cuda_memory(C.int(s.device.Value), &memory, &found)) })
	if err != nil {
		return now, peak, false, fmt.Errorf("asking for the memory of %s: %w", s.Device(), err)
	}
	now = DeviceMemory{int64(memory.tensors), int64(memory.taken)}
	return now, DeviceMemory{int64(memory.tensors_peak), int64(memory.taken_peak)}, found != 0, nil
}

// ResetDeviceMemory gives the device's memory back that dropped tensors have left, and lets the peaks of DeviceMemory begin anew.
func (s *Session) ResetDeviceMemory() error {
	if !s.device.IsCuda() {
		return nil
	}
	if err := s.do(func() error { return taken(C.pii_torch_cuda_reset_memory(C.int(s.device.Value))) }); err != nil {
		return fmt.Errorf("giving memory back to %s: %w", s.Device(), err)
	}
	return nil
}
