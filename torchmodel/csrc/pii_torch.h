/* What gotch lacks, as plain C functions in libtch.so. Those that return char* return NULL, or a message that says what
   went wrong; messages and texts are the caller's to free. All may be called from any thread. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the libtorch whose headers this library was compiled with; not to be freed. */
const char *pii_torch_built_version(void);

/* How the libtorch that is running was built: several lines, as at::show_config has them. */
char *pii_torch_show_config(char **text);

/* The file from which libtorch was loaded. */
char *pii_torch_library_path(char **path);

/* Name of the processor that OpenBLAS takes this one for, and how it was built; both NULL where libtorch has another BLAS. */
char *pii_torch_openblas(char **core, char **config);

/* oneDNN's version, or NULL where it is not to be seen from outside libtorch. */
char *pii_torch_onednn_version(char **version);

int pii_torch_get_num_threads(void);
char *pii_torch_set_num_threads(int threads);

/* Sets the number of threads of the operations that the calling thread starts, as far as libtorch can tell threads apart.
   Unlike pii_torch_set_num_threads, which makes libtorch's pools anew each time, it takes no time. */
char *pii_torch_use_threads(int threads);

/* Seeds the random numbers of every device. */
char *pii_torch_manual_seed(int64_t seed);

/* Dropout of x, of floating point on the CPU: each element is 0 with probability p, else x / (1 - p). Which ones follows from key and
   from their place alone: neither libtorch's generator nor the number of threads has a part. *out is a new at::Tensor*, through
   which gradients flow back under the same mask. */
char *pii_torch_dropout(void *x, double p, uint64_t key, void **out);

/* Adds to the gradient of each of n parameters those of its copies, in order; the copies' become undefined. copies has the
   n parameters' first copies, then the second ones, copies_each in all. Each sum is formed in one order, whatever the number
   of threads. A gradient that is not defined is zero. params and copies point to arrays of at::Tensor*. */
char *pii_torch_add_gradients(void **params, void **copies, int n, int copies_each);

/* Makes the gradients of n parameters undefined. */
char *pii_torch_clear_gradients(void **params, int n);

/* The number of CUDA devices that libtorch can use; where there are none, why. */
char *pii_torch_cuda_device_count(int *count, char **why_none);

/* A device's compute capability, asked of the CUDA driver: 8 and 0 for an A100. */
char *pii_torch_cuda_capability(int index, int *major, int *minor);

/* A device's name and its memory in bytes, asked of the CUDA driver. */
char *pii_torch_cuda_device(int index, char **name, int64_t *total, int64_t *free_now);

/* What libtorch has of a device's memory, in bytes: in tensors, and taken from the device, with what it keeps for later tensors and for
   graphs; each now, and at most since the last call of pii_torch_cuda_reset_memory. */
typedef struct {
  int64_t tensors, tensors_peak, taken, taken_peak;
} pii_cuda_memory;

/* known is 0 where this library was compiled without CUDA's headers. */
char *pii_torch_cuda_memory(int index, pii_cuda_memory *memory, int *known);

/* Gives back what libtorch keeps for later tensors, and lets the peaks begin anew. */
char *pii_torch_cuda_reset_memory(int index);

/* The numbers of one step of AdamW. step counts from 1; with max_grad_norm 0 nothing is clipped. */
typedef struct {
  double lr, beta1, beta2, eps, step, max_grad_norm;
} pii_torch_adamw;

