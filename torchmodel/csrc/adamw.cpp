#include "guard.h"
#include "lazyrows.h"
#include "parallel.h"
#include "pii_torch.h"
#include <algorithm>
#include <c10/core/GradMode.h>
#include <cmath>
#include <map>
#include <stdexcept>
#include <torch/version.h>
#include <vector>

namespace {

using namespace pii;

using Settings = pii_torch_adamw;

// What one step needs of a parameter.
struct Entry {
  at::Tensor param, grad, exp_avg, exp_avg_sq;
  double weight_decay;
};

// A run of elements of one entry. The cut does not depend on the number of threads, so neither do the sums.
struct Block {
  const Entry *entry;
  int64_t start, length;
};

bool is_plain(const at::Tensor &t) {
  return t.device().is_cpu() && t.layout() == at::kStrided && t.scalar_type() == at::kFloat && t.is_contiguous();
}

bool is_plain(const Entry &e) {
  return is_plain(e.param) && is_plain(e.grad) && is_plain(e.exp_avg) && is_plain(e.exp_avg_sq);
}

std::vector<Block> blocks_of(const std::vector<Entry> &entries) {
  std::vector<Block> blocks;
  for (const Entry &e : entries)
    for (int64_t start = 0; start < e.param.numel(); start += block_length)
      blocks.push_back({&e, start, std::min(block_length, e.param.numel() - start)});
  return blocks;
}

double sum_of_squares(const float *g, int64_t n) {
  double total = 0;
  for (int64_t start = 0; start < n; start += squares_run)
    add_squares(g + start, std::min(squares_run, n - start), total);
  return total;
}

// total is what comes before.
double plain_sum_of_squares(const std::vector<Block> &blocks, double total) {
  std::vector<double> sums(blocks.size());
  in_parallel(blocks.size(), [&](int64_t i) {
    sums[i] = sum_of_squares(blocks[i].entry->grad.data_ptr<float>() + blocks[i].start, blocks[i].length);
  });
  for (double sum : sums)
    total += sum;
  return total;
}

Factors factors_of(const Settings &s, double grad_factor, double weight_decay) {
  Factors f;
  f.grad = grad_factor;
  f.keep = 1 - s.lr * weight_decay;
  f.beta1 = s.beta1;
  f.beta2 = s.beta2;
  f.step_size = s.lr / (1 - std::pow(s.beta1, s.step));
  f.root_correction = std::sqrt(1 - std::pow(s.beta2, s.step));
  f.eps = s.eps;
  return f;
}

void plain_update(const std::vector<Block> &blocks, const Settings &s, double grad_factor) {
  in_parallel(blocks.size(), [&](int64_t i) {
    const Entry &e = *blocks[i].entry;
    const int64_t start = blocks[i].start;
    adamw_update(e.param.data_ptr<float>() + start, e.grad.data_ptr<float>() + start, e.exp_avg.data_ptr<float>() + start,
                 e.exp_avg_sq.data_ptr<float>() + start, blocks[i].length, factors_of(s, grad_factor, e.weight_decay));
  });
}

std::vector<at::Tensor> column(const std::vector<Entry> &entries, at::Tensor Entry::*member) {
  std::vector<at::Tensor> list;
  for (const Entry &e : entries)
    list.push_back(e.*member);
  return list;
}

// The sum of the squares of all gradients, a scalar (float64) on their device. There is one gradient at least.
at::Tensor sum_on_device(const std::vector<Entry> &entries) {
  return at::stack(at::_foreach_norm(column(entries, &Entry::grad), 2)).to(at::kDouble).square().sum();
}

double general_sum_of_squares(const std::vector<Entry> &entries) {
  return entries.empty() ? 0 : sum_on_device(entries).item<double>();
}

void general_update(const std::vector<Entry> &entries, const Settings &s, double grad_factor) {
  if (entries.empty())
    return;
  auto params = column(entries, &Entry::param), m = column(entries, &Entry::exp_avg), v = column(entries, &Entry::exp_avg_sq);
  auto grads = at::_foreach_mul(column(entries, &Entry::grad), grad_factor);
  for (size_t i = 0; i < entries.size(); i++)
    if (entries[i].weight_decay != 0)
      params[i].mul_(1 - s.lr * entries[i].weight_decay);
  at::_foreach_mul_(m, s.beta1);
  at::_foreach_add_(m, grads, 1 - s.beta1);
  at::_foreach_mul_(v, s.beta2);
  at::_foreach_addcmul_(v, grads, grads, 1 - s.beta2);
  auto denominators = at::_foreach_sqrt(v);
  at::_foreach_div_(denominators, std::sqrt(1 - std::pow(s.beta2, s.step)));
  at::_foreach_add_(denominators, s.eps);
  at::_foreach_addcdiv_(params, m, denominators, -s.lr / (1 - std::pow(s.beta1, s.step)));
}

const at::Tensor &tensor_at(void **list, int i, const char *what) {
  auto *tensor = static_cast<at::Tensor *>(list[i]);
  if (tensor == nullptr || !tensor->defined())
    throw std::invalid_argument(std::string(what) + " " + std::to_string(i) + " is not defined");
  return *tensor;
}

// Gathers the entries with a gradient; shapes and devices must agree.
std::vector<Entry> gather(void **params, void **exp_avg, void **exp_avg_sq, const double *weight_decay, int n) {
  std::vector<Entry> entries;
  for (int i = 0; i < n; i++) {
    Entry e{tensor_at(params, i, "parameter"), {}, tensor_at(exp_avg, i, "first moment"), tensor_at(exp_avg_sq, i, "second moment"),
            weight_decay[i]};
    e.grad = e.param.grad();
    if (!e.grad.defined())
      continue;
    for (const at::Tensor &t : {e.grad, e.exp_avg, e.exp_avg_sq})
      if (t.sizes() != e.param.sizes() || t.device() != e.param.device())
        throw std::invalid_argument("parameter " + std::to_string(i) + ": its gradient and moments differ from it in shape or device");
    e.grad = e.grad.to(e.param.scalar_type());
    if (e.param.is_contiguous())
      e.grad = e.grad.contiguous();
    entries.push_back(e);
  }
  return entries;
}

// lazy may be null. Gradients are divided by scale first. Returns their norm after that.
double step_of(std::vector<Entry> entries, LazyRows *lazy, const Settings &s, double scale) {
  auto middle = std::stable_partition(entries.begin(), entries.end(), [](const Entry &e) { return is_plain(e); });
  const std::vector<Entry> plain(entries.begin(), middle), general(middle, entries.end());
  const std::vector<Block> blocks = blocks_of(plain);
  const double lazy_sum = lazy == nullptr ? 0 : lazy->sum_of_squares();
  const double norm = std::sqrt(plain_sum_of_squares(blocks, lazy_sum) + general_sum_of_squares(general)) / scale;
  if (!std::isfinite(norm))
    return norm;
  double factor = 1 / scale;
  if (s.max_grad_norm > 0)
    factor *= std::min(1.0, s.max_grad_norm / (norm + 1e-6));
  plain_update(blocks, s, factor);
  if (lazy != nullptr)
    lazy->step(factors_of(s, factor, lazy->weight_decay()));
  general_update(general, s, factor);
  for (const Entry &e : plain) // written to behind autograd's back
    for (const at::Tensor &t : {e.param, e.exp_avg, e.exp_avg_sq})
      t.unsafeGetTensorImpl()->bump_version();
  return norm;
}

// Whether libtorch has AdamW as one operator for a device: for CUDA from 2.0 on, for the CPU from 2.4 on.
bool has_fused(const at::Device &device) {
  constexpr int version = TORCH_VERSION_MAJOR * 100 + TORCH_VERSION_MINOR;
  return version >= (device.is_cuda() ? 200 : 204);
}

// Updates by libtorch's own operator: gradients are divided by divisor, and nothing changes where skip is 1; these and the number of
// the step are scalars (float32) on the device. The operator takes one weight decay at a time.
void fused_update(const std::vector<Entry> &entries, const Settings &s, const at::Tensor &step, const at::Tensor &divisor,
                  const at::Tensor &skip) {
#if TORCH_VERSION_MAJOR >= 2
  std::map<double, std::vector<Entry>> by_decay;
  for (const Entry &e : entries)
    by_decay[e.weight_decay].push_back(e);
  for (const auto &[decay, same] : by_decay)
    at::_fused_adamw_(column(same, &Entry::param), column(same, &Entry::grad), column(same, &Entry::exp_avg),
                      column(same, &Entry::exp_avg_sq), {}, std::vector<at::Tensor>(same.size(), step), s.lr, s.beta1, s.beta2, decay,
                      s.eps, /*amsgrad=*/false, /*maximize=*/false, divisor, skip);
#endif
}

// What a loss is multiplied by, on its device, as pii_torch_adamw_step_on_device has it; where it has none, the loss is as it is.
class LossScale {
  at::Tensor numbers; // (3) float32

