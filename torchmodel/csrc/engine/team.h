// Threads that compute together.
#pragma once
#include <cstdint>
#include <type_traits>

namespace pii {

// Sets how many threads the regions have that the calling thread opens from now on, oneDNN's too; 0 leaves what OpenMP has read from
// the environment. Returns how many these are: without OpenMP 1.
int use_threads(int threads);

// A reference to something that is called with A…, which stays the caller's: unlike a std::function, it takes no memory.
template <typename... A> class Callable {
public:
  template <typename F, typename = std::enable_if_t<!std::is_same_v<F, Callable>>>
  Callable(F &work) : work_(&work), call_([](void *work, A... a) { (*static_cast<F *>(work))(a...); }) {}
  void operator()(A... a) const { call_(work_, a...); }

private:
  void *work_;
  void (*call_)(void *work, A...);
};

// A team either is inside a parallel region, whose threads all run the same code and meet at the end of each each(); or it
// is one thread that opens a region for each of them. The first is quicker, the second lets others open regions too.
class Team {
public:
  explicit Team(int threads); // of one thread, with regions of as many
  // Runs work on each thread of a region, with a team that is inside it.
  static void inside(int threads, Callable<Team &> work);

  // Runs work(part, parts) on every thread, and waits for all.
  template <typename Work> void shares(Work work) { run(work); }

  // Runs work(i, part) for i from 0 to n-1.
  template <typename Work> void each(int64_t n, Work work) {
    shares([&](int64_t part, int64_t parts) {
      for (int64_t i = n * part / parts; i < n * (part + 1) / parts; i++)
        work(i, part);
    });
  }

private:
  Team(int threads, bool inside, int id) : inside_(inside), count_(threads), id_(id) {}
  void run(Callable<int64_t, int64_t> work); // part, parts

  bool inside_;
  int count_, id_;
};

} // namespace pii
