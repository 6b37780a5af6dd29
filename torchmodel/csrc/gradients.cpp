// Gradients that several threads computed, of copies of the same parameters.
#include "guard.h"
#include "parallel.h"
#include "pii_torch.h"
#include <ATen/ATen.h>
#include <algorithm>
#include <c10/core/GradMode.h>
#include <vector>

namespace {

bool is_plain(const at::Tensor &t) {
  return t.device().is_cpu() && t.layout() == at::kStrided && t.scalar_type() == at::kFloat && t.is_contiguous();
}

// A run of elements of one parameter's gradient and the same of its copies' gradients.
struct Block {
  float *sum;
  std::vector<const float *> more;
  int64_t length;
};

void add_block(const Block &b) {
  for (const float *from : b.more) {
    float *__restrict to = b.sum;
    for (int64_t i = 0; i < b.length; i++)
      to[i] += from[i];
  }
}

void append_blocks(std::vector<Block> &blocks, const at::Tensor &sum, const std::vector<at::Tensor> &more) {
  constexpr int64_t length = 1 << 14; // of one sum and one more, the first cache holds most
  for (int64_t start = 0; start < sum.numel(); start += length) {
    Block b{sum.data_ptr<float>() + start, {}, std::min(length, sum.numel() - start)};
    for (const at::Tensor &t : more)
      b.more.push_back(t.data_ptr<float>() + start);
    blocks.push_back(std::move(b));
  }
}

at::Tensor &at_index(void **list, int i) { return *static_cast<at::Tensor *>(list[i]); }

// Takes the gradients of parameter i's copies, in order, and leaves them undefined.
std::vector<at::Tensor> take(void **copies, int n, int copies_each, int i) {
  std::vector<at::Tensor> taken;
  for (int c = 0; c < copies_each; c++) {
    at::Tensor &grad = at_index(copies, c * n + i).mutable_grad();
    if (grad.defined())
      taken.push_back(std::move(grad));
    grad.reset();
  }
  return taken;
}

} // namespace

char *pii_torch_add_gradients(void **params, void **copies, int n, int copies_each) {
  return guarded_torch([&] {
    c10::NoGradGuard no_grad;
    std::vector<Block> blocks;
    std::vector<at::Tensor> held; // the gradients that blocks point into
    for (int i = 0; i < n; i++) {
      std::vector<at::Tensor> more = take(copies, n, copies_each, i);
      at::Tensor &sum = at_index(params, i).mutable_grad();
      if (!sum.defined() && !more.empty()) {
        sum = more.front();
        more.erase(more.begin());
      }
      if (more.empty())
        continue;
      if (is_plain(sum) && std::all_of(more.begin(), more.end(), [&](const at::Tensor &t) { return is_plain(t) && t.sizes() == sum.sizes(); }))
        append_blocks(blocks, sum, more);
      else
        for (const at::Tensor &t : more)
          sum.add_(t);
      held.insert(held.end(), more.begin(), more.end());
    }
    pii::in_parallel(blocks.size(), [&](int64_t i) {
      add_block(blocks[i]);
    });
  });
}

char *pii_torch_clear_gradients(void **params, int n) {
  return guarded_torch([&] {
    for (int i = 0; i < n; i++)
      at_index(params, i).mutable_grad().reset();
  });
}
