#include "guard.h"
#include "pii_torch.h"
#include <ATen/ATen.h>
#include <cstring>

char *pii_torch_upload(const void *content, const int64_t *shape, int dimensions, int dtype, int index, void **out) {
  *out = nullptr;
  return guarded_torch([&] {
    const bool gpu = index >= 0;
    const at::Device to = gpu ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index)) : at::Device(at::kCPU);
    const auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).pinned_memory(gpu);
    const at::Tensor host = at::empty(at::IntArrayRef(shape, dimensions), options);
    std::memcpy(host.data_ptr(), content, host.nbytes());
    *out = new at::Tensor(host.to(to, /*non_blocking=*/gpu));
  });
}
