// Which loops suit the processor.
#include "kernels.h"
#include <cstdlib>
#include <initializer_list>
#include <strings.h>

namespace pii {
namespace {

// Sets of instructions that we have loops for, each with those before it.
enum Instructions { kBase, kAVX2, kAVX512, kVNNI, kBF16 };

Instructions of_processor() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return kBase;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return kAVX2;
  if (!__builtin_cpu_supports("avx512vnni"))
    return kAVX512;
#if __GNUC__ >= 11 // older ones do not know the name
  if (__builtin_cpu_supports("avx512bf16"))
    return kBF16;
#endif
  return kVNNI;
#else
  return kBase;
#endif
}

// What a name that ONEDNN_MAX_CPU_ISA takes lets through; as with oneDNN, case does not matter and unknown ones hide nothing.
Instructions named(const char *name) {
  static const struct {
    const char *name;
    Instructions most;
  } known[] = {{"SSE41", kBase},        {"AVX", kBase},          {"AVX2", kAVX2},
               {"AVX2_VNNI", kAVX2},    {"AVX2_VNNI_2", kAVX2},  {"AVX512_MIC", kAVX2},
               {"AVX512_CORE", kAVX512}, {"AVX512_CORE_VNNI", kVNNI}};
  for (const auto &k : known)
    if (strcasecmp(name, k.name) == 0)
      return k.most;
  return kBF16;
}

Instructions instructions() {
  Instructions found = of_processor();
  for (const char *variable : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"})
    if (const char *name = std::getenv(variable); name && *name) // oneDNN passes over an empty one too
      return named(name) < found ? named(name) : found;
  return found;
}

} // namespace

const Kernels *best_kernels() {
  static const Instructions most = instructions();
  const Kernels *tables[] = {kernels_any(), kernels_avx2(), kernels_avx512(), kernels_vnni(), kernels_bf16()};
  for (int at = most; at > 0; at--)
    if (tables[at])
      return tables[at];
  return tables[0];
}

} // namespace pii
