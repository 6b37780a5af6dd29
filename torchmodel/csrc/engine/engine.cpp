// The forward pass of DistilBERT (Sanh et al. 2019, arXiv:1910.01108) for texts of any lengths: they are computed one after
// another in one matrix of tokens, without padding; only attention looks at where a text begins and ends.
#include "engine.h"
#include "guard.h"
#include "linear.h"
#include <algorithm>
#include <cmath>

namespace pii {
namespace {

// Tokens of each thread that go through the model at once; more are divided, whole texts at a time. It bounds the memory, and what lies
// between two products stays in the second-level cache.
constexpr int64_t kTokens = 128;

struct Norm {
  std::vector<float> weight, bias;
};

struct Layer {
  std::unique_ptr<Linear> qkv, out, lin1, lin2;
  Norm attention_norm, output_norm;
};

// Takes weights in the order of pii_engine_take.
class Reader {
public:
  Reader(const float *const *weights) : next_(weights) {}
  const float *take() { return *next_++; }
  Norm norm(int64_t n) {
    const float *weight = take(), *bias = take();
    return {{weight, weight + n}, {bias, bias + n}};
  }
  // A number of matrices (n/parts, k) as one.
  Stored stored(int64_t n, int64_t k, int parts = 1) {
    Stored s{n, k, {}, {}};
    for (int i = 0; i < parts; i++) {
      s.weights.push_back(take());
      s.biases.push_back(take());
    }
    return s;
  }

private:
  const float *const *next_;
};

struct Batch {
  const int32_t *ids, *starts;
  int64_t rows;
  int64_t tokens() const { return starts[rows] - starts[0]; }
  int64_t longest() const {
    int64_t most = 0;
    for (int64_t i = 0; i < rows; i++)
      most = std::max<int64_t>(most, starts[i + 1] - starts[i]);
    return most;
  }
};

class Engine {
public:
  Engine(const pii_engine_shape &shape, int precision, int products, int threads)
      : shape_(shape), precision_(precision), threads_(threads), kernels_(best_kernels()) {
    const int own = own_supports(precision, kernels_);
    if (products == PII_BY_ONEDNN || (products == PII_BY_BEST && onednn_supports(precision) > own))
      onednn_ = make_onednn();
    if (products == PII_BY_ONEDNN && !onednn_)
      throw std::runtime_error("this build has no oneDNN");
    if (!onednn_ && !own)
      throw std::runtime_error("the engine's own loops have no such precision on this processor");
    name_ = onednn_ ? "oneDNN" : kernels_->name;
  }

  void take(Reader from) {
    if (classifier_)
      throw std::logic_error("the engine has all weights");
    if (!words_)
      take_embeddings(from);
    else if (static_cast<int64_t>(layers_.size()) < shape_.layers)
      take_layer(from);
    else
      classifier_ = own_linear(from.stored(shape_.classes, shape_.dim), PII_FP32, kernels_);
  }

  void run(Batch all, float *logits) {
    if (!classifier_)
      throw std::logic_error("the engine lacks weights");
    for (int64_t first = 0; first < all.rows;) {
      int64_t last = first + 1;
      while (last < all.rows && all.starts[last + 1] - all.starts[first] <= kTokens * threads_)
        last++;
      const Batch part{all.ids, all.starts + first, last - first};
      compute(part, logits + (all.starts[first] - all.starts[0]) * shape_.classes);
      first = last;
    }
  }

  const char *products() const { return name_; }

private:
  void take_embeddings(Reader &from) {
    words_ = from.take();
    positions_ = from.take();
    embeddings_norm_ = from.norm(shape_.dim);
  }

  void take_layer(Reader &from) {
    const int64_t d = shape_.dim, f = shape_.hidden;
    Layer l;
    l.qkv = linear(from.stored(3 * d, d, 3));
    l.out = linear(from.stored(d, d));
    l.attention_norm = from.norm(d);
    l.lin1 = linear(from.stored(f, d));
    l.lin2 = linear(from.stored(d, f));
    l.output_norm = from.norm(d);
    layers_.push_back(std::move(l));
  }

  std::unique_ptr<Linear> linear(const Stored &from) {
    return onednn_ ? onednn_->linear(from, precision_, kernels_) : own_linear(from, precision_, kernels_);
  }

  // oneDNN opens parallel regions of its own, so with it nothing else may be inside one.
  void compute(const Batch &batch, float *logits) {
    grow(batch);
    auto work = [&](Team &team) { forward(team, batch, logits); };
    (onednn_ ? Team::outside : Team::inside)(threads_, work);
  }

  void grow(const Batch &batch) {
    const int64_t m = room(batch.tokens()), d = shape_.dim;
    x_.grow(m * stride(d));
    context_.grow(m * stride(d));
    qkv_.grow(m * stride(3 * d));
    hidden_.grow(m * stride(shape_.hidden));
    reserve(scratch_, m, std::max(d, shape_.hidden), precision_);
    if (onednn_ && precision_ == PII_INT8)
      scratch_.sums.grow(m * std::max(3 * d, shape_.hidden));
    attention_each_ = round_up(attention_scratch(batch.longest(), d / shape_.heads, kernels_->panel), 16);
    attention_.grow(attention_each_ * threads_);
  }

