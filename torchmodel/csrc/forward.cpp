#include "forward.h"
#include "guard.h"
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <algorithm>
#include <c10/core/InferenceMode.h>
#include <cmath>
#include <limits>
#include <torch/version.h>
#include <vector>

namespace {

struct Linear {
  at::Tensor weight, bias; // (out, in), (out); a layer norm has (D) twice
};

struct Layer {
  Linear qkv, out, attention_norm, lin1, lin2, output_norm;
};

at::ScalarType type_of(int precision) {
  switch (precision) {
  case PII_FORWARD_FP16:
    return at::kHalf;
  case PII_FORWARD_BF16:
    return at::kBFloat16;
  }
  return at::kFloat;
}

// Newer libtorches check each change against other ways of asking for the same, so only changes are told.
void allow_tf32(bool allow) {
  static int told = -1;
  if (told == allow)
    return;
  at::globalContext().setAllowTF32CuBLAS(allow);
  at::globalContext().setAllowTF32CuDNN(allow);
  told = allow;
}

// Lets float32 products of one call be in TF32.
class WithTF32 {
public:
  explicit WithTF32(bool allow) { allow_tf32(allow); }
  ~WithTF32() { allow_tf32(false); }
};

// Takes weights in the order of pii_engine_take.
class Reader {
public:
  Reader(void *const *weights, at::ScalarType type) : next_(weights), type_(type) {}
  at::Tensor take() { return static_cast<at::Tensor *>(*next_++)->detach().to(type_); }
  Linear linear() {
    at::Tensor weight = take();
    return {weight, take()};
  }
  Linear joined(int parts) {
    std::vector<at::Tensor> weights, biases;
    for (int i = 0; i < parts; i++) {
      weights.push_back(take());
      biases.push_back(take());
    }
    return {at::cat(weights), at::cat(biases)};
  }

private:
  void *const *next_;
  at::ScalarType type_;
};

at::Tensor linear(const at::Tensor &x, const Linear &l) { return at::linear(x, l.weight, l.bias); }

// q, k and v are (B, H, S, W); mask (B, 1, 1, S) is true on tokens and false on padding, or undefined where there is none.
// Scores are in float32, as in the fused kernels: rounded to bfloat16, large ones move logits by several percent.
at::Tensor attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask) {
#if TORCH_VERSION_MAJOR >= 2
  return mask.defined() ? at::scaled_dot_product_attention(q, k, v, mask) : at::scaled_dot_product_attention(q, k, v);
#else
  at::Tensor scores = at::matmul(q.to(at::kFloat), k.transpose(2, 3).to(at::kFloat)).mul_(1 / std::sqrt(static_cast<double>(q.size(3)))); // (B, H, S, S)
  if (mask.defined())
    scores.masked_fill_(mask.logical_not(), -std::numeric_limits<double>::infinity());
  return at::matmul(at::softmax(scores, 3, at::kFloat).to(v.scalar_type()), v);
#endif
}

struct Batch {
  const int32_t *ids, *starts;
  int64_t rows;
  int64_t length(int64_t row) const { return starts[row + 1] - starts[row]; }
  int64_t longest() const {
    int64_t most = 0;
    for (int64_t i = 0; i < rows; i++)
      most = std::max(most, length(i));
    return most;
  }
};

class Forward {
public:
  Forward(const pii_engine_shape &shape, void *const *weights, int precision) : shape_(shape), tf32_(precision == PII_FORWARD_TF32) {
    c10::InferenceMode guard;
    Reader from(weights, type_of(precision));
    words_ = from.take();
    positions_ = from.take();
    embeddings_norm_ = from.linear();
    for (int64_t i = 0; i < shape.layers; i++) {
      Layer l;
      l.qkv = from.joined(3);
      l.out = from.linear();
      l.attention_norm = from.linear();
      l.lin1 = from.linear();
      l.lin2 = from.linear();
      l.output_norm = from.linear();
      layers_.push_back(l);
    }
    classifier_ = from.linear();
  }

