// The binary cross entropy together with its gradient, for autograd. A backend that computes both in
// one pass defines the function; today that is the CPU.
#pragma once

#include "../ops.h"

namespace inkgrad {

struct LossAndGradient {
  Tensor loss;
  Tensor grad_input;
};

// A mean or a sum and its gradient in one pass over memory, which takes half as long as two passes.
// Nothing for reduction "none" and for operands that no backend supports this way.
std::optional<LossAndGradient> binary_cross_entropy_with_gradient(const Tensor& input,
                                                                  const Tensor& target,
                                                                  const OptionalTensor& weight,
                                                                  int64_t reduction);

}  // namespace inkgrad
