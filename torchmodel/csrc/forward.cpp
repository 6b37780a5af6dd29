#include "forward.h"
#include "guard.h"
#include "recording.h"
#include "staging.h"
#include "version.h"
#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <algorithm>
#include <array>
#include <c10/core/InferenceMode.h>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
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
#if PII_TORCH_AT_LEAST(2, 0)
  return mask.defined() ? at::scaled_dot_product_attention(q, k, v, mask) : at::scaled_dot_product_attention(q, k, v);
#else
  at::Tensor scores = at::matmul(q.to(at::kFloat), k.transpose(2, 3).to(at::kFloat)).mul_(1 / std::sqrt(static_cast<double>(q.size(3)))); // (B, H, S, S)
  if (mask.defined())
    scores.masked_fill_(mask.logical_not(), -std::numeric_limits<double>::infinity());
  return at::matmul(at::softmax(scores, 3, at::kFloat).to(v.scalar_type()), v);
#endif
}

// Attention without padding: q, k and v are (N, H, W), those of row i from starts[i] (B + 1, int32) on; longest is the most tokens of a row.
// It is not public in libtorch, so it is used only where it is known to be as it is here, and where a trial gives what attention does.
at::Tensor attention_within(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &starts, int64_t longest) {
#if PII_TORCH_AT_LEAST(2, 3)
  constexpr double dropout = 0;
  constexpr int64_t no_causal_mask = 0;
  return std::get<0>(at::_efficient_attention_forward(q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), {}, starts, starts, longest, longest, dropout, no_causal_mask))
      .squeeze(0); // (N, H, W)
#else
  (void)q, (void)k, (void)v, (void)starts, (void)longest;
  TORCH_CHECK(false, "this libtorch has no attention without padding that is used here");
#endif
}

struct Batch {
  const int32_t *ids, *starts;
  int64_t rows;
  int64_t length(int64_t row) const { return starts[row + 1] - starts[row]; }
  int64_t tokens() const { return starts[rows] - starts[0]; }
  int64_t longest() const {
    int64_t most = 0;
    for (int64_t i = 0; i < rows; i++)
      most = std::max(most, length(i));
    return most;
  }
};

// Layout is a batch on the device: the tokens of all rows one after another, N in all, without padding. Attention alone needs to know the
// rows: where they start; or, where all are padded to the longest for it, which token each cell (B, S) has and which cell each token.
// Where all rows are of one length, they are cells as they lie.
struct Layout {
  int64_t rows, longest;
  at::Tensor ids, positions; // (N) int32
  at::Tensor starts;         // (B + 1) int32, or undefined
  at::Tensor cells, places;  // (B * S) and (N) int32, or undefined
  at::Tensor mask;           // (B, 1, 1, S), true where there is a token; or undefined
};

// Cuts what was sent to a device into its parts.
class Parts {
public:
  explicit Parts(const at::Tensor &sent) : sent_(sent) {}
  at::Tensor take(int64_t n) {
    at_ += n;
    return sent_.narrow(0, at_ - n, n);
  }

private:
  at::Tensor sent_; // (…) int32
  int64_t at_ = 0;
};

// One text alone, in one of a few lengths: the tokens are followed by padding, so that the same work computes any text that is not longer.
struct Fixed {
  bool seen = false;
  at::Tensor sent;   // (2 * S + 1) int32: ids, positions, number of tokens
  at::Tensor scores; // (S, K) float32
  std::unique_ptr<Recording> work;
};

constexpr int64_t fixed_step = 8, fixed_most = 128; // tokens

class Forward {
public:
  Forward(const pii_engine_shape &shape, void *const *weights, int precision)
      : shape_(shape), tf32_(precision == PII_FORWARD_TF32), streams_(static_cast<at::Tensor *>(*weights)->device()),
        records_(can_record(streams_.device)) {
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
    within_ = streams_.device.is_cuda() && attends_within();
    for (int i = 0; i < PII_FORWARD_DEPTH; i++)
      free_.push_back(std::make_unique<Slot>(streams_));
  }

