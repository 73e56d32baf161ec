// The loss together with its gradient, for autograd.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

struct LossAndGradient {
  Tensor loss;
  Tensor grad_input;
};

// A mean or a sum and its gradient in one pass over memory, which takes half as long as two passes.
// Nothing for reduction "none" and for operands that the kernels do not support.
std::optional<LossAndGradient> binary_cross_entropy_with_gradient(const Tensor& input,
                                                                  const Tensor& target,
                                                                  const OptionalTensor& weight,
                                                                  int64_t reduction);

}  // namespace inkgrad::cpu
