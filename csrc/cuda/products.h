// Matrix products on the tensor cores (kernels/gemm.cu), where they are faster than torch's.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime.h"

namespace inkgrad::cuda {

// Whether our kernel multiplies x [m, k] and weight [n, k], of one dtype.
bool tensor_cores_support(const at::Tensor& x, const at::Tensor& weight);

// activation(x weight^T + bias) [m, n]; bias may be undefined.
at::Tensor tensor_core_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              Activation activation, const Launch& launch);

// Memory for the extremes that activation_backward() computes for tensor_core_gradients().
at::Tensor gradient_extremes(const at::Tensor& grad_z);

struct ProductGradients {
  at::Tensor grad_input, grad_weight;
};
// For float matrices: grad_input = grad_z weight, grad_weight = grad_z^T x, if needed; [extremes].
ProductGradients tensor_core_gradients(const at::Tensor& grad_z, const at::Tensor& extremes,
                                       const at::Tensor& x, const at::Tensor& weight,
                                       bool needs_input, bool needs_weight, const Launch& launch);

}  // namespace inkgrad::cuda
