/* The forward pass of a DistilBERT classifier of tokens on a CPU, in libpii.so: nothing here needs libtorch. Functions that return
   char* return NULL, or a message that says what went wrong, the caller's to free. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the weights and the inputs of the large products are rounded to. */
enum { PII_FP32, PII_BF16, PII_INT8 };

/* Who computes the large products: oneDNN where it has AMX for them, else our own loops; or one of the two. */
enum { PII_BY_BEST, PII_BY_OWN, PII_BY_ONEDNN };

typedef struct {
  int64_t dim, hidden, layers, heads, classes; /* D, F, L, H, K */
  int32_t relu;                                /* the activation: 0 gelu (exact, by erf), 1 relu */
  float eps;                                   /* of layer norms */
} pii_engine_shape;

/* Whether this processor and this build can compute in a precision: 0 no; 1 yes; 2 with AVX-512, its VNNI for int8, its BF16 for bf16;
   3 with AMX. ONEDNN_MAX_CPU_ISA hides newer instructions than it names from us too. */
int pii_engine_supports(int precision);

/* Makes an engine, which then is to take its weights, and computes with so many threads, at least one: that which calls it, and others
   that wait for that one's next call, also of other engines with as many. */
char *pii_engine_make(const pii_engine_shape *shape, int precision, int products, int threads, void **engine);

/* Takes the next part of the weights, which are float32 and contiguous:
     first word and position embeddings (V, D) and (P, D), their layer norm's weight and bias (D);
     then for each layer weight (out, in) and bias (out) of q, k, v, out, then those of the layer norm, of lin1 (F, D), lin2 (D, F)
     and of the second layer norm;
     last the classifier's weight (K, D) and bias (K).
   The embeddings are read where they are and must outlive the engine; of all else it has copies. */
char *pii_engine_take(void *engine, const float *const *weights);

/* Computes logits (starts[rows], K) of texts that lie one after another: row i is ids[starts[i]] … ids[starts[i+1]-1], at
   positions 0, 1, …; none is empty. Ids and lengths are the caller's to check. The result of a row does not depend on the
   others but for rounding. */
char *pii_engine_run(void *engine, const int32_t *ids, const int32_t *starts, int32_t rows, float *logits);

/* What computes the products: a text of the engine's. */
const char *pii_engine_products(void *engine);

void pii_engine_free(void *engine);

#ifdef __cplusplus
}
#endif
