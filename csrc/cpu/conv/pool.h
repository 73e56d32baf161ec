// The pool after a convolution that does not pool by itself, and its gradient.
#pragma once

#include "../../ops.h"
#include "../runtime.h"

namespace inkgrad::cpu {

// relu(max_pool2d(convolved)) and the indices of the maxima, in the layout of `convolved`, which
// has at least one window. Half types are computed in float32.
Gradients2 relu_pool(const Tensor& convolved, IntArrayRef kernel_size);

// The part of grad_output that passes the relu, contiguous; float32 for the half types.
Tensor relu_pool_gradient(const Tensor& grad_output, const Tensor& indices);

// The gradient of the pool's input, of height x width planes, from that of its output.
Tensor unpool(const Tensor& grad, const Tensor& indices, int64_t height, int64_t width,
              IntArrayRef kernel_size, at::ScalarType dtype);

}  // namespace inkgrad::cpu
