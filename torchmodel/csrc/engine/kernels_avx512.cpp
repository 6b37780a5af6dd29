// The engine's loops for x86-64 with AVX-512.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")

#define LANES 16
#define FLOAT_TILES UP_TO_14
#define BYTE_TILES UP_TO_6
#define DOT_BYTES dot_bytes

namespace pii {
namespace {

// Of two neighbours in k, the sum of the products must fit in 16 bits, so a has seven bits.
template <typename Ints> inline __attribute__((always_inline)) Ints dot_bytes(Ints sums, Ints a, Ints b) {
  const __m512i pairs = _mm512_maddubs_epi16((__m512i)a, (__m512i)b);
  return sums + (Ints)_mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

#include "kernels_body.h"

const Kernels table = {"AVX-512", kPanel, true, product, byte_product, 127, nullptr,
                       attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace
} // namespace pii

#pragma GCC pop_options

const pii::Kernels *pii::kernels_avx512() { return &table; }
#else
const pii::Kernels *pii::kernels_avx512() { return nullptr; }
#endif
