// The engine's loops for x86-64 with AVX-512 and its VNNI.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,avx512vnni,prefer-vector-width=512")

#define LANES 16
#define FLOAT_TILES UP_TO_14
#define BYTE_TILES UP_TO_14
#define DOT_BYTES dot_bytes

namespace pii {
namespace {

template <typename Ints> inline __attribute__((always_inline)) Ints dot_bytes(Ints sums, Ints a, Ints b) {
  return (Ints)_mm512_dpbusd_epi32((__m512i)sums, (__m512i)a, (__m512i)b);
}

#include "kernels_body.h"

const Kernels table = {"AVX-512 VNNI", kPanel, true, product, byte_product, 255, nullptr,
                       attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace
} // namespace pii

#pragma GCC pop_options

const pii::Kernels *pii::kernels_vnni() { return &table; }
#else
const pii::Kernels *pii::kernels_vnni() { return nullptr; }
#endif
