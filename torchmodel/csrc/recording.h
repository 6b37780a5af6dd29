// Work of a GPU that is recorded once and then done again by one call: a CUDA graph.
#pragma once
#include "staging.h"
#include <functional>
#include <memory>

class Recording {
public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

// Whether there are recordings: for a GPU, this library must be compiled with CUDA's headers. A CPU's does the work again, so that what
// uses recordings can be tested.
bool can_record(c10::Device device);

// Records work, whose results are there after a replay. It must not wait for the device. The tensors that it reads stay where they are, and
// so do those that it makes, which are part of the recording.
std::unique_ptr<Recording> record(const Streams &streams, std::function<void()> work);
