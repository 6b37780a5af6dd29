// What libtorch has taken of a GPU's memory. It tells that through headers which need CUDA's; see find_cuda_headers in setup.sh.
#include "guard.h"
#include "pii_torch.h"

#ifdef PII_CUDA
#include <ATen/ATen.h>
#include <c10/cuda/CUDACachingAllocator.h>

namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

// Without a tensor, libtorch has not yet begun to count.
void begin_counting(int device) { at::empty({1}, at::TensorOptions().device(at::kCUDA, static_cast<c10::DeviceIndex>(device))); }

constexpr size_t all = 0; // of the counts by kind of block, the one that has all

} // namespace

char *pii_torch_cuda_memory(int index, pii_cuda_memory *memory, int *known) {
  return guarded_torch([&] {
    begin_counting(index);
    const auto stats = allocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    const auto &tensors = stats.allocated_bytes[all], &taken = stats.reserved_bytes[all];
    *memory = {tensors.current, tensors.peak, taken.current, taken.peak};
    *known = 1;
  });
}

char *pii_torch_cuda_reset_memory(int index) {
  return guarded_torch([&] {
    begin_counting(index);
    allocator::emptyCache();
    allocator::resetPeakStats(static_cast<c10::DeviceIndex>(index));
  });
}

#else

char *pii_torch_cuda_memory(int, pii_cuda_memory *memory, int *known) {
  *memory = {};
  *known = 0;
  return nullptr;
}

char *pii_torch_cuda_reset_memory(int) { return nullptr; }

#endif
