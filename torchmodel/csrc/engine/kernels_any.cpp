// The engine's loops for any processor of the architecture.
#include "kernels.h"

#define LANES 4
#define FLOAT_TILES UP_TO_4

namespace pii {
namespace {
#include "kernels_body.h"

const Kernels table = {"any", kPanel, false, product, nullptr, 0, nullptr, attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace

const Kernels *kernels_any() { return &table; }

} // namespace pii
