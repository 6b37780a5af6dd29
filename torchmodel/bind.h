#pragma once

/* Binds the functions of csrc/names.h to those of an open library. Returns NULL, or the name of one that it lacks. */
const char *pii_bind(void *library);
