// Turns C++ exceptions into messages: nothing that C++ throws may pass through Go.
#pragma once
#include <c10/util/Exception.h>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

// What a message begins with where a device has no memory left.
#define PII_OUT_OF_MEMORY "out of memory: "

// guarded runs work and returns NULL, or what it threw as a text that the caller frees.
template <typename Work> char *guarded(Work work) {
  try {
    work();
    return nullptr;
  } catch (const c10::OutOfMemoryError &error) {
    return strdup((std::string(PII_OUT_OF_MEMORY) + error.what_without_backtrace()).c_str());
  } catch (const c10::Error &error) {
    return strdup(error.what_without_backtrace());
  } catch (const std::exception &error) {
    return strdup(error.what());
  } catch (...) {
    return strdup("an unknown C++ exception");
  }
}
