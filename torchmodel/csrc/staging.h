// How batches travel between the host and a device, beside what the device computes.
#pragma once
#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <cstdint>

// A place in the work of a stream. On a CPU, which has done its work when a call returns, it is nothing.
class Moment {
public:
  explicit Moment(c10::Device device) : gpu_(device.is_cuda()), event_(device.type(), c10::EventFlag::BACKEND_DEFAULT) {}
  // Is now: after what the stream has been given so far.
  void mark(const c10::Stream &stream);
  // Lets a stream wait for the moment before it does what it is given from now on.
  void hold(const c10::Stream &stream) const;
  // Waits for the moment.
  void wait() const;
  // Milliseconds since an earlier moment, when both have passed; no number where libtorch does not tell.
  double since(const Moment &earlier) const;

private:
  bool gpu_;
  c10::Event event_;
};

// The streams of a device that copy.
struct Streams {
  explicit Streams(c10::Device device);
  c10::Stream current() const; // that computes
  c10::Device device;
  c10::Stream up, down;
};

// What one batch under way needs: memory of the host that a GPU copies from and to by itself, memory of the device for what goes there,
// and moments by which it is known when something is there. All is kept for the next batch.
class Slot {
public:
  explicit Slot(const Streams &streams);
  ~Slot(); // waits
  Slot(const Slot &) = delete;
  Slot &operator=(const Slot &) = delete;

  // Memory of the host for n int32 that are to be sent.
  int32_t *outgoing(int64_t n);
  // Sends them: (n) int32 on the device, for work of the current stream, until the next batch is sent.
  at::Tensor send();
  // Sends them by the current stream to where they always are: what takes least time where the device has nothing else to do.
  void send_to(const at::Tensor &place);
  // Begins to fetch what the current stream computes, (N, K) float32; at_once by the current stream.
  void fetch(const at::Tensor &scores, bool at_once);
  // Waits for what was fetched: N * K float32.
  const float *wait();
  // Waits for all that the current stream was given, after which nothing reads the slot's memory: when it was left half-way.
  void recover();
  // Milliseconds that the copies of the last batch took on the device.
  double copied() const { return sent_.since(sending_) + fetched_.since(fetching_); }

private:
  at::Tensor host(at::Tensor &kept, int64_t n, at::ScalarType type) const;

  const Streams &streams_;
  int64_t length_ = 0;
  at::Tensor up_host_, up_device_, down_host_; // (at least the largest so far)
  at::Tensor scores_, there_;                  // of the batch that is fetched: on the device, and on the host
  Moment sending_, sent_, computed_, fetching_, fetched_;
};
