#include "staging.h"
#include "version.h"
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <limits>
#include <thread>

void Moment::mark(const c10::Stream &stream) {
  if (gpu_)
    event_.record(stream);
}

void Moment::hold(const c10::Stream &stream) const {
  if (gpu_)
    event_.block(stream);
}

void Moment::wait() const {
#if PII_TORCH_AT_LEAST(2, 4)
  if (gpu_)
    event_.synchronize();
#else
  while (gpu_ && !event_.query())
    std::this_thread::yield();
#endif
}

double Moment::since(const Moment &earlier) const {
#if PII_TORCH_AT_LEAST(2, 4)
  if (gpu_)
    return earlier.event_.elapsedTime(event_);
#else
  (void)earlier;
#endif
  return gpu_ ? std::numeric_limits<double>::quiet_NaN() : 0;
}

namespace {

c10::Stream current_of(c10::Device device) { return c10::impl::VirtualGuardImpl(device.type()).getStream(device); }

// Another stream than the current one, where the device has several.
c10::Stream another(c10::Device device) {
  return device.is_cuda() ? c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device) : current_of(device);
}

} // namespace

Streams::Streams(c10::Device device) : device(device), up(another(device)), down(another(device)) {}

c10::Stream Streams::current() const { return current_of(device); }

Slot::Slot(const Streams &streams)
    : streams_(streams), sending_(streams.device), sent_(streams.device), computed_(streams.device), fetching_(streams.device),
      fetched_(streams.device) {}

Slot::~Slot() {
  try {
    recover();
  } catch (...) { // the device is lost, and its memory with it
  }
}

// The first n of what is kept, which is made anew where it is too small.
at::Tensor Slot::host(at::Tensor &kept, int64_t n, at::ScalarType type) const {
  if (!kept.defined() || kept.numel() < n)
    kept = at::empty({2 * n}, at::TensorOptions().dtype(type).pinned_memory(streams_.device.is_cuda()));
  return kept.narrow(0, 0, n);
}

int32_t *Slot::outgoing(int64_t n) {
  length_ = n;
  return host(up_host_, n, at::kInt).data_ptr<int32_t>();
}

at::Tensor Slot::send() {
  const c10::Stream current = streams_.current();
  const c10::StreamGuard beside(streams_.up);
  if (!up_device_.defined() || up_device_.numel() < length_)
    up_device_ = at::empty({2 * length_}, at::TensorOptions().dtype(at::kInt).device(streams_.device));
  const at::Tensor to = up_device_.narrow(0, 0, length_);
  sending_.mark(streams_.up);
  to.copy_(up_host_.narrow(0, 0, length_), /*non_blocking=*/true);
  sent_.mark(streams_.up);
  sent_.hold(current);
  return to;
}

void Slot::send_to(const at::Tensor &place) {
  const c10::Stream stream = streams_.current();
  sending_.mark(stream);
  place.copy_(up_host_.narrow(0, 0, length_), /*non_blocking=*/true);
  sent_.mark(stream);
}

void Slot::fetch(const at::Tensor &scores, bool at_once) {
  const c10::Stream current = streams_.current(), stream = at_once ? current : streams_.down;
  scores_ = scores; // until it is fetched: the stream that made it would give its memory away before
  there_ = host(down_host_, scores.numel(), at::kFloat);
  if (!at_once) {
    computed_.mark(current);
    computed_.hold(stream);
  }
  const c10::StreamGuard beside(stream);
  fetching_.mark(stream);
  there_.copy_(scores.reshape(-1), /*non_blocking=*/true);
  fetched_.mark(stream);
}

const float *Slot::wait() {
  fetched_.wait();
  scores_.reset();
  return there_.data_ptr<float>();
}

void Slot::recover() {
  fetched_.wait();
  sent_.wait();
  computed_.mark(streams_.current());
  computed_.wait();
  scores_.reset();
}
