#include "bind.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define X(name) extern void *at_##name;
#include "csrc/names.h"
#undef X

static const struct {
  const char *name;
  void **at;
} bound[] = {
#define X(name) {#name, &at_##name},
#include "csrc/names.h"
#undef X
};

/* Where every pointer leads until pii_bind has succeeded. */
__attribute__((visibility("hidden"), noreturn)) void pii_unbound(void) {
  fputs("libtorch was called before it was loaded\n", stderr);
  abort();
}

const char *pii_bind(void *library) {
  const size_t n = sizeof bound / sizeof bound[0];
  for (size_t i = 0; i < n; i++) {
    void *function = dlsym(library, bound[i].name);
    if (function == NULL)
      return bound[i].name;
    *bound[i].at = function;
  }
  return NULL;
}
