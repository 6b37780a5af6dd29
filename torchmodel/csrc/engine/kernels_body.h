// The bodies of the loops, included by kernels_*.cpp within a namespace of their own, after these are defined: LANES (floats in a
// register), FLOAT_TILES (UP_TO_n, where the sums of a tile of n rows fit in registers), and where there are such instructions DOT_BYTES
// and BYTE_TILES, DOT_HALVES and HALF_TILES. Nothing of the standard library is used here: its inline functions would be compiled for
// this instruction set and might be linked into code for any.

#define UP_TO_4(tile) tile<1>, tile<2>, tile<3>, tile<4>
#define UP_TO_6(tile) UP_TO_4(tile), tile<5>, tile<6>
#define UP_TO_14(tile) UP_TO_6(tile), tile<7>, tile<8>, tile<9>, tile<10>, tile<11>, tile<12>, tile<13>, tile<14>
constexpr int64_t kMostRows = 14;

typedef float Vec __attribute__((vector_size(LANES * 4)));
typedef int32_t Ints __attribute__((vector_size(LANES * 4)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));
typedef float LooseVec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t LooseInts __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

#define INLINE inline __attribute__((always_inline))
#define ALWAYS static INLINE

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

// Where the weights lie that come after a tile's own, and how many bytes of them to fetch with each step in k. With few rows a product
// would wait for memory at the first tile of each panel and compute at the others; so it does both all along.
struct Ahead {
  const char *at;
  int64_t step;
};

constexpr int64_t kLine = 64;

ALWAYS void fetch(Ahead &ahead) {
  __builtin_prefetch(ahead.at, 0, 3);
  if (4 * kPanel > kLine)
    __builtin_prefetch(ahead.at + kLine, 0, 3);
  ahead.at += ahead.step;
}

// A column of up to 15 rows of a matrix, by a pointer to each third row: others are addressed by it and the stride. With a pointer to each
// row there are more of them than registers.
template <typename T> class Column {
public:
  INLINE Column(const T *a, int64_t stride)
      : a_(a), b_(a + 3 * stride), c_(a + 6 * stride), d_(a + 9 * stride), e_(a + 12 * stride), stride_(stride) {}

  INLINE const T *operator[](int r) const {
    const T *at = r < 3 ? a_ : r < 6 ? b_ : r < 9 ? c_ : r < 12 ? d_ : e_;
    return at + r % 3 * stride_;
  }

  INLINE void advance(int64_t n) {
    a_ += n, b_ += n, c_ += n, d_ += n, e_ += n;
    asm("" : "+r"(a_)); // so that the compiler makes no more pointers of these
    asm("" : "+r"(b_));
    asm("" : "+r"(c_));
    asm("" : "+r"(d_));
    asm("" : "+r"(e_));
  }

private:
  const T *a_, *b_, *c_, *d_, *e_;
  int64_t stride_;
};

// c += a · b for R rows of a and a panel b (k, panel).
template <int R> ALWAYS void multiply(const float *a, int64_t lda, const float *b, int64_t k, Ahead ahead, Vec (&c)[R][2]) {
  Column<float> column(a, lda);
  for (int64_t i = 0; i < k; i++, b += kPanel, column.advance(1)) {
    fetch(ahead);
    const Vec left = load(b), right = load(b + LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const Vec x = all(*column[r]);
      c[r][0] += x * left;
      c[r][1] += x * right;
    }
  }
}

// Writes the sums (rows, panel) of a tile to out: added to what is there, and at last with bias and activation.
void finish(const Product &p, const float *sums, int64_t rows, float *out, int64_t ldc, int64_t column, bool add, bool last) {
  for (int64_t i = 0; i < rows * 2; i++) {
    const int64_t at = i % 2 * LANES;
    float *to = out + i / 2 * ldc + at;
    Vec x = load(sums + i * LANES);
    if (add)
      x += load(to);
    if (last && p.bias)
      x += load(p.bias + column + at);
    store(to, last ? activate(x, p.activation) : x);
  }
}

// finish for a panel whose last columns do not exist.
void finish_edge(const Product &p, const float *sums, int64_t rows, float *out, int64_t column, bool add, bool last) {
  float whole[kMostRows * kPanel] = {};
  const int64_t width = p.n - column;
  for (int64_t i = 0; add && i < rows * width; i++)
    whole[i / width * kPanel + i % width] = out[i / width * p.ldc + i % width];
  finish(p, sums, rows, whole, kPanel, column, add, last);
  for (int64_t i = 0; i < rows * width; i++)
    out[i / width * p.ldc + i % width] = whole[i / width * kPanel + i % width];
}

template <int R> ALWAYS void write(const Product &p, const Vec (&c)[R][2], int64_t row, int64_t panel, bool add, bool last) {
  alignas(LANES * 4) float sums[R * kPanel];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    store(sums + r * kPanel, c[r][0]);
    store(sums + r * kPanel + LANES, c[r][1]);
  }
  const int64_t column = panel * kPanel;
  float *out = p.out + row * p.ldc + column;
  if (column + kPanel <= p.n)
    finish(p, sums, R, out, p.ldc, column, add, last);
  else
    finish_edge(p, sums, R, out, column, add, last);
}

