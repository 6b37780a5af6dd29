// Where the compiler can make one function for several instruction sets, the loader picks the best for the processor. The
// sets are named, not processors: a name is matched against one maker's processors alone.
#pragma once
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif
