#include "team.h"
#include "meeting.h"
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#ifdef _OPENMP
#include <omp.h>
#endif

namespace pii {
namespace {

// While it lives, threads that the caller starts are sent no signals: those of the process are for the program's own.
class Unsignalled {
public:
  Unsignalled() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~Unsignalled() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

} // namespace

// A thread and the others that work with it.
class Pool {
public:
  explicit Pool(int threads) : threads_(threads), places_(threads), meeting_(threads, places_) {
    Unsignalled here;
    try {
      for (int id = 1; id < threads; id++)
        others_.emplace_back([this, id] { wait_for_work(id); });
    } catch (const std::system_error &error) {
      const size_t got = others_.size() + 1;
      end();
      throw std::runtime_error("only " + std::to_string(got) + " of " + std::to_string(threads) +
                               " threads could be had (" + error.code().message() + "); with fewer threads it goes");
    } catch (...) {
      end();
      throw;
    }
  }
  ~Pool() { end(); }

  int threads() const { return threads_; }

  void run(Callable<Team &> work) {
    work_ = &work;
    begun_.raise();
    take_part(0);
  }

private:
  void wait_for_work(int id) {
    for (uint32_t seen = 0;; seen++) {
      begun_.wait(seen, id, places_);
      if (ended_)
        return;
      take_part(id);
    }
  }

  void take_part(int id) {
    Team team(&meeting_, threads_, id);
    (*work_)(team);
    meeting_.join(id);
  }

  void end() {
    ended_ = true;
    begun_.raise();
    for (std::thread &t : others_)
      t.join();
  }

  int threads_;
  Places places_;
  Meeting meeting_;
  Signal begun_;
  Callable<Team &> *work_ = nullptr;
  bool ended_ = false;
  std::vector<std::thread> others_;
};

void Team::inside(int threads, Callable<Team &> work) {
  thread_local std::unique_ptr<Pool> pool;
  if (!pool || pool->threads() != threads) {
    pool = nullptr;
    pool = std::make_unique<Pool>(threads);
  }
  pool->run(work);
}

#ifdef _OPENMP

void Team::outside(int threads, Callable<Team &> work) {
  omp_set_num_threads(threads);
  Team alone(nullptr, threads, 0);
  work(alone);
}

void Team::run(Callable<int64_t, int64_t> work) {
  if (meeting_ != nullptr) {
    work(id_, count_);
    meeting_->join(id_);
    return;
  }
#pragma omp parallel num_threads(count_)
  work(omp_get_thread_num(), omp_get_num_threads());
}

#else

void Team::outside(int, Callable<Team &>) { throw std::logic_error("there is no OpenMP"); }

void Team::run(Callable<int64_t, int64_t> work) {
  work(id_, count_);
  meeting_->join(id_);
}

#endif
} // namespace pii