  // What is submitted first is collected first. Recordings need memory of their own: where there is too little for a batch, they go.
  void submit(const Batch &batch) {
    c10::InferenceMode guard;
    const WithTF32 products(tf32_);
    if (free_.empty())
      throw std::logic_error("as many batches as may be are submitted and not collected");
    try {
      begin(batch, *free_.front());
    } catch (const c10::OutOfMemoryError &) {
      if (!forget_recordings())
        throw;
      begin(batch, *free_.front());
    }
    under_way_.push_back({std::move(free_.front()), batch.tokens() * shape_.classes});
    free_.pop_front();
  }

  void collect(float *logits) {
    c10::InferenceMode guard;
    if (under_way_.empty())
      throw std::logic_error("there is no batch to be collected");
    UnderWay first = std::move(under_way_.front());
    under_way_.pop_front();
    const float *scores = first.slot->wait();
    std::copy(scores, scores + first.size, logits);
    copied_ += first.slot->copied() / 1000;
    free_.push_back(std::move(first.slot));
  }

  double take_copied() { return std::exchange(copied_, 0); }
  std::string take_warning() { return std::exchange(warning_, ""); }

  const char *products() const {
    const bool graphs = records_ && streams_.device.is_cuda();
    if (within_)
      return graphs ? "libtorch, attention without padding, CUDA graphs" : "libtorch, attention without padding";
    return graphs ? "libtorch, CUDA graphs" : "libtorch";
  }

private:
  struct UnderWay {
    std::unique_ptr<Slot> slot;
    int64_t size; // of the logits
  };

  void begin(const Batch &batch, Slot &slot) {
    try {
      if (Fixed *fixed = fixed_for(batch))
        run_fixed(*fixed, batch, slot);
      else
        slot.fetch(compute(send(batch, slot)), /*at_once=*/false);
    } catch (...) {
      slot.recover();
      throw;
    }
  }

  // Classes of each token: (N, K) float32.
  at::Tensor compute(const Layout &in) const {
    at::Tensor x = at::embedding(words_, in.ids) + at::embedding(positions_, in.positions);
    x = normalize(x, embeddings_norm_); // (N, D)
    for (const Layer &l : layers_) {
      x = normalize(linear(attend(linear(x, l.qkv), in), l.out).add_(x), l.attention_norm);
      const at::Tensor hidden = linear(x, l.lin1); // (N, F)
      x = normalize(linear(shape_.relu ? at::relu(hidden) : at::gelu(hidden), l.lin2).add_(x), l.output_norm);
    }
    return linear(x, classifier_).to(at::kFloat);
  }

  // Sends a batch to the device in one copy.
  Layout send(const Batch &batch, Slot &slot) const {
    const int64_t n = batch.tokens(), rows = batch.rows, longest = batch.longest();
    const bool even = rows * longest == n;
    int32_t *to = slot.outgoing(2 * n + (even ? 0 : within_ ? rows + 1 : rows * longest + n));
    to = std::copy(batch.ids + batch.starts[0], batch.ids + batch.starts[rows], to);
    for (int64_t i = 0; i < rows; i++) {
      std::iota(to, to + batch.length(i), 0);
      to += batch.length(i);
    }
    if (!even && within_)
      std::transform(batch.starts, batch.starts + rows + 1, to, [&](int32_t start) { return start - batch.starts[0]; });
    else if (!even)
      write_cells(batch, longest, to, to + rows * longest);
    Parts parts(slot.send());
    Layout in{rows, longest, parts.take(n), parts.take(n), {}, {}, {}, {}};
    if (!even && within_)
      in.starts = parts.take(rows + 1);
    else if (!even) {
      const at::Tensor cells = parts.take(rows * longest);
      read_cells(cells, parts.take(n), in);
    }
    return in;
  }

