// Gradients straight from the pooled gradient, by the kernels that skip its zeros
// (kernels/conv/pooled_*).
#pragma once

#include "algorithms.h"

namespace inkgrad::cpu {

// Undefined if an operand is not finite: its product with a zero is NaN.
Tensor sparse_grad_input(const ConvProblem& p, const BackwardTensors& t, const ConvMemory& memory);
Tensor sparse_grad_weight(const ConvProblem& p, const BackwardTensors& t, const ConvMemory& memory);

}  // namespace inkgrad::cpu
