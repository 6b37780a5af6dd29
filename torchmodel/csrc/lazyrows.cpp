#include "guard.h"
#include "lazyrows.h"
#include "parallel.h"
#include "pii_torch.h"
#include <algorithm>
#include <stdexcept>

namespace pii {

LazyRows::LazyRows(at::Tensor p, at::Tensor m, at::Tensor v, double weight_decay, int64_t padding)
    : param(p), exp_avg(m), exp_avg_sq(v), decay(weight_decay), padding(padding) {
  for (const at::Tensor &t : {param, exp_avg, exp_avg_sq})
    if (!t.device().is_cpu() || t.scalar_type() != at::kFloat || t.dim() != 2 || !t.is_contiguous() || t.sizes() != param.sizes())
      throw std::invalid_argument("a table of embeddings and its moments must be of one shape (V, D), contiguous, float32 and on the CPU");
  width = param.size(1);
  done.assign(param.size(0), 0);
}

void LazyRows::make_up_row(int64_t row) {
  const int64_t at = row * width, from = done[row];
  adamw_make_up(param.data_ptr<float>() + at, exp_avg.data_ptr<float>() + at, exp_avg_sq.data_ptr<float>() + at, width,
                steps.data() + from, steps.size() - from);
  done[row] = steps.size();
}

void LazyRows::make_up(const int32_t *rows, int64_t n) {
  std::vector<int64_t> behind;
  for (int64_t i = 0; i < n; i++)
    if (done.at(rows[i]) < int64_t(steps.size()))
      behind.push_back(rows[i]);
  std::sort(behind.begin(), behind.end());
  behind.erase(std::unique(behind.begin(), behind.end()), behind.end());
  in_parallel(behind.size(), [&](int64_t i) {
    make_up_row(behind[i]);
  });
  written();
}

void LazyRows::make_up_all() {
  if (steps.empty())
    return;
  in_parallel(done.size(), [&](int64_t row) {
    make_up_row(row);
  });
  steps.clear();
  std::fill(done.begin(), done.end(), 0);
  written();
}

// Tells autograd of what was written behind its back.
void LazyRows::written() {
  for (const at::Tensor &t : {param, exp_avg, exp_avg_sq})
    t.unsafeGetTensorImpl()->bump_version();
}

// Sums in the order of the tokens, as libtorch's backward pass of an embedding does.
LazyRows::RowSums LazyRows::sum_by_row(const int64_t *ids, const float *grads, int64_t n) const {
  RowSums made;
  std::copy_if(ids, ids + n, std::back_inserter(made.rows), [&](int64_t id) { return id != padding; });
  std::sort(made.rows.begin(), made.rows.end());
  made.rows.erase(std::unique(made.rows.begin(), made.rows.end()), made.rows.end());
  made.values.assign(made.rows.size() * width, 0);
  for (int64_t token = 0; token < n; token++) {
    if (ids[token] == padding)
      continue;
    const int64_t place = std::lower_bound(made.rows.begin(), made.rows.end(), ids[token]) - made.rows.begin();
    float *sum = made.values.data() + place * width;
    for (int64_t i = 0; i < width; i++)
      sum[i] += grads[token * width + i];
  }
  return made;
}

void LazyRows::add(int64_t shard, const at::Tensor &ids, const at::Tensor &grads) {
  const at::Tensor plain = grads.contiguous();
  if (!ids.is_contiguous() || ids.scalar_type() != at::kLong || plain.scalar_type() != at::kFloat || plain.numel() != ids.numel() * width)
    throw std::invalid_argument("gradients of rows must be float32, as many as there are ids, and as wide as the table");
  RowSums made = sum_by_row(ids.data_ptr<int64_t>(), plain.data_ptr<float>(), ids.numel());
  if (!made.rows.empty() && (made.rows.front() < 0 || made.rows.back() >= int64_t(done.size())))
    throw std::invalid_argument("an id has no row in the table");
  const std::lock_guard<std::mutex> lock(adding);
  shards[shard] = std::move(made);
}

void LazyRows::forget_gradients() {
  shards.clear();
  sums = {};
}

// Adds up the shards in their order.
void LazyRows::merge() {
  for (const auto &shard : shards)
    sums.rows.insert(sums.rows.end(), shard.second.rows.begin(), shard.second.rows.end());
  std::sort(sums.rows.begin(), sums.rows.end());
  sums.rows.erase(std::unique(sums.rows.begin(), sums.rows.end()), sums.rows.end());
  sums.values.assign(sums.rows.size() * width, 0);
  for (const auto &shard : shards) {
    size_t place = 0;
    for (size_t r = 0; r < shard.second.rows.size(); r++) {
      while (sums.rows[place] != shard.second.rows[r])
        place++;
      for (int64_t i = 0; i < width; i++)
        sums.values[place * width + i] += shard.second.values[r * width + i];
    }
  }
  shards.clear();
}

// Runs without gradients are passed over, the others get their zeros back.
double LazyRows::sum_of_block(int64_t start, int64_t length) const {
  double total = 0;
  auto next = std::lower_bound(sums.rows.begin(), sums.rows.end(), start / width);
  std::vector<float> run(squares_run);
  for (int64_t from = start; from < start + length && next != sums.rows.end(); from += squares_run) {
    const int64_t to = std::min(start + length, from + squares_run);
    if (*next * width >= to)
      continue;
    std::fill(run.begin(), run.end(), 0);
    for (auto row = next; row != sums.rows.end() && *row * width < to; row++) {
      const int64_t first = std::max(from, *row * width), last = std::min(to, (*row + 1) * width);
      const float *values = sums.values.data() + (row - sums.rows.begin()) * width - *row * width;
      if (first < last)
        std::copy(values + first, values + last, run.begin() + (first - from));
      if ((*row + 1) * width <= to)
        next = row + 1;
    }
    add_squares(run.data(), to - from, total);
  }
  return total;
}

double LazyRows::sum_of_squares() {
  merge();
  double total = 0;
  for (int64_t start = 0; start < param.numel(); start += block_length)
    total += sum_of_block(start, std::min(block_length, param.numel() - start));
  return total;
}

void LazyRows::step(const Factors &factors) {
  steps.push_back(factors);
  for (size_t r = 0; r < sums.rows.size(); r++) {
    const int64_t row = sums.rows[r], at = row * width;
    adamw_update(param.data_ptr<float>() + at, sums.values.data() + r * width, exp_avg.data_ptr<float>() + at,
                 exp_avg_sq.data_ptr<float>() + at, width, factors);
    done[row] = steps.size();
  }
  forget_gradients();
  written();
}

} // namespace pii

