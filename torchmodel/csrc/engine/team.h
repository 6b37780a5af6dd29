// Threads that compute together.
#pragma once
#include <cstdint>
#include <type_traits>

namespace pii {

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

class Meeting;

// A team's threads either all run the same code, and meet at the end of each shares() and each(); or only one does, and opens a
// parallel region of OpenMP for each of them. The first is quicker, the second lets others, as oneDNN, open regions too.
class Team {
public:
  // Runs work on so many threads: the caller's, and others that wait for its next call.
  static void inside(int threads, Callable<Team &> work);
  // Runs work on the caller's thread, with regions of so many threads. There must be OpenMP.
  static void outside(int threads, Callable<Team &> work);

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
  friend class Pool;
  Team(Meeting *meeting, int threads, int id) : meeting_(meeting), count_(threads), id_(id) {}
  void run(Callable<int64_t, int64_t> work); // part, parts

  Meeting *meeting_; // null: outside
  int count_, id_;
};

} // namespace pii
