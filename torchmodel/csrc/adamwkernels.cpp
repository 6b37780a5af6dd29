// Eager and made up steps must round alike, whatever instructions a processor has: no product and sum becomes one instruction.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif
#include "adamwkernels.h"
#include "processor.h"
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#define ALWAYS_INLINE inline __attribute__((always_inline))

namespace pii {
namespace {

ALWAYS_INLINE void advance(float &p, float grad, float &m, float &v, const Factors &f) {
  const float g = grad * f.grad;
  m = f.beta1 * m + (1 - f.beta1) * g;
  v = f.beta2 * v + (1 - f.beta2) * g * g;
  p = f.keep * p - f.step_size * m / (std::sqrt(v) / f.root_correction + f.eps);
}

// What bounds all of some steps.
struct Bounds {
  float keep;            // no element of p becomes smaller than by this factor
  float shrink;          // no element of v does
  float step_size, root; // the greatest
  float eps;
  bool zero_stays; // where m is 0, p is only multiplied
};

Bounds bounds_of(const Factors *steps, int64_t count) {
  double keep = 0.9, step_size = 0, root = 0; // 0.9 leaves room for what the products round
  bool positive = steps[0].eps > 0;
  for (int64_t i = 0; i < count; i++) {
    keep *= std::min(1.0f, std::abs(steps[i].keep));
    step_size = std::max<double>(step_size, std::abs(steps[i].step_size));
    root = std::max<double>(root, steps[i].root_correction);
    positive = positive && steps[i].step_size >= 0;
  }
  const double shrink = 0.9 * std::pow(double(steps[0].beta2), double(count));
  return {float(keep), float(shrink), float(step_size), float(root), steps[0].eps, positive};
}

// Whether no step changes an element of p but by its factor keep: what is subtracted stays below a quarter of the distance to the
// next float32. |m| never grows, v is normal as long as the bound below is, and FLT_MIN is more than what small numbers round off.
ALWAYS_INLINE bool only_multiplied(const float *p, const float *m, const float *v, int64_t n, const Bounds &b) {
  int32_t others = 0;
  for (int64_t i = 0; i < n; i++) {
    const float least = v[i] * b.shrink;
    const float denominator = (least >= FLT_MIN ? std::sqrt(least) / b.root : 0.0f) + b.eps;
    const float size = std::abs(p[i]) * b.keep;
    const bool small = (size >= FLT_MIN) & (size * 0x1p-27f * denominator > b.step_size * std::abs(m[i]) + FLT_MIN);
    others += !(((m[i] == 0) & b.zero_stays) | small);
  }
  return others == 0;
}

constexpr int64_t piece = 64; // elements whose p, m and v are made up together, in the first cache

bool is_zero(const float *x, int64_t n) {
  static const float zeros[piece] = {0};
  return std::memcmp(x, zeros, n * sizeof(float)) == 0;
}

ALWAYS_INLINE void multiply(float *__restrict p, float *__restrict m, float *__restrict v, int64_t n, const Factors *steps, int64_t count) {
  if (!is_zero(m, n) || !is_zero(v, n))
    for (int64_t at = 0; at < count; at++)
      for (int64_t i = 0; i < n; i++) {
        m[i] = steps[at].beta1 * m[i] + 0.0f;
        v[i] = steps[at].beta2 * v[i] + 0.0f;
      }
  for (int64_t at = 0; at < count; at++)
    if (steps[at].keep != 1)
      for (int64_t i = 0; i < n; i++)
        p[i] = steps[at].keep * p[i];
}

ALWAYS_INLINE void make_up_piece(float *__restrict p, float *__restrict m, float *__restrict v, int64_t n, const Factors *steps,
                                 int64_t count, const Bounds &bounds) {
  constexpr int64_t between_looks = 16;
  for (int64_t at = 0; at < count;) {
    if (only_multiplied(p, m, v, n, bounds))
      return multiply(p, m, v, n, steps + at, count - at);
    for (const int64_t end = std::min(count, at + between_looks); at < end; at++) {
      const Factors f = steps[at];
      for (int64_t i = 0; i < n; i++)
        advance(p[i], 0, m[i], v[i], f);
    }
  }
}

} // namespace

FOR_EACH_PROCESSOR
void adamw_update(float *__restrict p, const float *__restrict grad, float *__restrict m, float *__restrict v, int64_t n,
                  const Factors &factors) {
  const Factors f = factors;
  for (int64_t i = 0; i < n; i++)
    advance(p[i], grad[i], m[i], v[i], f);
}

FOR_EACH_PROCESSOR
void adamw_make_up(float *__restrict p, float *__restrict m, float *__restrict v, int64_t n, const Factors *steps, int64_t count) {
  if (count == 0)
    return;
  const Bounds bounds = bounds_of(steps, count);
  for (int64_t start = 0; start < n; start += piece)
    make_up_piece(p + start, m + start, v + start, std::min(piece, n - start), steps, count, bounds);
}

FOR_EACH_PROCESSOR
void add_squares(const float *g, int64_t n, double &total) {
  constexpr int64_t lanes = 16;
  float sums[lanes] = {0};
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (int64_t lane = 0; lane < lanes; lane++)
      sums[lane] += g[i + lane] * g[i + lane];
  for (; i < n; i++)
    sums[0] += g[i] * g[i];
  for (float sum : sums)
    total += sum;
}

} // namespace pii
