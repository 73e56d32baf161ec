// Shapes of the convolutions and poolings that have kernels, on every backend.
#pragma once

#include <cstdint>

namespace inkgrad {

// Convolution of one image: stride 1, one group, any padding and dilation.
struct ConvGeometry {
  int64_t in_channels, in_height, in_width;
  int64_t out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width;
  int64_t pad_height, pad_width;
  int64_t dilation_height, dilation_width;
};

// Non-overlapping windows; rows and columns that do not fill a window are dropped.
struct PoolGeometry {
  int64_t window_height, window_width;
  int64_t out_height, out_width;
};

// The index of a maximum in its window is saved in a byte, whose last value says that the maximum
// does not pass the relu.
inline constexpr int64_t kMaxWindowElements = 255;
inline constexpr int kNoGradient = 255;

}  // namespace inkgrad
