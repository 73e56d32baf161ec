// Checks of operands that torch's ops do not make: what does not fit overflows there, or is read
// beyond its end. Everything else is left to torch, whose error is then its own.
#pragma once

#include <ATen/core/Tensor.h>

#include "../ops.h"
#include "conv_options.h"

namespace inkgrad {

// One of at::Reduction's three.
bool is_reduction(int64_t reduction);
// Input and target have the same sizes.
void check_binary_cross_entropy(const Tensor& input, const Tensor& target, int64_t reduction);
void check_binary_cross_entropy_backward(const Tensor& grad_output, const Tensor& input,
                                         const Tensor& target, int64_t reduction);

void check_linear_backward(const char* op, const Tensor& grad_output, const Tensor& input,
                           const Tensor& weight, const Tensor& output);

// Nothing overflows in torch's convolution.
void check_convolution(const Tensor& input, const Tensor& weight, const ConvOptions& options);
void check_conv2d_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           const ConvOptions& options);

// A pooling window that has elements, at most kMaxWindowElements.
void check_window(IntArrayRef kernel_size);
// Returns height and width of the convolution's output.
std::array<c10::SymInt, 2> check_conv2d_relu_max_pool2d_backward(
    const Tensor& grad_output, const Tensor& input, const Tensor& weight, const Tensor& indices,
    const ConvOptions& options, IntArrayRef kernel_size);

}  // namespace inkgrad
