// The engine's loops for x86-64 with AVX2 and FMA.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")

#define LANES 8
#define FLOAT_TILES UP_TO_6
#define BYTE_TILES UP_TO_4
#define DOT_BYTES dot_bytes

namespace pii {
namespace {

// Of two neighbours in k, the sum of the products must fit in 16 bits, so a has seven bits.
template <typename Ints> inline __attribute__((always_inline)) Ints dot_bytes(Ints sums, Ints a, Ints b) {
  const __m256i pairs = _mm256_maddubs_epi16((__m256i)a, (__m256i)b);
  return sums + (Ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

#include "kernels_body.h"

const Kernels table = {"AVX2", kPanel, false, product, byte_product, 127, nullptr,
                       attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace
} // namespace pii

#pragma GCC pop_options

const pii::Kernels *pii::kernels_avx2() { return &table; }
#else
const pii::Kernels *pii::kernels_avx2() { return nullptr; }
#endif
