// The bodies of the loops, included by kernels_*.cpp within a namespace of their own, after LANES (floats in a register) and
// ROWS (rows of a tile of a product, such that its sums fit in registers) are defined. Nothing of the standard library is
// used here: its inline functions would be compiled for this instruction set and might be linked into code for any.

typedef float Vec __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef float LooseVec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t LooseInts __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define ALWAYS static inline __attribute__((always_inline))

constexpr int64_t kPanel = 2 * LANES;

ALWAYS Vec load(const float *p) { return *reinterpret_cast<const LooseVec *>(p); }
ALWAYS void store(float *p, Vec x) { *reinterpret_cast<LooseVec *>(p) = x; }
ALWAYS Vec all(float x) { return x - Vec{}; }
ALWAYS Vec least(Vec a, Vec b) { return a < b ? a : b; }
ALWAYS Vec most(Vec a, Vec b) { return a > b ? a : b; }
ALWAYS int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

ALWAYS float total(Vec x) {
  float sum = 0;
  for (int i = 0; i < LANES; i++)
    sum += x[i];
  return sum;
}

// erf(x), to about 4e-7: the rational approximation x·P(x²)/Q(x²) on [-4, 4] that Eigen has (generic_fast_erf_float).
ALWAYS Vec erf_of(Vec x) {
  x = least(most(x, all(-4)), all(4));
  const Vec s = x * x;
  Vec p = all(-2.72614225801306e-10f);
  p = p * s + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = p * s + -1.60960333262415e-02f;
  Vec q = all(-1.45660718464996e-05f);
  q = q * s + -2.13374055278905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return x * p / q;
}

// exp(x) for x <= 0, to about 2e-7 of itself; 0 below -87. As in Cephes: 2^n · P(r) with x = n·ln 2 + r.
ALWAYS Vec exp_of(Vec x) {
  const Vec low = all(-87), magic = all(12582912.0f); // 1.5 · 2^23: adding it rounds to whole numbers
  const Vec bounded = most(low, x); // in this order, what is not a number stays so
  const Vec n = (bounded * 1.44269504088896341f + magic) - magic;
  const Vec r = (bounded - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Vec power = (Vec)((__builtin_convertvector(n, Ints) + 127) << 23);
  return x < low ? all(0) : p * power;
}

ALWAYS Vec activate(Vec x, Activation activation) {
  if (activation == kGelu)
    return x * 0.5f * (1.0f + erf_of(x * 0.70710678118654752f));
  return activation == kRelu ? most(all(0), x) : x;
}

// --- products

// How far ahead of their use the weights are fetched, in bytes: with few rows a product waits for memory, and the processor's
// own prefetching begins anew with every page.
constexpr int64_t kAhead = 4096;

// c += a · b for R rows of a and a panel b (k, panel).
template <int R> ALWAYS void multiply(const float *a, int64_t lda, const float *b, int64_t k, Vec (&c)[R][2]) {
  for (int64_t i = 0; i < k; i++, b += kPanel) {
    __builtin_prefetch(b + kAhead / 4);
    const Vec left = load(b), right = load(b + LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Vec x = all(a[r * lda + i]);
      c[r][0] += x * left;
      c[r][1] += x * right;
    }
  }
}

// Writes R rows of a panel's sums to out: added to what is there, and at last with bias and activation.
template <int R>
ALWAYS void finish(const Product &p, const Vec (&c)[R][2], float *out, int64_t ldc, int64_t column, bool add, bool last) {
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      float *to = out + r * ldc + half * LANES;
      Vec x = c[r][half];
      if (add)
        x += load(to);
      if (last && p.bias)
        x += load(p.bias + column + half * LANES);
      store(to, last ? activate(x, p.activation) : x);
    }
}

// finish for a panel whose last columns do not exist.
template <int R>
void finish_edge(const Product &p, const Vec (&c)[R][2], float *out, int64_t column, bool add, bool last) {
  float whole[R * kPanel] = {};
  const int64_t width = p.n - column;
  for (int64_t i = 0; add && i < R * width; i++)
    whole[i / width * kPanel + i % width] = out[i / width * p.ldc + i % width];
  finish<R>(p, c, whole, kPanel, column, add, last);
  for (int64_t i = 0; i < R * width; i++)
    out[i / width * p.ldc + i % width] = whole[i / width * kPanel + i % width];
}

