// Products by our own loops.
#include "linear.h"
#include <algorithm>
#include <cmath>

namespace pii {

Buffer<float> padded_bias(const Stored &from, int64_t n) {
  Buffer<float> bias(n);
  for (int64_t i = 0; i < from.n; i++)
    bias[i] = from.bias(i);
  return bias;
}

ByteWeights::ByteWeights(const Stored &from, int64_t padded_n, int64_t padded_k)
    : scales(padded_n), sums(padded_n), values(padded_n * padded_k) {
  for (int64_t i = 0; i < from.n; i++) {
    const float *row = from.row(i);
    float highest = 0;
    bool finite = std::isfinite(from.bias(i));
    for (int64_t j = 0; j < from.k; j++) {
      highest = std::max(highest, std::fabs(row[j]));
      finite = finite && std::isfinite(row[j]);
    }
    if (!finite)
      throw std::runtime_error("a weight is not a finite number");
    scales[i] = highest > 0 ? highest / 127 : 1;
    for (int64_t j = 0; j < from.k; j++) {
      const auto value = static_cast<int8_t>(std::lrintf(row[j] / scales[i]));
      values[i * padded_k + j] = value;
      sums[i] += value;
    }
  }
}

void reserve(Scratch &scratch, int64_t m, int64_t k, int precision) {
  m = room(m);
  if (precision == PII_BF16)
    scratch.halves.grow(m * apart(k, 2));
  if (precision != PII_INT8)
    return;
  scratch.bytes.grow(m * apart(k, 1));
  scratch.scales.grow(m);
  scratch.zeros.grow(m);
}

namespace {

class OwnFloats : public Linear {
public:
  OwnFloats(const Stored &from, const Kernels *kernels)
      : n_(from.n), k_(from.k), kernels_(kernels), bias_(padded_bias(from, round_up(from.n, kernels->panel))),
        packed_(round_up(from.n, kernels->panel) * from.k) {
    for (int64_t first = 0; first < n_; first += kernels->panel)
      for (int64_t i = 0; i < k_; i += kBlock)
        pack(from, first, i, std::min(k_, i + kBlock));
  }

  bool converts() const override { return false; }
  void convert(Scratch &, Rows<const float>, int64_t) const override {}

  void run(Team &team, Scratch &, Rows<const float> x, int64_t m, Rows<float> out, bool add, Activation activation) override {
    const Product p{x.at, x.stride, packed_.get(), bias_.get(), out.at, out.stride, m, n_, k_, add, activation};
    team.shares([&](int64_t part, int64_t parts) { kernels_->product(p, part, parts); });
  }

private:
  static constexpr int64_t kBlock = 256; // of k: what a panel has of it stays in the first cache while rows are interleaved

  void pack(const Stored &from, int64_t first, int64_t start, int64_t end) {
    const int64_t panel = kernels_->panel;
    for (int64_t i = first; i < std::min(n_, first + panel); i++) {
      const float *row = from.row(i);
      float *to = packed_.get() + first * k_ + i - first;
      for (int64_t j = start; j < end; j++)
        to[j * panel] = row[j];
    }
  }

  int64_t n_, k_;
  const Kernels *kernels_;
  Buffer<float> bias_, packed_;
};

class OwnBytes : public Linear {
public:
  OwnBytes(const Stored &from, const Kernels *kernels)
      : n_(from.n), k_(from.k), padded_k_(round_up(from.k, 4)), kernels_(kernels),
        bias_(padded_bias(from, round_up(from.n, kernels->panel))),
        weights_(from, round_up(from.n, kernels->panel), padded_k_), packed_(weights_.values.size()) {
    const int64_t panel = kernels->panel;
    for (int64_t i = 0; i < n_; i++)
      for (int64_t j = 0; j < padded_k_; j++)
        packed_[i / panel * panel * padded_k_ + (j / 4 * panel + i % panel) * 4 + j % 4] = weights_.values[i * padded_k_ + j];
    weights_.drop_values();
  }

  bool converts() const override { return true; }
  void convert(Scratch &s, Rows<const float> x, int64_t row) const override {
    kernels_->quantize(x.at + row * x.stride, k_, kernels_->levels, s.bytes.get() + row * apart(k_, 1), s.scales.get() + row,
                       s.zeros.get() + row);
  }

  void run(Team &team, Scratch &s, Rows<const float>, int64_t m, Rows<float> out, bool add, Activation activation) override {
    const ByteProduct p{{nullptr, 0, nullptr, bias_.get(), out.at, out.stride, m, n_, padded_k_, add, activation},
                        s.bytes.get(), apart(k_, 1), s.scales.get(), s.zeros.get(), packed_.get(), weights_.scales.get(), weights_.sums.get()};
    team.shares([&](int64_t part, int64_t parts) { kernels_->byte_product(p, part, parts); });
  }

private:
  int64_t n_, k_, padded_k_;
  const Kernels *kernels_;
  Buffer<float> bias_;
  ByteWeights weights_;
  Buffer<int8_t> packed_;
};

class OwnHalves : public Linear {
public:
  OwnHalves(const Stored &from, const Kernels *kernels)
      : n_(from.n), k_(from.k), padded_k_(round_up(from.k, 2)), kernels_(kernels),
        bias_(padded_bias(from, round_up(from.n, kernels->panel))), packed_(round_up(from.n, kernels->panel) * padded_k_) {
    const int64_t panel = kernels->panel;
    std::vector<uint16_t> row(k_);
    for (int64_t i = 0; i < n_; i++) {
      kernels->to_bf16(from.row(i), k_, row.data());
      uint16_t *to = packed_.get() + i / panel * panel * padded_k_ + i % panel * 2;
      for (int64_t j = 0; j < k_; j++)
        to[j / 2 * panel * 2 + j % 2] = row[j];
    }
  }

  bool converts() const override { return true; }
  void convert(Scratch &s, Rows<const float> x, int64_t row) const override {
    uint16_t *to = s.halves.get() + row * apart(k_, 2);
    kernels_->to_bf16(x.at + row * x.stride, k_, to);
    if (padded_k_ > k_)
      to[k_] = 0; // what another product left there may be no number, and times a weight of zero stays none
  }

  void run(Team &team, Scratch &s, Rows<const float>, int64_t m, Rows<float> out, bool add, Activation activation) override {
    const HalfProduct p{{nullptr, 0, nullptr, bias_.get(), out.at, out.stride, m, n_, padded_k_, add, activation},
                        s.halves.get(), apart(k_, 2), packed_.get()};
    team.shares([&](int64_t part, int64_t parts) { kernels_->half_product(p, part, parts); });
  }

private:
  int64_t n_, k_, padded_k_;
  const Kernels *kernels_;
  Buffer<float> bias_;
  Buffer<uint16_t> packed_;
};

} // namespace

std::unique_ptr<Linear> own_linear(const Stored &from, int precision, const Kernels *kernels) {
  switch (precision) {
  case PII_INT8:
    return std::make_unique<OwnBytes>(from, kernels);
  case PII_BF16:
    return std::make_unique<OwnHalves>(from, kernels);
  }
  return std::make_unique<OwnFloats>(from, kernels);
}

int own_supports(int precision, const Kernels *kernels) {
  switch (precision) {
  case PII_INT8:
    return kernels->byte_product == nullptr ? 0 : kernels->levels == 255 ? 2 : 1;
  case PII_BF16:
    return kernels->half_product == nullptr ? 0 : 2;
  }
  return kernels->wide ? 2 : 1;
}

} // namespace pii
