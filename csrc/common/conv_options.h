// The options of a convolution, one or two numbers each, as in torch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace inkgrad {

struct ConvOptions {
  at::IntArrayRef stride, padding, dilation;
  int64_t groups;
};

}  // namespace inkgrad