template <int R> ALWAYS void write(const Product &p, const Vec (&c)[R][2], int64_t row, int64_t panel, bool add, bool last) {
  const int64_t column = panel * kPanel;
  float *out = p.out + row * p.ldc + column;
  if (column + kPanel <= p.n)
    finish<R>(p, c, out, p.ldc, column, add, last);
  else
    finish_edge<R>(p, c, out, column, add, last);
}

// A tile: R rows, one panel, k from `from` to `to`.
template <int R> void tile(const Product &p, int64_t row, int64_t panel, int64_t from, int64_t to) {
  Vec c[R][2] = {};
  multiply<R>(p.a + row * p.lda + from, p.lda, p.b + (panel * p.k + from) * kPanel, to - from, c);
  write<R>(p, c, row, panel, p.add || from > 0, to == p.k);
}

// Runs Tile for the rows from `first` to `last`, in tiles of nearly equal height: one of a single row costs as much time as one of
// three. How rows are cut does not change how a sum is formed.
template <typename Tile> ALWAYS void tiles(int64_t first, int64_t last, int64_t most_rows, Tile run) {
  int64_t left = (last - first + most_rows - 1) / most_rows;
  for (int64_t row = first; row < last; left--) {
    const int64_t height = (last - row + left - 1) / left;
    run(row, height);
    row += height;
  }
}

void tile_of(int64_t height, const Product &p, int64_t row, int64_t panel, int64_t from, int64_t to) {
  switch (height) {
  case 1: return tile<1>(p, row, panel, from, to);
  case 2: return tile<2>(p, row, panel, from, to);
  case 3: return tile<3>(p, row, panel, from, to);
  case 4: return tile<4>(p, row, panel, from, to);
#if ROWS > 4
  case 5: return tile<5>(p, row, panel, from, to);
  case 6: return tile<6>(p, row, panel, from, to);
#endif
  }
}

// Bytes of a block of a: half a usual second-level cache, so that the panels of b can pass by.
constexpr int64_t kBlockBytes = 384 << 10;

// Blocks of rows times panels are numbered, and a share is a run of these numbers: with few rows, threads divide the weights
// among them, with many the rows.
template <typename Block> ALWAYS void share(int64_t blocks, int64_t panels, int64_t part, int64_t parts, Block run) {
  const int64_t last = blocks * panels * (part + 1) / parts;
  for (int64_t at = blocks * panels * part / parts; at < last;) {
    const int64_t block = at / panels, end = least(last, (block + 1) * panels);
    run(block, at - block * panels, end - block * panels);
    at = end;
  }
}

void product(const Product &p, int64_t part, int64_t parts) {
  const int64_t depth = p.m > 64 ? least(p.k, 1024) : p.k;
  const int64_t height = kBlockBytes / 4 / depth > ROWS ? kBlockBytes / 4 / depth / ROWS * ROWS : ROWS;
  const int64_t panels = (p.n + kPanel - 1) / kPanel;
  share((p.m + height - 1) / height, panels, part, parts, [&](int64_t block, int64_t first, int64_t last) {
    for (int64_t from = 0; from < p.k; from += depth)
      for (int64_t panel = first; panel < last; panel++)
        tiles(block * height, least(p.m, (block + 1) * height), ROWS,
              [&](int64_t row, int64_t n) { tile_of(n, p, row, panel, from, least(p.k, from + depth)); });
  });
}

// --- attention

// Packs the columns of x (rows, columns) in panels (rows, panel).
void pack(const float *x, int64_t stride, int64_t rows, int64_t columns, float *out) {
  for (int64_t first = 0; first < columns; first += kPanel)
    for (int64_t row = 0; row < rows; row++, out += kPanel)
      for (int64_t i = 0; i < kPanel; i++)
        out[i] = first + i < columns ? x[row * stride + first + i] : 0;
}

// Packs the rows of x (rows, columns) in panels (columns, panel).
void pack_transposed(const float *x, int64_t stride, int64_t rows, int64_t columns, float *out) {
  for (int64_t first = 0; first < rows; first += kPanel, out += kPanel * columns)
    for (int64_t i = 0; i < kPanel; i++)
      for (int64_t column = 0; column < columns; column++)
        out[column * kPanel + i] = first + i < rows ? x[(first + i) * stride + column] : 0;
}

// x (n) becomes exp((x - max) * scale), and zeros up to padded. Returns 1 / its sum.
float exponentials(float *x, int64_t n, int64_t padded, float scale) {
  float highest = x[0];
  for (int64_t i = 1; i < n; i++)
    highest = x[i] > highest ? x[i] : highest;
  Vec sum = {};
  for (int64_t i = n; i < padded; i++)
    x[i] = -__builtin_inff();
  for (int64_t i = 0; i < padded; i += LANES) {
    const Vec e = exp_of((load(x + i) - highest) * scale);
    store(x + i, e);
    sum += e;
  }
  return 1 / total(sum);
}

