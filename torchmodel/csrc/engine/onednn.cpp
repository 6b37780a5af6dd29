// Products by oneDNN, which knows instructions that our own loops do not: AMX.
#include "linear.h"

namespace pii {

// Up to 64 rows, every fourth number has its own code, then fewer do: making one takes milliseconds, and computing a few rows
// more than there are takes microseconds.
int64_t room(int64_t m) { return m <= 64 ? round_up(m, 4) : m <= 256 ? round_up(m, 16) : round_up(m, 64); }

} // namespace pii

#ifdef PII_ONEDNN
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <tuple>

namespace pii {
namespace {

using dnnl::inner_product_forward;
using dnnl::memory;

dnnl::engine &processor() {
  static dnnl::engine it(dnnl::engine::kind::cpu, 0);
  return it;
}

memory::data_type type_of_x(int precision) {
  return precision == PII_INT8   ? memory::data_type::u8
         : precision == PII_BF16 ? memory::data_type::bf16
                                 : memory::data_type::f32;
}

// What decides which code multiplies. Sums of bytes are ended by our own loop, which knows of scales by row.
struct Kind {
  int64_t m, n, k;
  int precision;
  bool add;
  Activation activation;
  bool operator<(const Kind &o) const {
    return std::tie(m, n, k, precision, add, activation) < std::tie(o.m, o.n, o.k, o.precision, o.add, o.activation);
  }
};

struct Code {
  inner_product_forward::primitive_desc description;
  inner_product_forward primitive;
};

// What is done to a product's sums.
dnnl::primitive_attr after(const Kind &kind) {
  dnnl::post_ops operations;
  if (kind.add)
    operations.append_sum(1);
  const auto activation = kind.activation == kGelu ? dnnl::algorithm::eltwise_gelu_erf : dnnl::algorithm::eltwise_relu;
  if (kind.activation != kNone)
#if DNNL_VERSION_MAJOR >= 3
    operations.append_eltwise(activation, 0, 0);
#else
    operations.append_eltwise(1, activation, 0, 0);
#endif
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(operations);
  return attributes;
}

template <typename... Memories>
inner_product_forward::primitive_desc described(const dnnl::primitive_attr &attributes, const Memories &...memories) {
#if DNNL_VERSION_MAJOR >= 3
  return {processor(), dnnl::prop_kind::forward_inference, memories..., attributes};
#else
  return {{dnnl::prop_kind::forward_inference, memories...}, attributes, processor()};
#endif
}

inner_product_forward::primitive_desc describe(const Kind &kind, const memory::desc &weights) {
  const auto in = type_of_x(kind.precision), out = kind.precision == PII_INT8 ? memory::data_type::s32 : memory::data_type::f32;
  const memory::desc x({kind.m, kind.k}, in, memory::format_tag::ab), y({kind.m, kind.n}, out, memory::format_tag::ab);
  if (kind.precision == PII_INT8)
    return described({}, x, weights, y);
  const memory::desc bias({kind.n}, memory::data_type::f32, memory::format_tag::a);
  return described(after(kind), x, weights, bias, y);
}

class Library : public OneDNN {
public:
  std::unique_ptr<Linear> linear(const Stored &, int precision, const Kernels *) override;

  // The code for a kind. With the layout `have` of weights that are already packed, code for it where it is as good as that
  // for the layout that oneDNN likes best.
  Code &code(const Kind &kind, const memory::desc *have) {
    auto at = codes_.find(kind);
    if (at != codes_.end())
      return at->second;
    const auto in = kind.precision == PII_INT8 ? memory::data_type::s8 : type_of_x(kind.precision);
    auto best = describe(kind, {{kind.n, kind.k}, in, memory::format_tag::any});
    if (have && best.weights_desc() != *have) {
      auto fitting = describe(kind, *have);
      if (std::string(fitting.impl_info_str()) == best.impl_info_str())
        best = fitting;
    }
    return codes_.emplace(kind, Code{best, inner_product_forward(best)}).first->second;
  }

  dnnl::stream stream{processor()};

private:
  std::map<Kind, Code> codes_;
};

class Packed : public Linear {
public:
  Packed(Library &library, const Stored &from, int precision, const Kernels *kernels)
      : library_(library), kernels_(kernels), n_(from.n), k_(from.k), precision_(precision), bias_(padded_bias(from, from.n)) {
    if (precision == PII_INT8) {
      bytes_ = std::make_unique<ByteWeights>(from, n_, k_);
      add_layout({{n_, k_}, memory::data_type::s8, memory::format_tag::ab}, bytes_->values.data());
      bytes_->drop_values();
      return;
    }
    std::vector<float> whole(n_ * k_);
    for (int64_t i = 0; i < n_; i++)
      std::copy(from.row(i), from.row(i) + k_, whole.begin() + i * k_);
    add_layout({{n_, k_}, memory::data_type::f32, memory::format_tag::ab}, whole.data());
  }

