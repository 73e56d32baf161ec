// Operands of elementwise ops, whose kernels walk memory instead of dimensions.
#pragma once

#include <ATen/ops/empty_like.h>

#include "../ops.h"

namespace inkgrad {

// The tensor, or a copy of it if its memory has gaps.
inline Tensor without_gaps(const Tensor& t) {
  return t.is_non_overlapping_and_dense() ? t : at::empty_like(t).copy_(t);
}

// The tensor, or a copy of it if its elements are not in the order of those of `like`.
inline Tensor in_order_of(const Tensor& like, const Tensor& t) {
  return t.strides() == like.strides() ? t : at::empty_like(like).copy_(t);
}

}  // namespace inkgrad
