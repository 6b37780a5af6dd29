// Turns libtorch's exceptions into messages as well as all others: without the stack that they bring along.
#pragma once
#include "engine/guard.h"
#include <c10/util/Exception.h>
#include <stdexcept>
#include <string>

// What a message begins with where a device has no memory left.
#define PII_OUT_OF_MEMORY "out of memory: "

// guarded_torch is guarded for work of libtorch's.
template <typename Work> char *guarded_torch(Work work) {
  return guarded([&] {
    try {
      work();
    } catch (const c10::OutOfMemoryError &error) {
      throw std::runtime_error(std::string(PII_OUT_OF_MEMORY) + error.what_without_backtrace());
    } catch (const c10::Error &error) {
      throw std::runtime_error(error.what_without_backtrace());
    }
  });
}
