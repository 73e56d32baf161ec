// What the convolutions share.
#pragma once

#include <ATen/core/Tensor.h>

#include "../common/conv_checks.h"
#include "../ops.h"
#include "runtime.h"

namespace inkgrad::cuda {

// Whether tensors that are convolved together are what kernels may read.
inline bool are_plain(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t, input) && t.scalar_type() == input.scalar_type();
  };
  if (!kernels() || !kernel_dtype(input.scalar_type()) || !fits(input) || !fits(weight) ||
      input.dim() != 4 || weight.dim() != 4 || input.numel() == 0 || weight.numel() == 0) {
    return false;
  }
  return !bias.has_value() || !bias->defined() ||
         (fits(*bias) && bias->dim() == 1 && bias->size(0) == weight.size(0));
}

// Of one dimension of a convolution.
inline int64_t extent(int64_t size, int64_t kernel, int64_t pad, int64_t dilation, int64_t stride) {
  return (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

}  // namespace inkgrad::cuda
