// Every schema, the dispatcher handles behind ops.h, and what any backend computes that has no
// kernel of its own.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include "ops.h"

TORCH_LIBRARY(inkgrad, m) {
  const auto define = [&m](const char* schema) { m.def(schema, {at::Tag::pt2_compliant_tag}); };
  define("linear_sigmoid(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  define(
      "linear_sigmoid_backward(Tensor grad_output, Tensor input, Tensor weight, Tensor output, "
      "bool[3] output_mask) -> (Tensor, Tensor, Tensor)");
  define("linear_relu(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  define(
      "linear_relu_backward(Tensor grad_output, Tensor input, Tensor weight, Tensor output, "
      "bool[3] output_mask) -> (Tensor, Tensor, Tensor)");
  define(
      "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, int reduction=1) -> "
      "Tensor");
  define(
      "binary_cross_entropy_backward(Tensor grad_output, Tensor input, Tensor target, Tensor? "
      "weight, "
      "int reduction, bool[2] output_mask) -> (Tensor, Tensor)");
  define(
      "conv2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0, "
      "int[2] dilation=1, int groups=1) -> Tensor");
  define(
      "conv2d_backward(Tensor grad_output, Tensor input, Tensor weight, int[2] stride, int[2] "
      "padding, "
      "int[2] dilation, int groups, bool[3] output_mask) -> (Tensor, Tensor, Tensor)");
  define(
      "conv2d_relu_max_pool2d(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, "
      "int[2] padding=0, int[2] dilation=1, int groups=1, int[2] kernel_size=2) -> (Tensor output, "
      "Tensor indices)");
  define(
      "conv2d_relu_max_pool2d_backward(Tensor grad_output, Tensor input, Tensor weight, Tensor "
      "output, "
      "Tensor indices, int[2] stride, int[2] padding, int[2] dilation, int groups, int[2] "
      "kernel_size, "
      "bool[3] output_mask) -> (Tensor, Tensor, Tensor)");
}

namespace inkgrad {

// NAME(...) as declared in ops.h; the handle is looked up once.
#define INKGRAD_DISPATCH(name, parameters, arguments)                    \
  auto name parameters->decltype(native::name arguments) {               \
    static const auto op = c10::Dispatcher::singleton()                  \
                               .findSchemaOrThrow("inkgrad::" #name, "") \
                               .typed<decltype(name)>();                 \
    return op.call arguments;                                            \
  }

INKGRAD_DISPATCH(linear_sigmoid,
                 (const Tensor& input, const Tensor& weight, const OptionalTensor& bias),
                 (input, weight, bias))
INKGRAD_DISPATCH(linear_sigmoid_backward,
                 (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                  const Tensor& output, std::array<bool, 3> output_mask),
                 (grad_output, input, weight, output, output_mask))
INKGRAD_DISPATCH(linear_relu,
                 (const Tensor& input, const Tensor& weight, const OptionalTensor& bias),
                 (input, weight, bias))
INKGRAD_DISPATCH(linear_relu_backward,
                 (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                  const Tensor& output, std::array<bool, 3> output_mask),
                 (grad_output, input, weight, output, output_mask))
INKGRAD_DISPATCH(binary_cross_entropy,
                 (const Tensor& input, const Tensor& target, const OptionalTensor& weight,
                  int64_t reduction),
                 (input, target, weight, reduction))
INKGRAD_DISPATCH(binary_cross_entropy_backward,
                 (const Tensor& grad_output, const Tensor& input, const Tensor& target,
                  const OptionalTensor& weight, int64_t reduction, std::array<bool, 2> output_mask),
                 (grad_output, input, target, weight, reduction, output_mask))
INKGRAD_DISPATCH(conv2d,
                 (const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                  IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups),
                 (input, weight, bias, stride, padding, dilation, groups))
INKGRAD_DISPATCH(conv2d_backward,
                 (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                  IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                  std::array<bool, 3> output_mask),
                 (grad_output, input, weight, stride, padding, dilation, groups, output_mask))
INKGRAD_DISPATCH(conv2d_relu_max_pool2d,
                 (const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                  IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                  IntArrayRef kernel_size),
                 (input, weight, bias, stride, padding, dilation, groups, kernel_size))
INKGRAD_DISPATCH(conv2d_relu_max_pool2d_backward,
                 (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                  const Tensor& output, const Tensor& indices, IntArrayRef stride,
                  IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                  IntArrayRef kernel_size, std::array<bool, 3> output_mask),
                 (grad_output, input, weight, output, indices, stride, padding, dilation, groups,
                  kernel_size, output_mask))

}  // namespace inkgrad

namespace {

// The formulas in torch's ops serve every backend without kernels, and vmap, whose batched tensors
// native ops know how to treat (Batched is the older vmap behind is_grads_batched).
void register_native(torch::Library& m) {
  m.impl("linear_sigmoid", inkgrad::native::linear_sigmoid);
  m.impl("linear_sigmoid_backward", inkgrad::native::linear_sigmoid_backward);
  m.impl("linear_relu", inkgrad::native::linear_relu);
  m.impl("linear_relu_backward", inkgrad::native::linear_relu_backward);
  m.impl("binary_cross_entropy", inkgrad::native::binary_cross_entropy);
  m.impl("binary_cross_entropy_backward", inkgrad::native::binary_cross_entropy_backward);
  m.impl("conv2d", inkgrad::native::conv2d);
  m.impl("conv2d_backward", inkgrad::native::conv2d_backward);
  m.impl("conv2d_relu_max_pool2d", inkgrad::native::conv2d_relu_max_pool2d);
  m.impl("conv2d_relu_max_pool2d_backward", inkgrad::native::conv2d_relu_max_pool2d_backward);
}

}  // namespace

TORCH_LIBRARY_IMPL(inkgrad, CompositeExplicitAutograd, m) { register_native(m); }
TORCH_LIBRARY_IMPL(inkgrad, FuncTorchBatched, m) { register_native(m); }
TORCH_LIBRARY_IMPL(inkgrad, Batched, m) { register_native(m); }
