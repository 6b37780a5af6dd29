// Which libtorch this is compiled with.
#pragma once
#include <torch/version.h>

#define PII_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))
