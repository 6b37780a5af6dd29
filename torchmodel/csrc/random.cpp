#include "guard.h"
#include "pii_torch.h"

#include <ATen/Context.h>

extern "C" char *pii_torch_manual_seed(int64_t seed) {
  return guarded_torch([&] { at::manual_seed(static_cast<uint64_t>(seed)); });
}
