// The large products of the engine, y = activation(x·Wᵀ + b) or y += x·Wᵀ + b, with weights packed once.
#pragma once
#include "engine.h"
#include "kernels.h"
#include "team.h"
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <vector>

namespace pii {

// Memory on cache lines. What is large lies in large pages where the system has them: weights are read once a pass, and each page's
// address has to be looked up.
inline void *allocate(size_t bytes) {
  constexpr size_t kPage = 2 << 20;
  void *memory = nullptr;
  if (posix_memalign(&memory, bytes < kPage ? 64 : kPage, bytes) != 0)
    throw std::bad_alloc();
  if (bytes >= kPage)
    madvise(memory, bytes / kPage * kPage, MADV_HUGEPAGE); // advice: where it is not taken, nothing is lost
  return memory;
}

// Memory on cache lines, zeroed where it is new. It grows, and never shrinks.
template <typename T> class Buffer {
public:
  Buffer() = default;
  explicit Buffer(size_t n) { grow(n); }
  void grow(size_t n) {
    if (n <= size_)
      return;
    data_.reset(static_cast<T *>(allocate(n * sizeof(T))));
    std::fill(data_.get(), data_.get() + n, T());
    size_ = n;
  }
  T *get() const { return data_.get(); }
  T &operator[](size_t i) const { return data_.get()[i]; }

private:
  struct Free {
    void operator()(T *p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

// Weight (n, k) and bias (n) as a checkpoint has them.
struct Stored {
  int64_t n, k;
  std::vector<const float *> weights, biases; // of equal heights, one below the other
  const float *row(int64_t i) const { return weights[i / height()] + i % height() * k; }
  float bias(int64_t i) const { return biases[i / height()][i % height()]; }
  int64_t height() const { return n / static_cast<int64_t>(weights.size()); }
};

// What products need besides their weights, shared by all of a model.
struct Scratch {
  Buffer<uint8_t> bytes;   // x in bytes (m, k), with our own loops rows apart(k, 1) apart
  Buffer<float> scales;    // of x's rows
  Buffer<int32_t> zeros;   // of x's rows
  Buffer<int32_t> sums;    // (m, n), of oneDNN
  Buffer<uint16_t> halves; // x in bfloat16 (m, k), with our own loops rows apart(k, 2) apart
};

// Rows of memory, `stride` elements apart.
template <typename T> struct Rows {
  T *at;
  int64_t stride;
};

// How many elements of so many bytes the rows of a matrix (m, k) are apart that a tile reads: an odd number of cache lines, since those
// of rows a power of two apart would drive each other out of the first cache.
inline int64_t apart(int64_t k, int64_t bytes) {
  constexpr int64_t kLine = 64;
  return ((k * bytes + kLine - 1) / kLine | 1) * kLine / bytes;
}

class Linear {
public:
  virtual ~Linear() = default;
  // Whether run reads the rows of x as convert has left them in the scratch memory, in the product's precision.
  virtual bool converts() const = 0;
  virtual void convert(Scratch &, Rows<const float> x, int64_t row) const = 0;
  // x is (m, k), out (m, n), both with memory for room(m) rows. Every thread of the team calls it.
  virtual void run(Team &, Scratch &, Rows<const float> x, int64_t m, Rows<float> out, bool add, Activation) = 0;
};

// Weights in rows of bytes: row j is scales[j] times whole numbers from -127 to 127.
struct ByteWeights {
  Buffer<float> scales;
  Buffer<int32_t> sums; // of the whole numbers
  std::vector<int8_t> values;
  ByteWeights(const Stored &, int64_t padded_n, int64_t padded_k);
  // Gives the memory of the values back once they are packed; `values = {}` would keep it.
  void drop_values() { std::vector<int8_t>().swap(values); }
};

// How many rows of memory a product of m rows may touch.
int64_t room(int64_t m);

// Products of one model by oneDNN, which shares what it makes among layers of the same shape. Rows of x and out follow one another
// without gaps.
class OneDNN {
public:
  virtual ~OneDNN() = default;
  virtual std::unique_ptr<Linear> linear(const Stored &, int precision, const Kernels *) = 0;
};

std::unique_ptr<Linear> own_linear(const Stored &, int precision, const Kernels *); // where own_supports has it
int own_supports(int precision, const Kernels *);                                   // as pii_engine_supports
std::unique_ptr<OneDNN> make_onednn();                                              // null where this build has none
int onednn_supports(int precision);                                                 // as pii_engine_supports
Buffer<float> padded_bias(const Stored &, int64_t n);
void reserve(Scratch &, int64_t m, int64_t k, int precision); // what our own loops need for x (m, k)

} // namespace pii