  at::Tensor number(int64_t i) const { return numbers.select(0, i); } // a view

public:
  // scale may be null.
  explicit LossScale(void *scale) {
    if (scale == nullptr)
      return;
    numbers = tensor_at(&scale, 0, "loss scale");
    if (numbers.dim() != 1 || numbers.size(0) != 3 || numbers.scalar_type() != at::kFloat)
      throw std::invalid_argument("the scale of the loss is not three float32");
  }

  // A copy of the factor, of the type and on the device of like, a scalar.
  at::Tensor factor(const at::Tensor &like) const {
    return numbers.defined() ? number(0).to(like.options(), /*non_blocking=*/false, /*copy=*/true) : at::ones_like(like);
  }

  // The number that AdamW gives to the caller's step of this number, a scalar (float32): it does not count what was left out.
  at::Tensor step(double step, const at::Device &device) const {
    const at::Tensor all = at::full({}, step, at::TensorOptions(at::kFloat).device(device));
    return numbers.defined() ? all - number(2) : all;
  }

  // Goes on to the next step after one that was left out where skip, a scalar (float32), is 1, and taken where it is 0.
  void adjust(const at::Tensor &skip) const {
    if (!numbers.defined())
      return;
    constexpr double shrink = 0.5, good_until_growth = 2000, least = 1, largest = 0x1p127; // the last power of two of float32
    at::Tensor factor = number(0), good = number(1), left_out = number(2);
    left_out.add_(skip);
    good.add_(1).mul_(at::rsub(skip, 1));
    const at::Tensor grow = good.ge(good_until_growth).to(at::kFloat);
    factor.mul_((grow - skip * shrink).add_(1)).clamp_(least, largest);
    good.mul_(at::rsub(grow, 1));
  }
};

// By what gradients are divided to be unscaled and clipped, a scalar (float32); norm, of the unscaled ones, and scale are float64.
at::Tensor divisor_of(const at::Tensor &norm, const at::Tensor &scale, const Settings &s) {
  if (s.max_grad_norm <= 0)
    return scale.to(at::kFloat);
  return (norm + 1e-6).div_(s.max_grad_norm).clamp_min_(1).mul_(scale).to(at::kFloat);
}

// A step for which the host reads the norm, and where there is a scale, that too. Returns the norm, as loss is.
at::Tensor waiting_step(const std::vector<Entry> &entries, Settings s, const at::Tensor &loss, const LossScale &scale) {
  s.step = scale.step(s.step, loss.device()).item<double>();
  return at::full_like(loss, step_of(entries, nullptr, s, scale.factor(loss).item<double>()));
}

// A step that the host does not wait for, where libtorch has the operator for it. loss is a scalar (float64). Returns loss, norm and
// the factor that the loss had.
at::Tensor step_on_device(const std::vector<Entry> &entries, const Settings &s, const at::Tensor &loss, const LossScale &scale) {
  const at::Tensor factor = scale.factor(loss);
  const bool waits = entries.empty() || !has_fused(loss.device());
  const at::Tensor norm = waits ? waiting_step(entries, s, loss, scale) : sum_on_device(entries).sqrt_().div_(factor);
  const at::Tensor skip = norm.isfinite().logical_not_().to(at::kFloat);
  if (!waits)
    fused_update(entries, s, scale.step(s.step, loss.device()), divisor_of(norm, factor, s), skip);
  scale.adjust(skip);
  return at::stack({loss, norm, factor});
}

// The sum of n scalars.
at::Tensor sum_of(void **scalars, int n) {
  std::vector<at::Tensor> list;
  for (int i = 0; i < n; i++)
    list.push_back(tensor_at(scalars, i, "loss").detach());
  return at::stack(list).to(at::kDouble).sum();
}

void reset_gradients(void **params, int n) {
  for (int i = 0; i < n; i++)
    static_cast<at::Tensor *>(params[i])->mutable_grad().reset();
}

void check(int n, const Settings &s) {
  auto in_unit = [](double beta) { return beta >= 0 && beta < 1; };
  if (n < 0 || !(s.step >= 1) || !in_unit(s.beta1) || !in_unit(s.beta2) || !(s.eps >= 0))
    throw std::invalid_argument("AdamW needs step >= 1, 0 <= beta < 1 and eps >= 0");
}

} // namespace

char *pii_torch_adamw_step(void **params, void **exp_avg, void **exp_avg_sq, const double *weight_decay, int n,
                           const pii_torch_adamw *settings, void *lazy_rows, double *out_grad_norm) {
  return guarded_torch([&] {
    check(n, *settings);
    c10::NoGradGuard no_grad;
    *out_grad_norm =
        step_of(gather(params, exp_avg, exp_avg_sq, weight_decay, n), static_cast<LazyRows *>(lazy_rows), *settings, /*scale=*/1);
    reset_gradients(params, n);
  });
}

char *pii_torch_adamw_step_on_device(void **params, void **exp_avg, void **exp_avg_sq, const double *weight_decay, int n,
                                     const pii_torch_adamw *settings, void **losses, int parts, double weight, void *scale,
                                     void **result) {
  return guarded_torch([&] {
    check(n, *settings);
    c10::NoGradGuard no_grad;
    const at::Tensor loss = sum_of(losses, parts).div_(weight);
    const std::vector<Entry> entries = gather(params, exp_avg, exp_avg_sq, weight_decay, n);
    *result = new at::Tensor(step_on_device(entries, *settings, loss, LossScale(scale)).to(at::kFloat));
    reset_gradients(params, n);
  });
}
