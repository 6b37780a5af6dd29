#include "bind.h"
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define X(name) extern void *at_##name;
#include "csrc/engine/names.h"
#include "csrc/names.h"
#undef X

struct binding {
  const char *name;
  void **at;
};

#define X(name) {#name, &at_##name},
static const struct binding of_engine[] = {
#include "csrc/engine/names.h"
};
static const struct binding of_torch[] = {
#include "csrc/names.h"
};
#undef X

/* Where every pointer leads until it is bound. */
__attribute__((visibility("hidden"), noreturn)) void pii_unbound(void) {
  fputs("a library was called before it was loaded\n", stderr);
  abort();
}

char *pii_open(const char *path, void **library) {
  *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  return *library == NULL ? strdup(dlerror()) : NULL;
}

static const char *bind_all(void *library, const struct binding *all, size_t n) {
  for (size_t i = 0; i < n; i++) {
    void *function = dlsym(library, all[i].name);
    if (function == NULL)
      return all[i].name;
    *all[i].at = function;
  }
  return NULL;
}

const char *pii_bind_torch(void *library) { return bind_all(library, of_torch, sizeof of_torch / sizeof of_torch[0]); }

const char *pii_bind_engine(void *library) { return bind_all(library, of_engine, sizeof of_engine / sizeof of_engine[0]); }