// A part of a product: rows from `row` on times a panel, k from `from` to `to`.
struct Tile {
  int64_t row, panel, from, to;
  Ahead ahead;
};

template <int R> void float_tile(const Product &p, const Tile &t) {
  Vec c[R][2] = {};
  multiply<R>(p.a + t.row * p.lda + t.from, p.lda, p.b + (t.panel * p.k + t.from) * kPanel, t.to - t.from, t.ahead, c);
  write<R>(p, c, t.row, t.panel, p.add || t.from > 0, t.to == p.k);
}

// Computes a tile of a product P. There is one for each number of rows, from 1 to as many as fit in registers.
template <typename P> using TileOf = void (*)(const P &, const Tile &);

constexpr TileOf<Product> kFloatTiles[] = {FLOAT_TILES(float_tile)};

// Bytes of a block of a: half a usual second-level cache, so that the panels of b can pass by.
constexpr int64_t kBlockBytes = 384 << 10;

// A product's measures: how deep in k it goes at once, so that what a panel and the next one have of it fit in the second-level cache;
// the bytes of an element of b; and how many neighbours in k lie side by side in it.
struct Shape {
  int64_t m, n, k, depth, element, group;
  const char *b;
};

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

// Runs tiles of nearly equal height over the rows from `first` to `last`: one of a single row costs as much time as one of three. How
// rows are cut does not change how a sum is formed. Meanwhile as many bytes as the tiles have of b are fetched from `next`.
template <typename P, int N>
void tiles(const P &p, const Shape &s, const TileOf<P> (&run)[N], int64_t first, int64_t last, Tile t, const char *next) {
  const int64_t count = (last - first + N - 1) / N, each = (t.to - t.from) * kPanel * s.element / count;
  t.row = first;
  for (int64_t left = count; left > 0; left--, next += each) {
    const int64_t rows = (last - t.row + left - 1) / left;
    t.ahead = {next, each * s.group / (t.to - t.from)};
    run[rows - 1](p, t);
    t.row += rows;
  }
}

// Share number `part` of `parts` of a product, whose tiles of 1, 2, … rows are run[0], run[1], ….
template <typename P, int N>
void divided(const P &p, const Shape &s, const TileOf<P> (&run)[N], int64_t part, int64_t parts) {
  const int64_t panels = (s.n + kPanel - 1) / kPanel, fitting = kBlockBytes / s.element / s.depth / N * N;
  const int64_t height = fitting > 0 ? fitting : N, blocks = (s.m + height - 1) / height; // of at most this height, and nearly equal
  const auto weights = [&](int64_t panel, int64_t from) { return s.b + (panel * s.k + from) * kPanel * s.element; };
  share(blocks, panels, part, parts, [&](int64_t block, int64_t first, int64_t last) {
    for (int64_t from = 0; from < s.k; from += s.depth)
      for (int64_t panel = first; panel < last; panel++) {
        const int64_t below = from + s.depth < s.k ? from + s.depth : from;
        const char *next = panel + 1 < last ? weights(panel + 1, from) : weights(first, below);
        tiles(p, s, run, s.m * block / blocks, s.m * (block + 1) / blocks, {0, panel, from, least(s.k, from + s.depth), {}}, next);
      }
  });
}

void product(const Product &p, int64_t part, int64_t parts) {
  divided(p, {p.m, p.n, p.k, least(p.k, 1024), 4, 1, reinterpret_cast<const char *>(p.b)}, kFloatTiles, part, parts);
}

#ifdef DOT_BYTES // (sums, four unsigned bytes of a, signed ones of b): adds the products of each four
// c += a · b in bytes, b in panels (k/4, panel, 4).
template <int R> ALWAYS void multiply_bytes(const uint8_t *a, int64_t lda, const int8_t *b, int64_t k, Ahead ahead, Ints (&c)[R][2]) {
  Column<uint8_t> column(a, lda);
  for (int64_t i = 0; i < k; i += 4, b += 4 * kPanel, column.advance(4)) {
    fetch(ahead);
    const Ints left = *reinterpret_cast<const LooseInts *>(b), right = *reinterpret_cast<const LooseInts *>(b + 4 * LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      int32_t four;
      __builtin_memcpy(&four, column[r], 4);
      const Ints x = four - Ints{};
      c[r][0] = DOT_BYTES(c[r][0], x, left);
      c[r][1] = DOT_BYTES(c[r][1], x, right);
    }
  }
}

