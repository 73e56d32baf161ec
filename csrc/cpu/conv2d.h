// What the autograd functions ask of the CPU's convolution.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

// Whether a kernel of ours computes this conv2d. If not it is torch's, and so may its graph be.
bool computes_conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                     IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups);

}  // namespace inkgrad::cpu