  // Which token each cell has, -1 for padding, and which cell each token.
  static void write_cells(const Batch &batch, int64_t longest, int32_t *cells, int32_t *places) {
    std::fill(cells, cells + batch.rows * longest, -1);
    for (int64_t i = 0; i < batch.rows; i++)
      for (int64_t k = 0; k < batch.length(i); k++) {
        const auto token = static_cast<int32_t>(batch.starts[i] - batch.starts[0] + k), cell = static_cast<int32_t>(i * longest + k);
        places[token] = cell;
        cells[cell] = token;
      }
  }

  static void read_cells(const at::Tensor &cells, const at::Tensor &places, Layout &in) {
    in.mask = cells.ge(0).view({in.rows, 1, 1, in.longest});
    in.cells = cells.clamp_min(0);
    in.places = places;
  }

  // What a text alone is computed with, or NULL. A length is first computed as any batch, since most come once.
  Fixed *fixed_for(const Batch &batch) {
    const int64_t n = batch.tokens(), bucket = (n - 1) / fixed_step;
    const int64_t length = (bucket + 1) * fixed_step;
    if (!records_ || batch.rows != 1 || n < 1 || length > std::min(fixed_most, positions_.size(0)))
      return nullptr;
    Fixed &fixed = fixed_[static_cast<size_t>(bucket)];
    if (!std::exchange(fixed.seen, true))
      return nullptr;
    if (fixed.work == nullptr)
      prepare(fixed, length);
    return fixed.work == nullptr ? nullptr : &fixed;
  }

  // Records the work on texts of so many tokens or fewer. Where that cannot be, nothing more is recorded.
  void prepare(Fixed &fixed, int64_t length) {
    try {
      fixed.sent = at::zeros({2 * length + 1}, words_.options().dtype(at::kInt));
      fixed.work = record(streams_, [this, &fixed, length] {
        Parts parts(fixed.sent);
        Layout in{1, length, parts.take(length), parts.take(length), {}, {}, {}, {}};
        in.mask = at::arange(length, fixed.sent.options()).lt(parts.take(1)).view({1, 1, 1, length});
        fixed.scores = compute(in);
      });
    } catch (const c10::OutOfMemoryError &) {
      forget_recordings();
    } catch (const c10::Error &error) {
      forget_recordings();
      warning_ = std::string("CUDA graphs cannot be used here, so a text alone takes longer: ") + error.what_without_backtrace();
    }
  }

  void run_fixed(Fixed &fixed, const Batch &batch, Slot &slot) {
    const int64_t n = batch.tokens(), length = (fixed.sent.numel() - 1) / 2;
    int32_t *to = slot.outgoing(2 * length + 1);
    std::fill(std::copy(batch.ids + batch.starts[0], batch.ids + batch.starts[1], to), to + length, 0);
    std::iota(to + length, to + 2 * length, 0);
    to[2 * length] = static_cast<int32_t>(n);
    slot.send_to(fixed.sent);
    fixed.work->replay();
    slot.fetch(fixed.scores.narrow(0, 0, n), /*at_once=*/true);
  }

  // Frees the memory of recordings, and makes none from now on. It reports whether there were any.
  bool forget_recordings() {
    records_ = false;
    bool any = false;
    for (Fixed &fixed : fixed_) {
      any = any || fixed.work != nullptr;
      fixed = Fixed();
    }
    return any;
  }

  at::Tensor normalize(const at::Tensor &x, const Linear &norm) const {
    return at::layer_norm(x, {shape_.dim}, norm.weight, norm.bias, shape_.eps);
  }

