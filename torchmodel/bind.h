#pragma once

/* Opens a shared library. Returns NULL, or a message that the caller frees. */
char *pii_open(const char *path, void **library);

/* Binds the functions of csrc/names.h to those of libtch.so, or those of csrc/engine/names.h to libpii.so's. Returns NULL, or the
   name of one that the library lacks. */
const char *pii_bind_torch(void *library);
const char *pii_bind_engine(void *library);
