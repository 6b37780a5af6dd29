// The engine's loops for x86-64 with AVX-512, its VNNI and its BF16.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 11
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512vnni,avx512bf16,prefer-vector-width=512")

#define LANES 16
#define FLOAT_TILES UP_TO_14
#define BYTE_TILES UP_TO_14
#define DOT_BYTES dot_bytes
#define HALF_TILES UP_TO_14
#define DOT_HALVES dot_halves

namespace pii {
namespace {

template <typename Ints> inline __attribute__((always_inline)) Ints dot_bytes(Ints sums, Ints a, Ints b) {
  return (Ints)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
}

template <typename Vec, typename Ints> inline __attribute__((always_inline)) Vec dot_halves(Vec sums, Ints a, Ints b) {
  return (Vec)_mm512_dpbf16_ps((__m512)sums, (__m512bh)a, (__m512bh)b);
}

#include "kernels_body.h"

const Kernels table = {"AVX-512 BF16", kPanel, true, product, byte_product, 255, half_product,
                       attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace
} // namespace pii

#pragma GCC pop_options

const pii::Kernels *pii::kernels_bf16() { return &table; }
#else
const pii::Kernels *pii::kernels_bf16() { return nullptr; }
#endif
