package torchmodel

// #include <malloc.h>
import "C"

// ReturnMemory gives back to the system what dropped tensors, and all else from the C allocator, have left to it. keepMemory lets it keep
// that for a training's next step.
func ReturnMemory() { C.malloc_trim(0) }
