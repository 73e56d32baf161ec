// Checks of both convolution ops.
#pragma once

#include <ATen/core/Tensor.h>

#include "../common/conv_checks.h"
#include "../ops.h"
#include "runtime.h"

namespace inkgrad::cuda {

// Whether our kernels may read these operands.
inline bool are_plain(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t, input) && t.scalar_type() == input.scalar_type();
  };
  if (!kernels() || !kernel_dtype(input.scalar_type()) || !fits(input) || !fits(weight) ||
      input.dim() != 4 || weight.dim() != 4 || input.numel() == 0 || weight.numel() == 0) {
    return false;
  }
  return !is_defined(bias) || (fits(*bias) && bias->dim() == 1 && bias->size(0) == weight.size(0));
}

}  // namespace inkgrad::cuda
