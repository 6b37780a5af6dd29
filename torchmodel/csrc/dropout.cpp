// Dropout on the CPU whose masks are functions of a key: threads share no generator, nothing is drawn in turn, and the
// backward pass draws the mask again instead of keeping it.
#include "guard.h"
#include "pii_torch.h"
#include "processor.h"
#include <ATen/Parallel.h>
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/types.h>

namespace {

// splitmix64 (Steele, Lea and Flood 2014, https://doi.org/10.1145/2714064.2660195).
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// Writes x times its mask to y. Element i draws hash(i) in [0, 2^31), and is dropped where that is below limit. The hash is
// lowbias32 (https://nullprogram.com/blog/2018/07/31/) with keys before its first and its second round. All is
// written so that the loop can be vectorised: a product in any case, and a comparison of signed numbers.
FOR_EACH_PROCESSOR
void mask(const float *__restrict x, float *__restrict y, int32_t n, uint64_t key, int32_t limit, float scale) {
  const uint32_t first = static_cast<uint32_t>(key), second = static_cast<uint32_t>(key >> 32);
  for (int32_t i = 0; i < n; i++) {
    uint32_t h = static_cast<uint32_t>(i) ^ first;
    h = (h ^ (h >> 16)) * 0x7feb352d;
    h = ((h ^ (h >> 15)) + second) * 0x846ca68b;
    h = h ^ (h >> 16);
    y[i] = x[i] * (static_cast<int32_t>(h >> 1) < limit ? 0.0f : scale);
  }
}

// The mask of each block has a key of its own, so that blocks can be drawn in any order.
at::Tensor masked(const at::Tensor &input, double p, uint64_t key) {
  constexpr int64_t length = 1 << 14;
  const at::Tensor x = input.contiguous();
  at::Tensor y = at::empty_like(x);
  const float *from = x.data_ptr<float>();
  float *to = y.data_ptr<float>();
  const int64_t n = x.numel();
  const auto limit = static_cast<int32_t>(std::lround(p * 2147483647.0));
  const auto scale = static_cast<float>(1 / (1 - p));
  at::parallel_for(0, (n + length - 1) / length, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block++) {
      const int64_t start = block * length;
      mask(from + start, to + start, static_cast<int32_t>(std::min(length, n - start)), mixed(key ^ mixed(block)), limit, scale);
    }
  });
  return y;
}

struct Dropout : torch::autograd::Function<Dropout> {
  static at::Tensor forward(torch::autograd::AutogradContext *context, const at::Tensor &x, double p, int64_t key) {
    context->saved_data["p"] = p;
    context->saved_data["key"] = key;
    return masked(x.to(at::kFloat), p, static_cast<uint64_t>(key)).to(x.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context, torch::autograd::variable_list grads) {
    const auto key = static_cast<uint64_t>(context->saved_data["key"].toInt());
    const at::Tensor grad = masked(grads[0].to(at::kFloat), context->saved_data["p"].toDouble(), key);
    return {grad.to(grads[0].scalar_type()), at::Tensor(), at::Tensor()};
  }
};

} // namespace

char *pii_torch_dropout(void *x, double p, uint64_t key, void **out) {
  return guarded_torch([&] {
    const at::Tensor &input = *static_cast<at::Tensor *>(x);
    if (!(p >= 0 && p < 1) || !input.device().is_cpu() || !input.is_floating_point())
      throw std::invalid_argument("dropout needs 0 <= p < 1 and numbers of floating point on the CPU");
    *out = new at::Tensor(Dropout::apply(input, p, static_cast<int64_t>(key)));
  });
}