  // qkv is (N, 3D); the result (N, D).
  at::Tensor attend(const at::Tensor &qkv, const Layout &in) const {
    const int64_t width = shape_.dim / shape_.heads;
    if (in.starts.defined()) {
      const at::Tensor parts = qkv.view({-1, 3, shape_.heads, width}); // (N, 3, H, W)
      return attention_within(parts.select(1, 0), parts.select(1, 1), parts.select(1, 2), in.starts, in.longest).reshape({-1, shape_.dim});
    }
    const at::Tensor cells = in.cells.defined() ? qkv.index_select(0, in.cells) : qkv;                                         // (B * S, 3D)
    const at::Tensor parts = cells.view({in.rows, in.longest, 3, shape_.heads, width}).permute({2, 0, 3, 1, 4});               // (3, B, H, S, W)
    const at::Tensor mixed = attention(parts[0], parts[1], parts[2], in.mask).transpose(1, 2).reshape({-1, shape_.dim}); // (B * S, D)
    return in.places.defined() ? mixed.index_select(0, in.places) : mixed;
  }

  // Tries attention without padding on two rows.
  bool attends_within() const {
    const std::array<int32_t, 3> starts{0, 3, 8};
    const at::TensorOptions ints = words_.options().dtype(at::kInt);
    const at::Tensor qkv = at::arange(8 * 3 * shape_.dim, words_.options().dtype(at::kFloat)).sin_().view({8, -1}).to(words_.scalar_type());
    Layout rows{2, 5, {}, {}, at::tensor(at::ArrayRef<int32_t>(starts), ints), {}, {}, {}}, padded{2, 5, {}, {}, {}, {}, {}, {}};
    std::array<int32_t, 10> cells;
    std::array<int32_t, 8> places;
    write_cells({nullptr, starts.data(), 2}, 5, cells.data(), places.data());
    read_cells(at::tensor(at::ArrayRef<int32_t>(cells), ints), at::tensor(at::ArrayRef<int32_t>(places), ints), padded);
    try {
      return attend(qkv, rows).sub(attend(qkv, padded)).abs().max().item<double>() < 0.02;
    } catch (const c10::OutOfMemoryError &) {
      throw;
    } catch (const c10::Error &) { // this libtorch or this GPU has no kernel for it
      return false;
    }
  }

  pii_engine_shape shape_;
  bool tf32_;
  const Streams streams_;
  bool records_, within_ = false; // whether there are recordings, and attention without padding
  at::Tensor words_, positions_;  // (V, D), (P, D)
  Linear embeddings_norm_, classifier_;
  std::vector<Layer> layers_;
  std::array<Fixed, fixed_most / fixed_step> fixed_;
  std::deque<std::unique_ptr<Slot>> free_;
  std::deque<UnderWay> under_way_;
  double copied_ = 0; // seconds
  std::string warning_;
};

} // namespace

char *pii_forward_make(const pii_engine_shape *shape, void *const *weights, int precision, void **model) {
  *model = nullptr;
  return guarded_torch([&] { *model = new Forward(*shape, weights, precision); });
}

char *pii_forward_submit(void *model, const int32_t *ids, const int32_t *starts, int32_t rows) {
  return guarded_torch([&] { static_cast<Forward *>(model)->submit({ids, starts, rows}); });
}

char *pii_forward_collect(void *model, float *logits) {
  return guarded_torch([&] { static_cast<Forward *>(model)->collect(logits); });
}

char *pii_forward_copied(void *model, double *seconds) {
  return guarded_torch([&] { *seconds = static_cast<Forward *>(model)->take_copied(); });
}

const char *pii_forward_products(void *model) { return static_cast<Forward *>(model)->products(); }

char *pii_forward_warning(void *model, char **text) {
  return guarded_torch([&] {
    const std::string warning = static_cast<Forward *>(model)->take_warning();
    *text = warning.empty() ? nullptr : strdup(warning.c_str());
  });
}

void pii_forward_free(void *model) { delete static_cast<Forward *>(model); }

char *pii_forward_allow_tf32(int allow) {
  return guarded_torch([&] { allow_tf32(allow != 0); });
}
