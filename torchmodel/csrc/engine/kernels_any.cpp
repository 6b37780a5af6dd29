// The engine's loops for any processor of the architecture.
#include "kernels.h"

#define LANES 4
#define ROWS 4

namespace pii {
namespace {
#include "kernels_body.h"

const Kernels table = {"any", kPanel, product, nullptr, attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace

const Kernels *kernels_any() { return &table; }

} // namespace pii
