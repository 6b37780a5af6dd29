// Turns C++ exceptions into messages: nothing that C++ throws may pass through Go.
#pragma once
#include <cstring>
#include <exception>

// guarded runs work and returns NULL, or what it threw as a text that the caller frees.
template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an unknown C++ exception");
  }
}
