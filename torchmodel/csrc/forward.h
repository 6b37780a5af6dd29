/* The forward pass of a DistilBERT classifier of tokens through libtorch's operators, on any device of libtorch's: one call for
   a batch. Functions that return char* return NULL, or a message that says what went wrong, the caller's to free. */
#pragma once
#include "engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What weights and states are held in, and with what their products are computed. TF32 is float32 whose products round their
   factors to 10 bits, on a GPU; layer norms and softmax add up in float32 in any of them. */
enum { PII_FORWARD_FP32, PII_FORWARD_TF32, PII_FORWARD_FP16, PII_FORWARD_BF16 };

/* Makes a model of weights, an array of at::Tensor* (float32, on one device) in the order of pii_engine_take. Those that the
   precision holds otherwise are cast once, here; the others are shared. */
char *pii_forward_make(const pii_engine_shape *shape, void *const *weights, int precision, void **model);

/* Computes logits (starts[rows], K) float32 of texts that lie one after another, as of pii_engine_run. On the device rows are
   padded to the longest. */
char *pii_forward_run(void *model, const int32_t *ids, const int32_t *starts, int32_t rows, float *logits);

void pii_forward_free(void *model);

/* Whether products of float32 on a GPU may be computed in TF32 from now on, by any thread. */
char *pii_forward_allow_tf32(int allow);

#ifdef __cplusplus
}
#endif
