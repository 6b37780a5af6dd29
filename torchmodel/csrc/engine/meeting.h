// How threads wait for one another: a while awake, since what they wait for mostly comes within microseconds, then asleep, since somebody
// else may want the processor.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <sched.h>
#include <vector>

namespace pii {

// On which processors the threads of a team are. The system may put two on one, after a pause or beside another program; then who waits
// awake has to yield to the other, and both take as long as one would.
class Places {
public:
  explicit Places(int threads) : at_(threads) {
    for (int id = 0; id < threads; id++)
      at_[id] = -1 - id; // none's
  }

  // Whether another thread was last on the processor that thread `id`, the caller, is on.
  bool shared(int id) {
    const int here = sched_getcpu();
    if (at_[id].load(std::memory_order_relaxed) != here)
      at_[id].store(here, std::memory_order_relaxed);
    for (size_t i = 0; i < at_.size(); i++)
      if (static_cast<int>(i) != id && at_[i].load(std::memory_order_relaxed) == here)
        return true;
    return false;
  }

private:
  std::vector<std::atomic<int>> at_;
};

// A number that goes up, and threads that wait for that.
class Signal {
public:
  uint32_t now() const { return number_.load(std::memory_order_acquire); }

  // Wakes who waits. A sleeper is counted before it looks at the number once more, so it is either seen here or sees the new number.
  void raise() {
    number_.fetch_add(1);
    if (sleepers_.load() == 0)
      return;
    std::lock_guard<std::mutex> guard(mutex_);
    raised_.notify_all();
  }

  // Returns once the number is no longer `seen`, to thread `id`.
  void wait(uint32_t seen, int id, Places &places) {
    if (watch(seen, id, places))
      return;
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    raised_.wait(lock, [&] { return number_.load() != seen; });
    sleepers_.fetch_sub(1);
  }

private:
  // Whether the number goes up while the thread is awake: long enough for a text to be read before the next one is computed.
  bool watch(uint32_t seen, int id, Places &places) const {
    constexpr std::chrono::microseconds kAwake(500);
    const auto begin = std::chrono::steady_clock::now();
    do {
      for (int i = 0; i < 32; i++) {
        if (now() != seen)
          return true;
        pause();
      }
      if (places.shared(id))
        sched_yield();
    } while (std::chrono::steady_clock::now() - begin < kAwake);
    return false;
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  alignas(64) std::atomic<uint32_t> number_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable raised_;
};

// Where all threads of a team wait for the last one.
class Meeting {
public:
  Meeting(int threads, Places &places) : threads_(threads), places_(places) {}

  void join(int id) {
    const uint32_t seen = all_here_.now();
    if (here_.fetch_add(1) + 1 < threads_)
      return all_here_.wait(seen, id, places_);
    here_.store(0);
    all_here_.raise();
  }

private:
  alignas(64) std::atomic<int> here_{0};
  int threads_;
  Places &places_;
  Signal all_here_;
};

} // namespace pii