char *pii_torch_lazy_rows_make(void *param, void *exp_avg, void *exp_avg_sq, double weight_decay, int64_t padding, void **rows) {
  return guarded_torch([&] {
    auto tensor = [](void *t) { return *static_cast<at::Tensor *>(t); };
    *rows = new pii::LazyRows(tensor(param), tensor(exp_avg), tensor(exp_avg_sq), weight_decay, padding);
  });
}

void pii_torch_lazy_rows_free(void *rows) { delete static_cast<pii::LazyRows *>(rows); }

char *pii_torch_lazy_rows_begin(void *rows, const int32_t *ids, int64_t n) {
  return guarded_torch([&] {
    auto *lazy = static_cast<pii::LazyRows *>(rows);
    lazy->forget_gradients();
    lazy->make_up(ids, n);
  });
}

char *pii_torch_lazy_rows_add(void *rows, int64_t shard, void *ids, void *picked) {
  return guarded_torch([&] {
    const at::Tensor grad = static_cast<at::Tensor *>(picked)->grad();
    if (grad.defined())
      static_cast<pii::LazyRows *>(rows)->add(shard, *static_cast<at::Tensor *>(ids), grad);
  });
}

char *pii_torch_lazy_rows_make_up_all(void *rows) {
  return guarded_torch([&] { static_cast<pii::LazyRows *>(rows)->make_up_all(); });
}
