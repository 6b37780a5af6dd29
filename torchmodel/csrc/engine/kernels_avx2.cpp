// The engine's loops for x86-64 with AVX2 and FMA.
#include "kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

#define LANES 8
#define ROWS 6

#pragma GCC push_options
#pragma GCC target("avx2,fma")

namespace pii {
namespace {
#include "kernels_body.h"

// c += a · b in bytes. Of two neighbours in k, the sum of the products must fit in 16 bits, so a has seven bits.
template <int R> ALWAYS void multiply_bytes(const uint8_t *a, int64_t lda, const int8_t *b, int64_t k, __m256i (&c)[R][2]) {
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < k; i += 4, b += 4 * kPanel) {
    __builtin_prefetch(b + kAhead);
    const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(b));
    const __m256i right = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(b + 32));
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      int32_t four;
      __builtin_memcpy(&four, a + r * lda + i, 4);
      const __m256i x = _mm256_set1_epi32(four);
      c[r][0] = _mm256_add_epi32(c[r][0], _mm256_madd_epi16(_mm256_maddubs_epi16(x, left), ones));
      c[r][1] = _mm256_add_epi32(c[r][1], _mm256_madd_epi16(_mm256_maddubs_epi16(x, right), ones));
    }
  }
}

template <int R> void byte_tile(const ByteProduct &p, int64_t row, int64_t panel) {
  __m256i exact[R][2];
  for (int r = 0; r < R; r++)
    exact[r][0] = exact[r][1] = _mm256_setzero_si256();
  const int64_t k = p.to.k;
  multiply_bytes<R>(p.a + row * k, k, p.b + panel * k * kPanel, k, exact);
  Vec c[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      const int64_t column = panel * kPanel + half * LANES;
      const Ints sums = (Ints)exact[r][half] - p.zero[row + r] * *reinterpret_cast<const LooseInts *>(p.b_sum + column);
      c[r][half] = __builtin_convertvector(sums, Vec) * (load(p.b_scale + column) * p.scale[row + r]);
    }
  write<R>(p.to, c, row, panel, p.to.add, true);
}

void byte_tile_of(int64_t height, const ByteProduct &p, int64_t row, int64_t panel) {
  switch (height) {
  case 1: return byte_tile<1>(p, row, panel);
  case 2: return byte_tile<2>(p, row, panel);
  case 3: return byte_tile<3>(p, row, panel);
  case 4: return byte_tile<4>(p, row, panel);
  }
}

void byte_product(const ByteProduct &p, int64_t part, int64_t parts) {
  constexpr int64_t rows = 4;
  const int64_t height = kBlockBytes / p.to.k > rows ? kBlockBytes / p.to.k / rows * rows : rows;
  const int64_t panels = (p.to.n + kPanel - 1) / kPanel;
  share((p.to.m + height - 1) / height, panels, part, parts, [&](int64_t block, int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; panel++)
      tiles(block * height, least(p.to.m, (block + 1) * height), rows,
            [&](int64_t row, int64_t n) { byte_tile_of(n, p, row, panel); });
  });
}

const Kernels table = {"AVX2", kPanel, product, byte_product, attention, layer_norm, sum, quantize, dequantize, to_bf16};
} // namespace
} // namespace pii

#pragma GCC pop_options

const pii::Kernels *pii::kernels_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &table : nullptr;
}
#else
const pii::Kernels *pii::kernels_avx2() { return nullptr; }
#endif
