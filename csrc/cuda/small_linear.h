// Linear layers of few inputs and outputs on CUDA: one kernel forward, and one or two backward.
#pragma once

#include "../ops.h"
#include "kernels/launches.h"

namespace inkgrad::cuda {

// For shapes that Kernels::small_linear_supports(); all tensors have the shape's dtype and are on
// one device.
Tensor small_linear(const LinearShape& shape, const Tensor& input, const Tensor& weight,
                    const OptionalTensor& bias);
Gradients3 small_linear_backward(const LinearShape& shape, const Tensor& grad_output,
                                 const Tensor& input, const Tensor& weight, const Tensor& output,
                                 std::array<bool, 3> output_mask);

}  // namespace inkgrad::cuda
