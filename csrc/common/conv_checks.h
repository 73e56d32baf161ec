// Checks of convolution arguments that every backend makes.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>

#include "geometry.h"

namespace inkgrad {

// Height and width of an argument that may hold one number for both.
inline int64_t first(at::IntArrayRef pair) { return pair[0]; }
inline int64_t second(at::IntArrayRef pair) { return pair.back(); }

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

// Indices of the maxima are bytes.
inline constexpr int64_t kMaxWindowElements = 256;

inline void check_window(at::IntArrayRef kernel_size) {
  const int64_t height = first(kernel_size), width = second(kernel_size);
  TORCH_CHECK(height > 0 && width > 0,
              "conv2d_relu_max_pool2d: expected a positive kernel_size, got ", kernel_size);
  // Divided, because the product may overflow.
  TORCH_CHECK(height <= kMaxWindowElements / width,
              "conv2d_relu_max_pool2d: expected a kernel_size of at most ", kMaxWindowElements,
              " elements, got ", kernel_size);
}

}  // namespace inkgrad
