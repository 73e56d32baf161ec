// The ops as formulas in torch's ops, differentiable to any order: those of
// pyext/inkgrad/reference.py, and their derivatives.
//
// They run on backends without kernels, for shapes and dtypes that kernels do not support, inside
// torch.func transforms and forward-mode AD, and as the backward of a backward.
#include <ATen/ATen.h>
#include <ATen/core/Reduction.h>

#include "common/conv_checks.h"
#include "common/operand_checks.h"
#include "ops.h"

namespace inkgrad::native {
namespace {

Gradients3 linear_gradients(const Tensor& grad_z, const Tensor& input, const Tensor& weight,
                            std::array<bool, 3> output_mask) {
  // The leading dimensions become one. (The older vmap knows reshape, but not flatten.)
  c10::SymInt rows = 1;
  for (int64_t d = 0; d < input.dim() - 1; ++d) rows = rows * input.sym_size(d);
  const Tensor z = grad_z.reshape_symint({rows, weight.sym_size(0)});
  const Tensor x = input.reshape_symint({rows, weight.sym_size(1)});
  Tensor grad_input, grad_weight, grad_bias;
  if (output_mask[0]) grad_input = at::matmul(grad_z, weight);
  if (output_mask[1]) grad_weight = at::mm(z.t(), x);
  if (output_mask[2]) grad_bias = z.sum(0);
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace

Tensor linear_sigmoid(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  return at::sigmoid(at::linear(input, weight, bias));
}

Gradients3 linear_sigmoid_backward(const Tensor& grad_output, const Tensor& input,
                                   const Tensor& weight, const Tensor& output,
                                   std::array<bool, 3> output_mask) {
  check_linear_backward("linear_sigmoid_backward", grad_output, input, weight, output);
  return linear_gradients(at::sigmoid_backward(grad_output, output), input, weight, output_mask);
}

Tensor linear_relu(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  return at::relu(at::linear(input, weight, bias));
}

Gradients3 linear_relu_backward(const Tensor& grad_output, const Tensor& input,
                                const Tensor& weight, const Tensor& output,
                                std::array<bool, 3> output_mask) {
  check_linear_backward("linear_relu_backward", grad_output, input, weight, output);
  return linear_gradients(at::threshold_backward(grad_output, output, 0), input, weight,
                          output_mask);
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
                            int64_t reduction) {
  check_binary_cross_entropy(input, target, reduction);
  return at::binary_cross_entropy(input, target, weight, reduction);
}

Gradients2 binary_cross_entropy_backward(const Tensor& grad_output, const Tensor& input,
                                         const Tensor& target, const OptionalTensor& weight,
                                         int64_t reduction, std::array<bool, 2> output_mask) {
  check_binary_cross_entropy_backward(grad_output, input, target, reduction);
  Tensor grad_input, grad_target;
  if (output_mask[0]) {
    grad_input = at::binary_cross_entropy_backward(grad_output, input, target, weight, reduction);
  }
  if (output_mask[1]) {
    // In float for the half types: the difference of two rounded logarithms would lose most digits.
    const auto dtype = input.scalar_type();
    const bool is_half = dtype == at::kHalf || dtype == at::kBFloat16;
    const Tensor x = is_half ? input.to(at::kFloat) : input;
    grad_target = grad_output * (at::log1p(-x) - at::log(x));
    if (is_defined(weight)) grad_target = grad_target * *weight;
    if (reduction == at::Reduction::Mean) grad_target = grad_target / input.sym_numel();
    // A grad_output or weight of one element may have more dimensions.
    grad_target = grad_target.to(dtype).reshape_symint(input.sym_sizes());
  }
  return {grad_input, grad_target};
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
              IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  check_convolution(input, weight, {stride, padding, dilation, groups});
  return at::conv2d(input, weight, bias, stride, padding, dilation, groups);
}

Gradients3 conv2d_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                           int64_t groups, std::array<bool, 3> output_mask) {
  check_conv2d_backward(grad_output, input, weight, {stride, padding, dilation, groups});
  if (input.dim() == 3) {  // no batch dimension
    auto [grad_input, grad_weight, grad_bias] =
        native::conv2d_backward(grad_output.unsqueeze(0), input.unsqueeze(0), weight, stride,
                                padding, dilation, groups, output_mask);
    return {grad_input.defined() ? grad_input.squeeze(0) : grad_input, grad_weight, grad_bias};
  }
  const auto bias_sizes = c10::SymIntArrayRef(weight.sym_sizes()).slice(0, 1);
  return at::convolution_backward_symint(
      grad_output, input, weight, bias_sizes, c10::fromIntArrayRefSlow(stride),
      c10::fromIntArrayRefSlow(padding), c10::fromIntArrayRefSlow(dilation),
      /*transposed=*/false, {0, 0}, groups, output_mask);
}

Gradients2 conv2d_relu_max_pool2d(const Tensor& input, const Tensor& weight,
                                  const OptionalTensor& bias, IntArrayRef stride,
                                  IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                                  IntArrayRef kernel_size) {
  check_window(kernel_size);
  const Tensor convolved = native::conv2d(input, weight, bias, stride, padding, dilation, groups);
  auto [pooled, positions] = at::max_pool2d_with_indices(convolved, kernel_size);
  // Positions in the plane become positions in the window.
  const int64_t window_height = first(kernel_size), window_width = second(kernel_size);
  const c10::SymInt width = convolved.sym_size(-1);
  const Tensor row = at::floor_divide(positions, at::scalar_tensor(width, positions.options()));
  const Tensor col = positions - row * width;
  const Tensor indices = row.remainder(window_height) * window_width + col.remainder(window_width);
  return {at::relu(pooled), indices.masked_fill(pooled <= 0, kNoGradient).to(at::kByte)};
}

Gradients3 conv2d_relu_max_pool2d_backward(const Tensor& grad_output, const Tensor& input,
                                           const Tensor& weight, const Tensor& indices,
                                           IntArrayRef stride, IntArrayRef padding,
                                           IntArrayRef dilation, int64_t groups,
                                           IntArrayRef kernel_size,
                                           std::array<bool, 3> output_mask) {
  const auto [out_height, out_width] = check_conv2d_relu_max_pool2d_backward(
      grad_output, input, weight, indices, {stride, padding, dilation, groups}, kernel_size);
  const int64_t window_height = first(kernel_size), window_width = second(kernel_size);

  // The gradient at the maximum of each window, zero elsewhere: [.., PH, PW, elements of a window],
  // rearranged to the plane. kNoGradient is none of the elements.
  const Tensor elements =
      at::arange(window_height * window_width, indices.options().dtype(at::kLong));
  const Tensor is_maximum = indices.to(at::kLong).unsqueeze(-1) == elements;
  const Tensor zero = at::zeros({}, grad_output.options());
  Tensor windows = at::where(is_maximum, grad_output.unsqueeze(-1), zero);
  const auto leading = [&](std::initializer_list<c10::SymInt> last) {
    std::vector<c10::SymInt> sizes(indices.sym_sizes().begin(), indices.sym_sizes().end() - 2);
    sizes.insert(sizes.end(), last);
    return sizes;
  };
  const c10::SymInt pooled_height = indices.sym_size(-2), pooled_width = indices.sym_size(-1);
  windows =
      windows.reshape_symint(leading({pooled_height, pooled_width, window_height, window_width}))
          .transpose(-3, -2)  // [.., PH, WH, PW, WW]
          .reshape_symint(leading({pooled_height * window_height, pooled_width * window_width}));
  const Tensor grad_convolved = at::constant_pad_nd_symint(
      windows, {0, out_width - windows.sym_size(-1), 0, out_height - windows.sym_size(-2)}, 0);
  return native::conv2d_backward(grad_convolved, input, weight, stride, padding, dilation, groups,
                                 output_mask);
}

}  // namespace inkgrad::native
