// Products of matrices on the tensor cores (kernels/gemm.cu), where they beat torch's.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime.h"

namespace inkgrad::cuda {

// Whether x [m, k] and weight [n, k], both of one dtype, are multiplied by our kernel.
bool tensor_cores_take(const at::Tensor& x, const at::Tensor& weight);

// activation(x weight^T + bias) [m, n]; bias may be undefined.
at::Tensor tensor_core_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                              Activation activation, const Launch& launch);

// What activation_backward() leaves of grad_z for them.
at::Tensor gradient_extremes(const at::Tensor& grad_z);

// Of float matrices: grad_z weight, as grad_input, and grad_z^T x, as grad_weight, where wanted.
struct LinearGradients {
  at::Tensor grad_input, grad_weight;
};
// [extremes]
LinearGradients tensor_core_gradients(const at::Tensor& grad_z, const at::Tensor& extremes,
                                      const at::Tensor& x, const at::Tensor& weight,
                                      bool wants_input, bool wants_weight, const Launch& launch);

}  // namespace inkgrad::cuda