/* One step of AdamW over n parameters (Loshchilov and Hutter, https://arxiv.org/abs/1711.05101), with the arithmetic of
   torch.optim.AdamW:

     p -= lr * weight_decay[i] * p
     m  = beta1 * m + (1 - beta1) * g
     v  = beta2 * v + (1 - beta2) * g * g
     p -= lr * (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)

   params, exp_avg and exp_avg_sq point to arrays of at::Tensor*. Each parameter's .grad() is read, and reset to undefined at
   the end. A parameter without gradient is left as it is. With max_grad_norm > 0, each gradient is first multiplied
   by min(1, max_grad_norm / (norm + 1e-6)). norm is the Euclidean norm of all gradients and is stored in *out_grad_norm. Where it is
   infinite or no number, nothing is changed but that the gradients are reset, so that the caller can go on with the next batch.

   lazy_rows is NULL, or has the gradients of one more parameter: see below. It counts as the first of the parameters; where it is
   among params too, it has no gradient there.

   On the CPU, contiguous float32 tensors are updated in a single pass over memory; the result depends neither on the
   number of threads nor on chance. Anything else goes through ATen's operators. */
char *pii_torch_adamw_step(void **params, void **exp_avg, void **exp_avg_sq, const double *weight_decay, int n,
                           const pii_torch_adamw *settings, void *lazy_rows, double *out_grad_norm);

/* The same step where the host is not to wait for a GPU. All tensors are float32 on one device; there the norm is computed, gradients
   are scaled and clipped by it, and where it is not finite, no parameter and no moment is changed. losses points to an
   array of at::Tensor*, the scalars (float32) of the step's parts, one at least; their sum is divided by weight. *result is a new
   at::Tensor* (3) float32 on the device: the loss, the norm, and what the loss of which the gradients are was multiplied by. Some bits
   may differ from those of pii_torch_adamw_step.

   scale is NULL, or an at::Tensor* (3) float32 on the device: what that loss was multiplied by, a power of two, by which gradients are
   divided before the norm is that of all; for how many steps it has been this; and how many steps were left out since the first, their
   norm not being finite. These last are not counted in step. The scale is adjusted to the step, as torch.cuda.amp.GradScaler does: halved,
   but not below 1, where the step is left out, and doubled after 2000 steps that were not.

   Where libtorch lacks the operator for it (1.13; on the CPU, before 2.4), it is pii_torch_adamw_step, which waits for the norm. */
char *pii_torch_adamw_step_on_device(void **params, void **exp_avg, void **exp_avg_sq, const double *weight_decay, int n,
                                     const pii_torch_adamw *settings, void **losses, int parts, double weight, void *scale,
                                     void **result);

/* A new at::Tensor* with this content on CUDA device index, or on the CPU with index -1. dtype is libtorch's number of the type. The
   host does not wait for the copy, which is made from memory that a GPU reads by itself. libtorch keeps that memory for later copies,
   so this is for what is small and comes with each batch. */
char *pii_torch_upload(const void *content, const int64_t *shape, int dimensions, int dtype, int index, void **out);

/* AdamW over a table of embeddings (V, D), float32 on the CPU, by the rows that the tokens of a step have. Another row's gradient is 0,
   so all that its steps take is known before: it is left alone until it is read, and then makes up the steps that it missed, to the
   bits that it would have without delay. padding is the row whose tokens give no gradient, negative for none. The tensors are
   shared; while there are rows that wait, whoever reads them calls pii_torch_lazy_rows_make_up_all first. */
char *pii_torch_lazy_rows_make(void *param, void *exp_avg, void *exp_avg_sq, double weight_decay, int64_t padding, void **rows);
void pii_torch_lazy_rows_free(void *rows);

/* Begins a step whose tokens have these n ids in [0, V): their rows may be read from now on. Gradients of before are forgotten. */
char *pii_torch_lazy_rows_begin(void *rows, const int32_t *ids, int64_t n);

/* Takes the gradient of picked, the rows (N, D) that a shard's tokens of ids (N) int64 read; where it is undefined, it is 0. Several
   threads may call it, each with a shard of its own. Sums are formed in the order of the tokens, then of the shards. */
char *pii_torch_lazy_rows_add(void *rows, int64_t shard, void *ids, void *picked);

/* Brings all rows up to the last step. */
char *pii_torch_lazy_rows_make_up_all(void *rows);

#ifdef __cplusplus
}
#endif
