// The five ops as C++ functions that go through the dispatcher, and the same formulas in native
// torch ops.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

namespace inkgrad {

using at::IntArrayRef;
using at::Tensor;
using OptionalTensor = std::optional<Tensor>;
// Gradients that were not asked for are undefined tensors, as in at::convolution_backward.
using Gradients2 = std::tuple<Tensor, Tensor>;
using Gradients3 = std::tuple<Tensor, Tensor, Tensor>;

// Declares an op: NAME(...) calls inkgrad::NAME through the dispatcher, native::NAME(...) computes
// it with torch's ops.
#define INKGRAD_DECLARE_OP(result, name, ...) \
  result name(__VA_ARGS__);                   \
  namespace native {                          \
  result name(__VA_ARGS__);                   \
  }

INKGRAD_DECLARE_OP(Tensor, linear_sigmoid, const Tensor& input, const Tensor& weight,
                   const OptionalTensor& bias)
INKGRAD_DECLARE_OP(Gradients3, linear_sigmoid_backward, const Tensor& grad_output,
                   const Tensor& input, const Tensor& weight, const Tensor& output,
                   std::array<bool, 3> output_mask)
INKGRAD_DECLARE_OP(Tensor, linear_relu, const Tensor& input, const Tensor& weight,
                   const OptionalTensor& bias)
INKGRAD_DECLARE_OP(Gradients3, linear_relu_backward, const Tensor& grad_output, const Tensor& input,
                   const Tensor& weight, const Tensor& output, std::array<bool, 3> output_mask)
INKGRAD_DECLARE_OP(Tensor, binary_cross_entropy, const Tensor& input, const Tensor& target,
                   const OptionalTensor& weight, int64_t reduction)
INKGRAD_DECLARE_OP(Gradients2, binary_cross_entropy_backward, const Tensor& grad_output,
                   const Tensor& input, const Tensor& target, const OptionalTensor& weight,
                   int64_t reduction, std::array<bool, 2> output_mask)
INKGRAD_DECLARE_OP(Tensor, conv2d, const Tensor& input, const Tensor& weight,
                   const OptionalTensor& bias, IntArrayRef stride, IntArrayRef padding,
                   IntArrayRef dilation, int64_t groups)
INKGRAD_DECLARE_OP(Gradients3, conv2d_backward, const Tensor& grad_output, const Tensor& input,
                   const Tensor& weight, IntArrayRef stride, IntArrayRef padding,
                   IntArrayRef dilation, int64_t groups, std::array<bool, 3> output_mask)
// (output, indices): indices are uint8, the place of the maximum in its window.
INKGRAD_DECLARE_OP(Gradients2, conv2d_relu_max_pool2d, const Tensor& input, const Tensor& weight,
                   const OptionalTensor& bias, IntArrayRef stride, IntArrayRef padding,
                   IntArrayRef dilation, int64_t groups, IntArrayRef kernel_size)
INKGRAD_DECLARE_OP(Gradients3, conv2d_relu_max_pool2d_backward, const Tensor& grad_output,
                   const Tensor& input, const Tensor& weight, const Tensor& output,
                   const Tensor& indices, IntArrayRef stride, IntArrayRef padding,
                   IntArrayRef dilation, int64_t groups, IntArrayRef kernel_size,
                   std::array<bool, 3> output_mask)

#undef INKGRAD_DECLARE_OP

}  // namespace inkgrad
