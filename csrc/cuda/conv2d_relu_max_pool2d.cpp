// conv2d_relu_max_pool2d on CUDA: one kernel of ours for few channels; else torch's convolution and
// one pass of ours for bias, relu and pooling.
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstdint>
#include <optional>

#include "../common/operand_checks.h"
#include "conv2d.h"
#include "runtime.h"

namespace inkgrad::cuda {
namespace {

// The geometry, if the kernel for few channels supports it.
std::optional<PooledConv> direct_convolution(const Tensor& input, const Tensor& weight,
                                             IntArrayRef stride, IntArrayRef padding,
                                             IntArrayRef dilation, int64_t groups,
                                             IntArrayRef window) {
  if (groups != 1 || input.scalar_type() != at::kFloat || input.size(1) != weight.size(1) ||
      !is_row_major(input) || !is_row_major(weight) || first(padding) < 0 || second(padding) < 0 ||
      first(stride) != 1 || second(stride) != 1 || first(dilation) != 1 || second(dilation) != 1) {
    return std::nullopt;
  }
  const int64_t height = conv_output_size(input.size(2), weight.size(2), first(padding), 1, 1);
  const int64_t width = conv_output_size(input.size(3), weight.size(3), second(padding), 1, 1);
  if (height < first(window) || width < second(window)) return std::nullopt;
  PooledConv g{};
  g.images = input.size(0);
  g.in_channels = input.size(1);
  g.in_height = input.size(2);
  g.in_width = input.size(3);
  g.out_channels = weight.size(0);
  g.out_height = height;
  g.out_width = width;
  g.kernel_height = weight.size(2);
  g.kernel_width = weight.size(3);
  g.pad_height = first(padding);
  g.pad_width = second(padding);
  g.dilation_height = g.dilation_width = 1;
  g.pool = pool_geometry(height, width, window);
  return kernels()->conv_supports(g) ? std::optional(g) : std::nullopt;
}

// The geometry of the pool alone, if its kernels support it.
std::optional<PooledImages> pooling(IntArrayRef planes, at::MemoryFormat format, Dtype dtype,
                                    IntArrayRef window) {
  const PooledImages g{
      pool_geometry(planes[2], planes[3], window), planes[0], planes[1], planes[2], planes[3],
      format == at::MemoryFormat::ChannelsLast,    dtype};
  const int64_t elements = c10::multiply_integers(planes);
  const bool fits = g.out_height > 0 && g.out_width > 0 && elements > 0 && elements <= INT32_MAX;
  return fits ? std::optional(g) : std::nullopt;
}

Tensor contiguous_bias(const OptionalTensor& bias) {
  return is_defined(bias) ? bias->contiguous() : Tensor();
}

Gradients2 pooled_forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                          IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                          int64_t groups, IntArrayRef kernel_size) {
  check_window(kernel_size);
  check_convolution(input, weight, {stride, padding, dilation, groups});
  const auto native_op = [&]() -> Gradients2 {
    return native::conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups,
                                          kernel_size);
  };
  if (!are_plain(input, weight, bias)) return native_op();
  const Launch launch(input);
  const Tensor offset = contiguous_bias(bias);
  if (const auto g =
          direct_convolution(input, weight, stride, padding, dilation, groups, kernel_size)) {
    const Tensor output = at::empty(
        {g->images, g->out_channels, g->pool.out_height, g->pool.out_width}, input.options());
    const Tensor indices = at::empty(output.sizes(), input.options().dtype(at::kByte));
    kernels()->conv_relu_pool(*g, input.const_data_ptr<float>(), weight.const_data_ptr<float>(),
                              static_cast<const float*>(data_or_null(offset)),
                              output.mutable_data_ptr<float>(), indices.mutable_data_ptr<uint8_t>(),
                              launch.stream());
    return {output, indices};
  }
  const Tensor convolved =
      at::conv2d(input, weight, std::nullopt, stride, padding, dilation, groups);
  const auto format = convolved.suggest_memory_format();
  const auto g =
      pooling(convolved.sizes(), format, *kernel_dtype(input.scalar_type()), kernel_size);
  if (!g) return native_op();
  const Tensor planes = convolved.contiguous(format);
  const auto options = input.options().memory_format(format);
  const Tensor output = at::empty({g->images, g->channels, g->out_height, g->out_width}, options);
  const Tensor indices = at::empty(output.sizes(), options.dtype(at::kByte));
  kernels()->relu_pool(*g, planes.const_data_ptr(), data_or_null(offset), output.mutable_data_ptr(),
                       indices.mutable_data_ptr<uint8_t>(), launch.stream());
  return {output, indices};
}

