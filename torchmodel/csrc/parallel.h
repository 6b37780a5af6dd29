// Work on libtorch's number of threads, which are not OpenMP's: see engine/team.h. It is for what is done between the shards of a
// training step; within a shard, threads would be too many.
#pragma once
#include "engine/team.h"
#include <ATen/Parallel.h>

namespace pii {

// Runs work(i) for i from 0 to n-1.
template <typename Work> void in_parallel(int64_t n, Work work) {
  auto all = [&](Team &team) { team.each(n, [&](int64_t i, int64_t) { work(i); }); };
  Team::inside(at::get_num_threads(), all);
}

} // namespace pii
