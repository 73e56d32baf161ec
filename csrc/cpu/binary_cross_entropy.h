// The loss together with its gradient.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

struct LossAndGradient {
  Tensor loss;
  Tensor grad_input;  // of the loss with respect to input
};

// binary_cross_entropy reduced to a number, and its gradient, in one pass over memory: two take
// twice as long. Nothing where the kernels do not take the operands, or for another reduction.
std::optional<LossAndGradient> binary_cross_entropy_with_gradient(const Tensor& input,
                                                                  const Tensor& target,
                                                                  const OptionalTensor& weight,
                                                                  int64_t reduction);

}  // namespace inkgrad::cpu
