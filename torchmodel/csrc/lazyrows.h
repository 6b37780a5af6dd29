// The rows of a table of embeddings that AdamW leaves alone until somebody reads them.
#pragma once
#include "adamwkernels.h"
#include <ATen/ATen.h>
#include <map>
#include <mutex>
#include <vector>

namespace pii {

// LazyRows is AdamW over a table of embeddings (V, D), float32 on the CPU. A row that no token of a step has got no gradient: it is left
// alone, and makes up the steps that it missed before it is read again.
class LazyRows {
public:
  // padding is a row whose tokens give no gradient; negative for none.
  LazyRows(at::Tensor param, at::Tensor exp_avg, at::Tensor exp_avg_sq, double weight_decay, int64_t padding);

  // Brings these rows up to the last step. They may repeat.
  void make_up(const int32_t *rows, int64_t n);
  void make_up_all();

  // Takes the gradients (N, D) that tokens of ids (N) int64 got in a shard. Several threads may call it.
  void add(int64_t shard, const at::Tensor &ids, const at::Tensor &grads);
  void forget_gradients();

  // The sum of the squares of a step's gradients, rounded as that of the whole table is, block by block.
  double sum_of_squares();

  // Updates the rows that have gradients, which must have been made up, and forgets these.
  void step(const Factors &factors);

  double weight_decay() const { return decay; }

private:
  // Gradients of some rows, in ascending order.
  struct RowSums {
    std::vector<int64_t> rows;
    std::vector<float> values; // (rows, D)
  };
  RowSums sum_by_row(const int64_t *ids, const float *grads, int64_t n) const;
  double sum_of_block(int64_t start, int64_t length) const;
  void merge();
  void make_up_row(int64_t row);
  void written();

  at::Tensor param, exp_avg, exp_avg_sq;
  double decay;
  int64_t padding, width;
  std::vector<Factors> steps; // that some rows have missed
  std::vector<int64_t> done;  // (V), how many of steps a row has taken
  std::mutex adding;
  std::map<int64_t, RowSums> shards;
  RowSums sums; // of the step, once merged
};

} // namespace pii
