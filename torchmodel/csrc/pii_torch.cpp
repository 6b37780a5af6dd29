// What the running libtorch is and what it runs on.
#include "pii_torch.h"
#include "guard.h"
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <stdexcept>
#include <string>
#include <torch/cuda.h>
#include <torch/version.h>

namespace {

char *copy(const std::string &text) { return strdup(text.c_str()); }

// A symbol of a library that libtorch may or may not have brought along.
template <typename Function> Function symbol(const char *name) {
  return reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
}

// A libtorch with CUDA says so in its configuration, also where there is no device.
const char *why_no_device() {
  if (at::show_config().find("CUDA Runtime") == std::string::npos)
    return "this libtorch was built without CUDA";
  void *driver = dlopen("libcuda.so.1", RTLD_LAZY);
  if (driver == nullptr)
    return "there is no NVIDIA driver here: libcuda.so.1 cannot be opened";
  dlclose(driver);
  return "the NVIDIA driver offers no device that this libtorch can use";
}

} // namespace

const char *pii_torch_built_version(void) { return TORCH_VERSION; }

char *pii_torch_show_config(char **text) {
  return guarded_torch([&] { *text = copy(at::show_config()); });
}

char *pii_torch_library_path(char **path) {
  return guarded_torch([&] {
    Dl_info info;
    if (dladdr(reinterpret_cast<void *>(&at::show_config), &info) == 0 || info.dli_fname == nullptr)
      throw std::runtime_error("the loader does not say where libtorch is");
    *path = copy(info.dli_fname);
  });
}

char *pii_torch_openblas(char **core, char **config) {
  *core = *config = nullptr;
  return guarded_torch([&] {
    if (auto name = symbol<char *(*)()>("openblas_get_corename"))
      *core = copy(name());
    if (auto text = symbol<char *(*)()>("openblas_get_config"))
      *config = copy(text());
  });
}

char *pii_torch_onednn_version(char **version) {
  struct Version { // the beginning of dnnl_version_t
    int major, minor, patch;
  };
  *version = nullptr;
  return guarded_torch([&] {
    if (auto get = symbol<const Version *(*)()>("dnnl_version")) {
      const Version *v = get();
      *version = copy(std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch));
    }
  });
}

int pii_torch_get_num_threads(void) { return at::get_num_threads(); }

char *pii_torch_set_num_threads(int threads) {
  return guarded_torch([&] { at::set_num_threads(threads); });
}

char *pii_torch_use_threads(int threads) {
  return guarded_torch([&] {
    at::get_num_threads(); // a thread takes libtorch's number when it first asks, and would then forget this one
    auto set = symbol<void (*)(int)>("omp_set_num_threads");
    if (set == nullptr || at::hasMKL()) // MKL has a number of its own
      at::set_num_threads(threads);
    else
      set(threads);
  });
}

char *pii_torch_cuda_device_count(int *count, char **why_none) {
  *count = 0;
  *why_none = nullptr;
  return guarded_torch([&] {
    *count = static_cast<int>(torch::cuda::device_count());
    if (*count == 0)
      *why_none = copy(why_no_device());
  });
}
