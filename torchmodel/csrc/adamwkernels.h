// AdamW's arithmetic over runs of memory. Needs no libtorch.
#pragma once
#include <cstdint>

namespace pii {

// Numbers that are the same for every element of a parameter in one step.
struct Factors {
  float grad, keep, beta1, beta2, step_size, root_correction, eps;
};

// One step over n elements: parameters, gradients, first and second moments.
void adamw_update(float *p, const float *grad, float *m, float *v, int64_t n, const Factors &factors);

// count steps, one after another, over n elements whose gradients are 0 in all of them: bit for bit what adamw_update makes of
// them. beta1, beta2 and eps are alike in all steps.
void adamw_make_up(float *p, float *m, float *v, int64_t n, const Factors *steps, int64_t count);

// Squares are summed in float over runs of so many elements, then in double.
constexpr int64_t squares_run = 4096;

// Adds the sums of the squares of one run, squares_run elements at most, to total.
void add_squares(const float *g, int64_t n, double &total);

// Runs that are summed to one number each, before these are summed. The cut does not depend on the number of threads.
constexpr int64_t block_length = 1 << 16;

} // namespace pii
