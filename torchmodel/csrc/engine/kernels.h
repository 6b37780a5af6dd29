// The loops of the inference engine, for one instruction set: each of the files kernels_*.cpp compiles them into a table of
// functions, and the engine takes the best table that the processor can run. Matrices are row-major.
#pragma once
#include <cstdint>

namespace pii {

enum Activation { kNone, kGelu, kRelu };

// A product out = activation(a · bᵀ + bias), or out += a · bᵀ + bias. b (n, k) is packed in panels of `panel` rows, each
// (k, panel), the last one filled up with zeros; bias, where there is one, is filled up likewise.
struct Product {
  const float *a; // (m, k), rows lda apart
  int64_t lda;
  const float *b;
  const float *bias; // or null for none
  float *out;        // (m, n), rows ldc apart
  int64_t ldc;
  int64_t m, n, k;
  bool add;
  Activation activation;
};

// The same in bytes. Row i of a stands for (a - zero[i]) * scale[i], row j of b for b * b_scale[j]; b_sum[j] is the sum of
// row j. b is packed in panels (k/4, panel, 4), so that four neighbours in k lie side by side.
struct ByteProduct {
  Product to; // its a, lda and b are not used; k is a multiple of 4
  const uint8_t *a; // (m, k), rows lda apart
  int64_t lda;
  const float *scale;
  const int32_t *zero;
  const int8_t *b;
  const float *b_scale;
  const int32_t *b_sum;
};

// The same in bfloat16, with sums in float32. b is packed in panels (k/2, panel, 2), so that two neighbours in k lie side by side.
struct HalfProduct {
  Product to; // its a, lda and b are not used; k is a multiple of 2
  const uint16_t *a; // (m, k), rows lda apart
  int64_t lda;
  const uint16_t *b;
};

// Self-attention of one head of one text (Vaswani et al. 2017, arXiv:1706.03762): softmax(q · kᵀ * scale) · v.
struct Attention {
  const float *q, *k, *v; // (length, width), rows stride apart
  int64_t stride;
  float *out; // (length, width), rows out_stride apart
  int64_t out_stride;
  int64_t length, width;
  float scale;
  float *scratch; // attention_scratch(length, width, panel) floats
};

// How many queries attention takes at once: their scores stay in the cache.
constexpr int64_t kQueries = 48;

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

inline int64_t attention_scratch(int64_t length, int64_t width, int64_t panel) {
  return round_up(length, panel) * (width + kQueries) + round_up(width, panel) * length;
}

struct Kernels {
  const char *name;
  int64_t panel; // rows of b in a panel
  bool wide;     // whether the loops are for AVX-512

  // Computes share number `part` of `parts` of a product.
  void (*product)(const Product &, int64_t part, int64_t parts);
  void (*byte_product)(const ByteProduct &, int64_t part, int64_t parts); // null where there is none
  int levels;                                                             // the largest byte of a that it takes: 127 or 255
  void (*half_product)(const HalfProduct &, int64_t part, int64_t parts); // null where there is none

  void (*attention)(const Attention &);

  // out = (x - mean) / sqrt(variance + eps) * weight + bias, all (n); x may be out (Ba et al. 2016, arXiv:1607.06450).
  void (*layer_norm)(const float *x, const float *weight, const float *bias, float eps, int64_t n, float *out);
  void (*sum)(const float *a, const float *b, int64_t n, float *out);

  // Rounds x (n) to whole numbers in [0, levels]: x ≈ (out - zero) * scale.
  void (*quantize)(const float *x, int64_t n, int levels, uint8_t *out, float *scale, int32_t *zero);

  // Ends a product of bytes whose row of sums somebody else computed: out as of ByteProduct, from sums (n).
  void (*dequantize)(const int32_t *sums, const ByteProduct &, int64_t row);

  // Rounds to the nearest bfloat16, ties to even.
  void (*to_bf16)(const float *x, int64_t n, uint16_t *out);
};

// The tables, each null where the compiler does not know its instructions.
const Kernels *kernels_any();
const Kernels *kernels_avx2();   // and FMA
const Kernels *kernels_avx512(); // F, BW, DQ and VL
const Kernels *kernels_vnni();   // and these
const Kernels *kernels_bf16();   // and these

// The best table for this processor. As for oneDNN, ONEDNN_MAX_CPU_ISA (or DNNL_MAX_CPU_ISA) hides what is newer than it names.
const Kernels *best_kernels();

} // namespace pii
