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

/* How many batches may be submitted and not yet collected: while the device computes one, the next one goes there. */
enum { PII_FORWARD_DEPTH = 2 };

/* Makes a model of weights, an array of at::Tensor* (float32, on one device) in the order of pii_engine_take. Those that the
   precision holds otherwise are cast once, here; the others are shared. */
char *pii_forward_make(const pii_engine_shape *shape, void *const *weights, int precision, void **model);

/* Begins to compute the logits of texts that lie one after another, as of pii_engine_run. On a GPU it returns before they are computed.
   ids and starts are read before it returns. A batch that fails is not among those to be collected. */
char *pii_forward_submit(void *model, const int32_t *ids, const int32_t *starts, int32_t rows);

/* Waits for the batch that was submitted first of those not collected, and stores its logits (tokens, K) float32. */
char *pii_forward_collect(void *model, float *logits);

/* Seconds that copies to and from the device took since the last call, of batches that were collected; no number where libtorch does not
   tell, which it does from 2.4 on. */
char *pii_forward_copied(void *model, double *seconds);

/* What computes, in words; not to be freed. */
const char *pii_forward_products(void *model);

/* What the user should know, once: *text is NULL for nothing, else the caller's to free. */
char *pii_forward_warning(void *model, char **text);

void pii_forward_free(void *model);

/* Whether products of float32 on a GPU may be computed in TF32 from now on, by any thread. */
char *pii_forward_allow_tf32(int allow);

#ifdef __cplusplus
}
#endif
