// Asks the CUDA driver for what libtorch's C++ interface does not tell without CUDA's headers: a device's name and memory.
// The driver's own interface is stable, and is looked up when it is needed; nothing of CUDA is needed to compile this.
#include "guard.h"
#include "pii_torch.h"
#include <dlfcn.h>
#include <stdexcept>
#include <string>

namespace {

// The driver library, as far as it is used here. Names and types are those of cuda.h.
class Driver {
public:
  Driver() : library(dlopen("libcuda.so.1", RTLD_LAZY)) {
    if (library == nullptr)
      throw std::runtime_error("there is no NVIDIA driver here: libcuda.so.1 cannot be opened");
    call("cuInit", 0u);
  }
  ~Driver() { dlclose(library); }
  Driver(const Driver &) = delete;
  Driver &operator=(const Driver &) = delete;

  template <typename... Arguments> void call(const char *name, Arguments... arguments) {
    auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
    if (function == nullptr)
      throw std::runtime_error(std::string("the NVIDIA driver has no ") + name);
    if (int status = function(arguments...))
      throw std::runtime_error(std::string(name) + ": " + describe(status));
  }

private:
  void *library;

  std::string describe(int status) {
    const char *text = nullptr;
    auto function = reinterpret_cast<int (*)(int, const char **)>(dlsym(library, "cuGetErrorString"));
    if (function == nullptr || function(status, &text) != 0 || text == nullptr)
      return "error " + std::to_string(status);
    return text;
  }
};

// Free memory is known only to a thread that has the device's context. libtorch uses the same one.
void read_memory(Driver &driver, int device, int64_t *total, int64_t *free_now) {
  void *context = nullptr;
  size_t free_bytes = 0, total_bytes = 0;
  driver.call("cuDevicePrimaryCtxRetain", &context, device);
  driver.call("cuCtxPushCurrent_v2", context);
  driver.call("cuMemGetInfo_v2", &free_bytes, &total_bytes);
  driver.call("cuCtxPopCurrent_v2", &context);
  driver.call("cuDevicePrimaryCtxRelease_v2", device);
  *total = static_cast<int64_t>(total_bytes);
  *free_now = static_cast<int64_t>(free_bytes);
}

} // namespace

char *pii_torch_cuda_device(int index, char **name, int64_t *total, int64_t *free_now) {
  *name = nullptr;
  return guarded_torch([&] {
    Driver driver;
    int device = 0;
    driver.call("cuDeviceGet", &device, index);
    char text[256] = {0};
    driver.call("cuDeviceGetName", &text[0], static_cast<int>(sizeof text), device);
    read_memory(driver, device, total, free_now);
    *name = strdup(text);
  });
}

char *pii_torch_cuda_capability(int index, int *major, int *minor) {
  constexpr int attribute_major = 75, attribute_minor = 76; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_…
  *major = *minor = 0;
  return guarded_torch([&] {
    Driver driver;
    int device = 0;
    driver.call("cuDeviceGet", &device, index);
    driver.call("cuDeviceGetAttribute", major, attribute_major, device);
    driver.call("cuDeviceGetAttribute", minor, attribute_minor, device);
  });
}