void attention(const Attention &a) {
  const int64_t padded = round_up(a.length, kPanel);
  float *keys = a.scratch, *values = keys + padded * a.width, *scores = values + round_up(a.width, kPanel) * a.length;
  pack_transposed(a.k, a.stride, a.length, a.width, keys);
  pack(a.v, a.stride, a.length, a.width, values);
  for (int64_t first = 0; first < a.length; first += kQueries) {
    const int64_t n = least(kQueries, a.length - first);
    product({a.q + first * a.stride, a.stride, keys, nullptr, scores, padded, n, padded, a.width, false, kNone}, 0, 1);
    float inverse[kQueries];
    for (int64_t i = 0; i < n; i++)
      inverse[i] = exponentials(scores + i * padded, a.length, padded, a.scale);
    float *out = a.out + first * a.out_stride;
    product({scores, padded, values, nullptr, out, a.out_stride, n, a.width, a.length, false, kNone}, 0, 1);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < a.width; j++)
        out[i * a.out_stride + j] *= inverse[i];
  }
}

// --- rows

ALWAYS float sum_of(const float *x, int64_t n) {
  Vec sum = {};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    sum += load(x + i);
  float rest = 0;
  for (; i < n; i++)
    rest += x[i];
  return total(sum) + rest;
}

ALWAYS float squares_of(const float *x, float mean, int64_t n) {
  Vec sum = {};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const Vec d = load(x + i) - mean;
    sum += d * d;
  }
  float rest = 0;
  for (; i < n; i++)
    rest += (x[i] - mean) * (x[i] - mean);
  return total(sum) + rest;
}

void layer_norm(const float *x, const float *weight, const float *bias, float eps, int64_t n, float *out) {
  const float mean = sum_of(x, n) / n;
  const float factor = 1 / __builtin_sqrtf(squares_of(x, mean, n) / n + eps);
  for (int64_t i = 0; i < n; i++)
    out[i] = (x[i] - mean) * factor * weight[i] + bias[i];
}

void sum(const float *a, const float *b, int64_t n, float *out) {
  for (int64_t i = 0; i < n; i++)
    out[i] = a[i] + b[i];
}

void quantize(const float *x, int64_t n, int levels, uint8_t *out, float *scale, int32_t *zero) {
  Vec lows = {}, highs = {}; // zero is always in the range, so that padding and relu's zeros are exact
  int64_t whole = n / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES)
    lows = least(lows, load(x + i)), highs = most(highs, load(x + i));
  float low = 0, high = 0;
  for (int i = 0; i < LANES; i++)
    low = lows[i] < low ? lows[i] : low, high = highs[i] > high ? highs[i] : high;
  for (int64_t i = whole; i < n; i++)
    low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high;
  const float step = high > low ? (high - low) / levels : 1;
  const float magic = 12582912.0f; // rounds to whole numbers
  const float origin = (-low / step + magic) - magic, inverse = 1 / step;
  for (int64_t i = 0; i < n; i++) {
    float q = (x[i] * inverse + magic) - magic + origin;
    q = q < 0 ? 0 : q > levels ? levels : q;
    out[i] = static_cast<uint8_t>(static_cast<int32_t>(q));
  }
  *scale = step;
  *zero = static_cast<int32_t>(origin);
}

void dequantize(const int32_t *sums, const ByteProduct &p, int64_t row) {
  float *out = p.to.out + row * p.to.ldc;
  const float scale = p.scale[row];
  const int32_t zero = p.zero[row];
  const int64_t whole = p.to.n / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    const Ints exact = *reinterpret_cast<const LooseInts *>(sums + i) - zero * *reinterpret_cast<const LooseInts *>(p.b_sum + i);
    Vec x = __builtin_convertvector(exact, Vec) * (load(p.b_scale + i) * scale) + load(p.to.bias + i);
    store(out + i, p.to.add ? x + load(out + i) : activate(x, p.to.activation));
  }
  for (int64_t i = whole; i < p.to.n; i++) {
    const float x = static_cast<float>(sums[i] - zero * p.b_sum[i]) * (p.b_scale[i] * scale) + p.to.bias[i];
    out[i] = p.to.add ? x + out[i] : activate(all(x), p.to.activation)[0];
  }
}

void to_bf16(const float *x, int64_t n, uint16_t *out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, 4);
    out[i] = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}
