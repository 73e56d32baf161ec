// Geometry of convolutions, for every backend.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>

#include "geometry.h"

namespace inkgrad {

// Height and width of an argument that may hold one number for both.
inline int64_t first(at::IntArrayRef pair) {
  TORCH_CHECK(pair.size() == 1 || pair.size() == 2,
              "conv2d: expected one integer, or one for the height and one for the width, got ",
              pair);
  return pair[0];
}
inline int64_t second(at::IntArrayRef pair) {
  first(pair);
  return pair.back();
}

// The output's size in one dimension.
template <typename Int>
Int conv_output_size(Int size, Int kernel, int64_t pad, int64_t dilation, int64_t stride) {
  return (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
}

inline bool is_row_major(const at::Tensor& t) {
  return t.is_contiguous() && t.suggest_memory_format() == at::MemoryFormat::Contiguous;
}

inline PoolGeometry pool_geometry(int64_t height, int64_t width, at::IntArrayRef kernel_size) {
  const int64_t window_height = first(kernel_size), window_width = second(kernel_size);
  return {window_height, window_width, height / window_height, width / window_width};
}

}  // namespace inkgrad