  void run(const Batch &batch, float *logits) const {
    c10::InferenceMode guard;
    const WithTF32 products(tf32_);
    const int64_t length = batch.longest(), classes = shape_.classes;
    const at::Tensor scores = forward(batch, length).to(at::kCPU, at::kFloat).contiguous(); // (B, S, K)
    const float *from = scores.data_ptr<float>();
    for (int64_t i = 0; i < batch.rows; i++, from += length * classes)
      std::copy(from, from + batch.length(i) * classes, logits + (batch.starts[i] - batch.starts[0]) * classes);
  }

private:
  at::Tensor forward(const Batch &batch, int64_t length) const {
    const at::Tensor sent = upload(batch, length);        // (B, S + 1) int32
    const at::Tensor ids = sent.narrow(1, 0, length);     // (B, S)
    const at::Tensor mask = mask_of(batch, sent, length); // (B, 1, 1, S) or undefined
    at::Tensor x = at::embedding(words_, ids) + positions_.narrow(0, 0, length);
    x = normalize(x, embeddings_norm_); // (B, S, D)
    for (const Layer &l : layers_) {
      x = normalize(linear(attend(linear(x, l.qkv), mask), l.out).add_(x), l.attention_norm);
      const at::Tensor hidden = linear(x, l.lin1); // (B, S, F)
      x = normalize(linear(shape_.relu ? at::relu(hidden) : at::gelu(hidden), l.lin2).add_(x), l.output_norm);
    }
    return linear(x, classifier_);
  }

  // The ids, padded with 0, and at the end of each row its length: a single copy to the device, from memory that a GPU reads by
  // itself. libtorch gives that memory out again once the copy is done.
  at::Tensor upload(const Batch &batch, int64_t length) const {
    const bool gpu = words_.is_cuda();
    at::Tensor sent = at::zeros({batch.rows, length + 1}, at::TensorOptions().dtype(at::kInt).pinned_memory(gpu));
    int32_t *to = sent.data_ptr<int32_t>();
    for (int64_t i = 0; i < batch.rows; i++, to += length + 1) {
      std::copy(batch.ids + batch.starts[i], batch.ids + batch.starts[i + 1], to);
      to[length] = static_cast<int32_t>(batch.length(i));
    }
    return sent.to(words_.device(), at::kInt, /*non_blocking=*/gpu);
  }

  static at::Tensor mask_of(const Batch &batch, const at::Tensor &sent, int64_t length) {
    for (int64_t i = 0; i < batch.rows; i++)
      if (batch.length(i) != length)
        return at::arange(length, sent.options()).lt(sent.narrow(1, length, 1)).unsqueeze(1).unsqueeze(1);
    return {};
  }

  at::Tensor normalize(const at::Tensor &x, const Linear &norm) const {
    return at::layer_norm(x, {shape_.dim}, norm.weight, norm.bias, shape_.eps);
  }

  // qkv is (B, S, 3D); the result (B, S, D).
  at::Tensor attend(const at::Tensor &qkv, const at::Tensor &mask) const {
    const int64_t b = qkv.size(0), s = qkv.size(1);
    const at::Tensor parts = qkv.view({b, s, 3, shape_.heads, shape_.dim / shape_.heads}).permute({2, 0, 3, 1, 4}); // (3, B, H, S, W)
    return attention(parts[0], parts[1], parts[2], mask).transpose(1, 2).reshape({b, s, shape_.dim});
  }

  pii_engine_shape shape_;
  bool tf32_;
  at::Tensor words_, positions_; // (V, D), (P, D)
  Linear embeddings_norm_, classifier_;
  std::vector<Layer> layers_;
};

} // namespace

char *pii_forward_make(const pii_engine_shape *shape, void *const *weights, int precision, void **model) {
  *model = nullptr;
  return guarded_torch([&] { *model = new Forward(*shape, weights, precision); });
}

char *pii_forward_run(void *model, const int32_t *ids, const int32_t *starts, int32_t rows, float *logits) {
  return guarded_torch([&] { static_cast<Forward *>(model)->run({ids, starts, rows}, logits); });
}

void pii_forward_free(void *model) { delete static_cast<Forward *>(model); }

char *pii_forward_allow_tf32(int allow) {
  return guarded_torch([&] { allow_tf32(allow != 0); });
}