// By the kernels for few channels.
Gradients3 direct_backward(const PooledConv& g, const Tensor& grad, const Tensor& indices,
                           const Tensor& input, const Tensor& weight,
                           std::array<bool, 3> output_mask, void* stream) {
  const PooledConvGradient gradient{grad.const_data_ptr<float>(),
                                    indices.const_data_ptr<uint8_t>()};
  Tensor grad_input, grad_weight, grad_bias;
  if (output_mask[0]) {
    grad_input = at::empty(input.sizes(), input.options());
    kernels()->conv_input_grad(g, gradient, weight.const_data_ptr<float>(),
                               grad_input.mutable_data_ptr<float>(), stream);
  }
  if (output_mask[1] || output_mask[2]) {
    grad_weight = at::empty(weight.sizes(), weight.options());
    if (output_mask[2]) grad_bias = at::empty({weight.size(0)}, weight.options());
    const Tensor parts =
        at::empty({kernels()->conv_weight_grad_parts(g)}, weight.options().dtype(at::kDouble));
    kernels()->conv_weight_grad(g, gradient, input.const_data_ptr<float>(),
                                parts.mutable_data_ptr<double>(),
                                grad_weight.mutable_data_ptr<float>(),
                                static_cast<float*>(mutable_data_or_null(grad_bias)), stream);
    if (!output_mask[1]) grad_weight = Tensor();
  }
  return {grad_input, grad_weight, grad_bias};
}

Gradients3 pooled_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           const Tensor& indices, IntArrayRef stride, IntArrayRef padding,
                           IntArrayRef dilation, int64_t groups, IntArrayRef kernel_size,
                           std::array<bool, 3> output_mask) {
  const auto [height, width] = check_conv2d_relu_max_pool2d_backward(
      grad_output, input, weight, indices, {stride, padding, dilation, groups}, kernel_size);
  const auto native_op = [&] {
    return native::conv2d_relu_max_pool2d_backward(grad_output, input, weight, indices, stride,
                                                   padding, dilation, groups, kernel_size,
                                                   output_mask);
  };
  if (!are_plain(input, weight, std::nullopt) || !is_plain(grad_output, input) ||
      !is_plain(indices, input)) {
    return native_op();
  }
  const Launch launch(input);
  const auto direct =
      direct_convolution(input, weight, stride, padding, dilation, groups, kernel_size);
  if (direct && (!output_mask[0] || kernels()->conv_input_grad_supports(*direct))) {
    return direct_backward(*direct, grad_output.contiguous(), indices.contiguous(), input, weight,
                           output_mask, launch.stream());
  }
  const auto format = indices.suggest_memory_format();
  const std::vector<int64_t> sizes{input.size(0), weight.size(0), height.expect_int(),
                                   width.expect_int()};
  const auto g = pooling(sizes, format, *kernel_dtype(input.scalar_type()), kernel_size);
  if (!g) return native_op();
  const Tensor grad = grad_output.contiguous(format);
  const Tensor window_indices = indices.contiguous(format);
  const Tensor grad_planes = at::empty(sizes, grad.options().memory_format(format));
  kernels()->relu_pool_backward(*g, grad.const_data_ptr(), window_indices.const_data_ptr<uint8_t>(),
                                grad_planes.mutable_data_ptr(), launch.stream());
  return native::conv2d_backward(grad_planes, input, weight, stride, padding, dilation, groups,
                                 output_mask);
}

}  // namespace
}  // namespace inkgrad::cuda

TORCH_LIBRARY_IMPL(inkgrad, CUDA, m) {
  m.impl("conv2d_relu_max_pool2d", inkgrad::cuda::pooled_forward);
  m.impl("conv2d_relu_max_pool2d_backward", inkgrad::cuda::pooled_backward);
}