  void forward(Team &team, const Batch &batch, float *logits) {
    const int64_t m = batch.tokens();
    const auto in = [&](const Buffer<float> &b, int64_t width) { return Rows<const float>{b.get(), stride(width)}; };
    const auto out = [&](const Buffer<float> &b, int64_t width) { return Rows<float>{b.get(), stride(width)}; };
    const int64_t d = shape_.dim, f = shape_.hidden;
    embed(team, batch, first_product(0));
    for (size_t i = 0; i < layers_.size(); i++) {
      const Layer &l = layers_[i];
      l.qkv->run(team, scratch_, in(x_, d), m, out(qkv_, 3 * d), false, kNone);
      attend(team, batch);
      convert(team, *l.out, in(context_, d), m);
      l.out->run(team, scratch_, in(context_, d), m, out(x_, d), true, kNone);
      normalize(team, l.attention_norm, m, *l.lin1);
      l.lin1->run(team, scratch_, in(x_, d), m, out(hidden_, f), false, shape_.relu ? kRelu : kGelu);
      convert(team, *l.lin2, in(hidden_, f), m);
      l.lin2->run(team, scratch_, in(hidden_, f), m, out(x_, d), true, kNone);
      normalize(team, l.output_norm, m, first_product(i + 1));
    }
    classifier_->run(team, scratch_, in(x_, d), m, {logits, shape_.classes}, false, kNone);
  }

  // How far apart the rows (m, width) between products are.
  int64_t stride(int64_t width) const { return onednn_ ? width : apart(width, sizeof(float)); }

  // The product that reads x first in a layer, or behind the last one.
  const Linear &first_product(size_t layer) const { return layer < layers_.size() ? *layers_[layer].qkv : *classifier_; }

  // Each thread takes a share of the tokens, whatever texts they are of.
  void embed(Team &team, const Batch &batch, const Linear &next) {
    team.shares([&](int64_t part, int64_t parts) {
      const int64_t first = batch.tokens() * part / parts, end = batch.tokens() * (part + 1) / parts;
      const int32_t *start = std::upper_bound(batch.starts, batch.starts + batch.rows + 1, batch.starts[0] + first) - 1;
      for (int64_t i = first; i < end; i++) {
        const int64_t token = batch.starts[0] + i;
        while (token >= start[1])
          start++;
        kernels_->sum(words_ + batch.ids[token] * shape_.dim, positions_ + (token - *start) * shape_.dim, shape_.dim,
                      x_.get() + i * stride(shape_.dim));
        normalize(embeddings_norm_, i, next);
      }
    });
  }

  void normalize(Team &team, const Norm &norm, int64_t m, const Linear &next) {
    team.each(m, [&](int64_t i, int64_t) { normalize(norm, i, next); });
  }

  // Normalizes row i of x, which the product `next` reads.
  void normalize(const Norm &norm, int64_t i, const Linear &next) {
    float *x = x_.get() + i * stride(shape_.dim);
    kernels_->layer_norm(x, norm.weight.data(), norm.bias.data(), shape_.eps, shape_.dim, x);
    next.convert(scratch_, {x_.get(), stride(shape_.dim)}, i);
  }

  void convert(Team &team, const Linear &next, Rows<const float> x, int64_t m) {
    if (next.converts())
      team.each(m, [&](int64_t i, int64_t) { next.convert(scratch_, x, i); });
  }

  void attend(Team &team, const Batch &batch) {
    const int64_t d = shape_.dim, width = d / shape_.heads;
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    team.each(batch.rows * shape_.heads, [&](int64_t i, int64_t part) {
      const int64_t row = i / shape_.heads, column = i % shape_.heads * width;
      const int64_t first = batch.starts[row] - batch.starts[0], length = batch.starts[row + 1] - batch.starts[row];
      const float *q = qkv_.get() + first * stride(3 * d) + column;
      kernels_->attention({q, q + d, q + 2 * d, stride(3 * d), context_.get() + first * stride(d) + column, stride(d), length, width,
                           scale, attention_.get() + part * attention_each_});
    });
  }

  pii_engine_shape shape_;
  int precision_, threads_;
  const Kernels *kernels_;
  std::unique_ptr<OneDNN> onednn_; // null: our own loops; it outlives the layers
  const char *name_;
  const float *words_ = nullptr, *positions_ = nullptr;
  Norm embeddings_norm_;
  std::vector<Layer> layers_;
  std::unique_ptr<Linear> classifier_;

  // Between products, for the most tokens that there were: x (m, D), q, k and v side by side (m, 3D), the attended (m, D), the
  // feed-forward's hidden state (m, F), and attention's scratch of each thread.
  Buffer<float> x_, qkv_, context_, hidden_, attention_;
  int64_t attention_each_ = 0;
  Scratch scratch_;
};

} // namespace
} // namespace pii

int pii_engine_supports(int precision) {
  using namespace pii;
  return std::max(own_supports(precision, best_kernels()), onednn_supports(precision));
}

char *pii_engine_make(const pii_engine_shape *shape, int precision, int products, int threads, void **engine) {
  *engine = nullptr;
  return guarded([&] { *engine = new pii::Engine(*shape, precision, products, threads); });
}

char *pii_engine_take(void *engine, const float *const *weights) {
  return guarded([&] { static_cast<pii::Engine *>(engine)->take(pii::Reader(weights)); });
}

char *pii_engine_run(void *engine, const int32_t *ids, const int32_t *starts, int32_t rows, float *logits) {
  return guarded([&] { static_cast<pii::Engine *>(engine)->run({ids, starts, rows}, logits); });
}

const char *pii_engine_products(void *engine) { return static_cast<pii::Engine *>(engine)->products(); }

void pii_engine_free(void *engine) { delete static_cast<pii::Engine *>(engine); }
