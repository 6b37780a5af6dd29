// Threads that compute together.
#pragma once
#include <cstdint>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace pii {

// A team either is inside a parallel region, whose threads all run the same code and meet at the end of each each(); or it
// is one thread that opens a region for each of them. The first is quicker, the second lets others open regions too.
class Team {
public:
  Team(int threads, bool inside) : inside_(inside), count_(threads), id_(0) {
#ifdef _OPENMP
    if (inside)
      id_ = omp_get_thread_num(), count_ = omp_get_num_threads();
#else
    count_ = 1;
#endif
  }

  // Runs work(part, parts) on every thread, and waits for all.
  template <typename Work> void shares(Work work) {
#ifdef _OPENMP
    if (inside_) {
      work(id_, count_);
#pragma omp barrier
      return;
    }
    if (count_ > 1) {
#pragma omp parallel num_threads(count_)
      work(omp_get_thread_num(), omp_get_num_threads());
      return;
    }
#endif
    work(0, 1);
  }

  // Runs work(i) for i from 0 to n-1.
  template <typename Work> void each(int64_t n, Work work) {
    shares([&](int64_t part, int64_t parts) {
      for (int64_t i = n * part / parts; i < n * (part + 1) / parts; i++)
        work(i, part);
    });
  }

private:
  bool inside_;
  int count_, id_;
};

} // namespace pii
