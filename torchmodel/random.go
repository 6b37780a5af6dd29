package torchmodel

// #include "csrc/pii_torch.h"
import "C"

// manualSeed seeds libtorch's random numbers, on every device.
func manualSeed(seed int64) error { return taken(C.pii_torch_manual_seed(C.int64_t(seed))) }