  bool converts() const override { return precision_ != PII_FP32; }

  void convert(Scratch &s, Rows<const float> x, int64_t row) const override {
    if (precision_ == PII_BF16)
      kernels_->to_bf16(x.at + row * k_, k_, s.halves.get() + row * k_);
    if (precision_ != PII_INT8)
      return;
    const int levels = onednn_supports(PII_INT8) >= 2 ? 255 : 127; // without VNNI, sums of two products must fit in 16 bits
    kernels_->quantize(x.at + row * k_, k_, levels, s.bytes.get() + row * k_, s.scales.get() + row, s.zeros.get() + row);
  }

  void run(Team &team, Scratch &s, Rows<const float> x, int64_t m, Rows<float> out, bool add, Activation activation) override {
    const Kind kind{room(m), n_, k_, precision_, add, activation};
    const memory::desc have = layouts_.front().get_desc();
    Code &code = library_.code(kind, &have);
    const void *in = converted(s, x.at);
    void *to = precision_ == PII_INT8 ? static_cast<void *>(s.sums.get()) : out.at;
    auto &d = code.description;
    code.primitive.execute(library_.stream, {{DNNL_ARG_SRC, memory(d.src_desc(), processor(), const_cast<void *>(in))},
                                             {DNNL_ARG_WEIGHTS, packed_as(d.weights_desc())},
                                             {DNNL_ARG_BIAS, memory(d.bias_desc(), processor(), bias_.get())},
                                             {DNNL_ARG_DST, memory(d.dst_desc(), processor(), to)}});
    library_.stream.wait();
    if (precision_ != PII_INT8)
      return;
    const ByteProduct p{{nullptr, 0, nullptr, bias_.get(), out.at, n_, m, n_, k_, add, activation},
                        nullptr, 0, s.scales.get(), s.zeros.get(), nullptr, bytes_->scales.get(), bytes_->sums.get()};
    team.each(m, [&](int64_t i, int64_t) { kernels_->dequantize(s.sums.get() + i * n_, p, i); });
  }

private:
  // x in the precision of the product.
  const void *converted(const Scratch &s, const float *x) const {
    switch (precision_) {
    case PII_BF16:
      return s.halves.get();
    case PII_INT8:
      return s.bytes.get();
    }
    return x;
  }

  // Packs the weights for the first time, as suits a text of usual length.
  void add_layout(const memory::desc &plain, void *values) {
    memory from(plain, processor(), values);
    pack(from, library_.code({32, n_, k_, precision_, false, kNone}, nullptr).description.weights_desc());
  }

  void pack(memory &from, const memory::desc &as) {
    memory to(as, processor());
    dnnl::reorder(from, to).execute(library_.stream, from, to);
    library_.stream.wait();
    layouts_.push_back(to);
  }

  memory &packed_as(const memory::desc &as) {
    for (memory &m : layouts_)
      if (m.get_desc() == as)
        return m;
    pack(layouts_.front(), as);
    return layouts_.back();
  }

  Library &library_;
  const Kernels *kernels_;
  int64_t n_, k_;
  int precision_;
  Buffer<float> bias_;
  std::unique_ptr<ByteWeights> bytes_;
  std::vector<memory> layouts_; // the same weights, as different codes want them; mostly one
};

std::unique_ptr<Linear> Library::linear(const Stored &from, int precision, const Kernels *kernels) {
  return std::make_unique<Packed>(*this, from, precision, kernels);
}

} // namespace

std::unique_ptr<OneDNN> make_onednn() { return std::make_unique<Library>(); }

int onednn_supports(int precision) {
  // Sets of instructions are bits, and newer versions of oneDNN know more of them.
  const int isa = static_cast<int>(dnnl::get_effective_cpu_isa());
  const auto has = [isa](dnnl::cpu_isa set) { return (isa & static_cast<int>(set)) == static_cast<int>(set); };
  switch (precision) {
  case PII_BF16:
    return has(dnnl::cpu_isa::avx512_core_amx) ? 3 : has(dnnl::cpu_isa::avx512_core_bf16) ? 2 : 0;
  case PII_INT8:
    return has(dnnl::cpu_isa::avx512_core_amx) ? 3 : has(dnnl::cpu_isa::avx512_core_vnni) ? 2 : 1;
  }
  return has(dnnl::cpu_isa::avx512_core) ? 2 : 1;
}

} // namespace pii
#else
std::unique_ptr<pii::OneDNN> pii::make_onednn() { return nullptr; }
int pii::onednn_supports(int) { return 0; }
#endif