template <int R> void byte_tile(const ByteProduct &p, const Tile &t) {
  Ints exact[R][2] = {};
  multiply_bytes<R>(p.a + t.row * p.lda, p.lda, p.b + t.panel * p.to.k * kPanel, p.to.k, t.ahead, exact);
  Vec c[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 2
    for (int half = 0; half < 2; half++) {
      const int64_t column = t.panel * kPanel + half * LANES;
      const Ints sums = exact[r][half] - p.zero[t.row + r] * *reinterpret_cast<const LooseInts *>(p.b_sum + column);
      c[r][half] = __builtin_convertvector(sums, Vec) * (load(p.b_scale + column) * p.scale[t.row + r]);
    }
  write<R>(p.to, c, t.row, t.panel, p.to.add, true);
}

constexpr TileOf<ByteProduct> kByteTiles[] = {BYTE_TILES(byte_tile)};

void byte_product(const ByteProduct &p, int64_t part, int64_t parts) {
  divided(p, {p.to.m, p.to.n, p.to.k, p.to.k, 1, 4, reinterpret_cast<const char *>(p.b)}, kByteTiles, part, parts);
}
#endif

#ifdef DOT_HALVES // (sums, pairs of bfloat16 of a, of b): adds the products of each pair
// c += a · b in bfloat16, b in panels (k/2, panel, 2).
template <int R> ALWAYS void multiply_halves(const uint16_t *a, int64_t lda, const uint16_t *b, int64_t k, Ahead ahead, Vec (&c)[R][2]) {
  Column<uint16_t> column(a, lda);
  for (int64_t i = 0; i < k; i += 2, b += 2 * kPanel, column.advance(2)) {
    fetch(ahead);
    const Ints left = *reinterpret_cast<const LooseInts *>(b), right = *reinterpret_cast<const LooseInts *>(b + 2 * LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      int32_t two;
      __builtin_memcpy(&two, column[r], 4);
      const Ints x = two - Ints{};
      c[r][0] = DOT_HALVES(c[r][0], x, left);
      c[r][1] = DOT_HALVES(c[r][1], x, right);
    }
  }
}

template <int R> void half_tile(const HalfProduct &p, const Tile &t) {
  Vec c[R][2] = {};
  multiply_halves<R>(p.a + t.row * p.lda + t.from, p.lda, p.b + (t.panel * p.to.k + t.from) * kPanel, t.to - t.from, t.ahead, c);
  write<R>(p.to, c, t.row, t.panel, p.to.add || t.from > 0, t.to == p.to.k);
}

constexpr TileOf<HalfProduct> kHalfTiles[] = {HALF_TILES(half_tile)};

void half_product(const HalfProduct &p, int64_t part, int64_t parts) {
  divided(p, {p.to.m, p.to.n, p.to.k, least(p.to.k, 2048), 2, 2, reinterpret_cast<const char *>(p.b)}, kHalfTiles, part, parts);
}
#endif

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

constexpr float kMagic = 12582912.0f; // 1.5 · 2^23: adding it rounds to whole numbers
constexpr float kTiny = 1e-30f;       // what is smaller rounds to zero: 1 / a step of it might be infinite

ALWAYS Vec rounded(Vec x, float inverse, float origin, int levels) {
  const Vec whole = (x * inverse + kMagic) - kMagic + origin;
  return least(most(whole, all(0)), all(static_cast<float>(levels)));
}

// The range of x (n) and zero, which is always in it, so that padding and relu's zeros are exact. Reports whether all are finite
// numbers: comparisons alone pass over what is none.
ALWAYS bool range_of(const float *x, int64_t n, float &low, float &high) {
  Vec lows = {}, highs = {}, faults = {};
  const int64_t whole = n / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    const Vec some = load(x + i);
    lows = least(lows, some), highs = most(highs, some), faults += some * 0.0f;
  }
  float fault = total(faults);
  low = high = 0;
  for (int i = 0; i < LANES; i++)
    low = lows[i] < low ? lows[i] : low, high = highs[i] > high ? highs[i] : high;
  for (int64_t i = whole; i < n; i++)
    low = x[i] < low ? x[i] : low, high = x[i] > high ? x[i] : high, fault += x[i] * 0.0f;
  return fault == 0;
}

void quantize(const float *x, int64_t n, int levels, uint8_t *out, float *scale, int32_t *zero) {
  float low, high;
  if (!range_of(x, n, low, high)) { // bytes cannot say so, but what comes of this scale does
    __builtin_memset(out, 0, n);
    *scale = __builtin_nanf("");
    *zero = 0;
    return;
  }
  const float step = high - low > kTiny ? (high - low) / levels : 1;
  const float origin = (-low / step + kMagic) - kMagic, inverse = 1 / step;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const Bytes whole = __builtin_convertvector(__builtin_convertvector(rounded(load(x + i), inverse, origin, levels), Ints), Bytes);
    __builtin_memcpy(out + i, &whole, LANES);
  }
  for (; i < n; i++)
    out[i] = static_cast<uint8_t>(rounded(all(x[i]), inverse, origin, levels)[0]);
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
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, none = bits >> 16 | 0x40;
    out[i] = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? none : rounded); // what is not a number would round to one
  }
}
