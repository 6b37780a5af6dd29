#include "recording.h"
#include "version.h"
#include <c10/core/StreamGuard.h>
#include <stdexcept>
#ifdef PII_CUDA
#include <ATen/cuda/CUDAGraph.h>
#endif

namespace {

class Again : public Recording {
public:
  explicit Again(std::function<void()> work) : work_(std::move(work)) {}
  void replay() override { work_(); }

private:
  std::function<void()> work_;
};

#ifdef PII_CUDA

class Graph : public Recording {
public:
  // The default stream cannot be recorded. Always the same one is, as libraries keep memory for each stream that they have computed in.
  Graph(const Streams &streams, const std::function<void()> &work) {
    finish(streams.current());
    const c10::StreamGuard beside(streams.up);
    work(); // what libraries set up when they are first used cannot be recorded
    finish(streams.up);
    begin();
    try {
      work();
    } catch (...) {
      abandon();
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

private:
  static void finish(const c10::Stream &stream) {
    Moment now(stream.device());
    now.mark(stream);
    now.wait();
  }

  // Other threads may use the device meanwhile.
  void begin() {
#if PII_TORCH_AT_LEAST(2, 1)
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
#else
    graph_.capture_begin();
#endif
  }

  // Without it the stream would go on recording.
  void abandon() {
    try {
      graph_.capture_end();
    } catch (...) { // it says that the recording is not whole
    }
  }

  at::cuda::CUDAGraph graph_;
};

constexpr bool has_graphs = true;

std::unique_ptr<Recording> graph_of(const Streams &streams, const std::function<void()> &work) { return std::make_unique<Graph>(streams, work); }

#else

constexpr bool has_graphs = false;

std::unique_ptr<Recording> graph_of(const Streams &, const std::function<void()> &) {
  throw std::logic_error("this library was compiled without CUDA's headers");
}

#endif

} // namespace

bool can_record(c10::Device device) { return has_graphs || device.is_cpu(); }

std::unique_ptr<Recording> record(const Streams &streams, std::function<void()> work) {
  if (streams.device.is_cuda())
    return graph_of(streams, work);
  return std::make_unique<Again>(std::move(work));
}
