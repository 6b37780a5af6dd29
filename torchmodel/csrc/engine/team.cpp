// Where the compiler has no OpenMP, a team is one thread.
#include "team.h"
#ifdef _OPENMP
#include <omp.h>

namespace pii {

int use_threads(int threads) {
  if (threads > 0)
    omp_set_num_threads(threads);
  return omp_get_max_threads();
}

Team::Team(int threads) : Team(threads, false, 0) {}

void Team::inside(int threads, Callable<Team &> work) {
#pragma omp parallel num_threads(threads)
  {
    Team team(omp_get_num_threads(), true, omp_get_thread_num());
    work(team);
  }
}

void Team::run(Callable<int64_t, int64_t> work) {
  if (inside_) {
    work(id_, count_);
#pragma omp barrier
  } else if (count_ > 1) {
#pragma omp parallel num_threads(count_)
    work(omp_get_thread_num(), omp_get_num_threads());
  } else {
    work(0, 1);
  }
}

} // namespace pii
#else
namespace pii {

int use_threads(int) { return 1; }

Team::Team(int) : Team(1, false, 0) {}

void Team::inside(int, Callable<Team &> work) {
  Team alone(1);
  work(alone);
}

void Team::run(Callable<int64_t, int64_t> work) { work(0, 1); }

} // namespace pii
#endif
