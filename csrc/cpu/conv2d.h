// The CPU's convolution, for the autograd functions and for the op that pools its output.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

// Whether a kernel of ours computes this conv2d. If not it is torch's, and so may its graph be.
bool computes_conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                     IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups);

Gradients3 conv2d_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                           int64_t groups, std::array<bool, 3> output_mask);

}  // namespace inkgrad::cpu
