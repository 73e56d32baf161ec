// conv2d_relu_max_pool2d on the CPU, by the first algorithm of conv/algorithms.cpp that supports
// the problem: with the pool in the kernel, or a pool after conv2d.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "../common/operand_checks.h"
#include "../common/trace.h"
#include "conv/direct.h"
#include "conv/pool.h"
#include "conv2d.h"

namespace inkgrad::cpu {
namespace {

constexpr const char* kName = "conv2d_relu_max_pool2d";

trace::Run report_pooled(const char* direction, const char* kernel, const Tensor& input,
                         const Tensor& weight) {
  return {kName, direction, kernel, input.scalar_type(), {input.sizes(), weight.sizes()}};
}

// As torch's convolution has it: channels_last if the input or the weight is.
at::MemoryFormat format_of(const Tensor& input, const Tensor& weight) {
  const auto format = input.suggest_memory_format();
  return format == at::MemoryFormat::Contiguous ? weight.suggest_memory_format() : format;
}

Gradients2 pooled_forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                          IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                          int64_t groups, IntArrayRef kernel_size) {
  check_window(kernel_size);
  const ConvOptions options{stride, padding, dilation, groups};
  const auto p = pooled_problem(input, weight, bias, options, kernel_size);
  const auto choice = p ? choose_forward(*p) : ForwardChoice{};
  if (p && !choice.is_torch()) {
    const Tensor output = new_tensor(
        {p->images, p->conv.out_channels, p->pool.out_height, p->pool.out_width}, p->dtype);
    const Tensor indices = at::empty(output.sizes(), input.options().dtype(at::kByte));
    // Copies, if they are not row-major, cost little beside what the kernels save.
    run_forward(kName, *p,
                {input.contiguous(), weight.contiguous(), contiguous_bias(bias), output, indices},
                choice);
    const auto format = format_of(input, weight);
    return {output.contiguous(format), indices.contiguous(format)};
  }
  if (supports_unfused(input, weight, options, kernel_size)) {
    return trace::run(report_pooled("forward", "unfused", input, weight),
                      [&] { return relu_pool(conv2d(input, weight, bias, options), kernel_size); });
  }
  return trace::run(report_pooled("forward", "torch", input, weight), [&] {
    return native::conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups,
                                          kernel_size);
  });
}

// The gradient of the pool's output by the first algorithm of the list that takes its values.
template <typename Choose>
Tensor gradient(const ConvProblem& p, const BackwardTensors& t, const char* direction,
                Choose choose) {
  for (auto choice = choose(p, nullptr); !choice.is_torch(); choice = choose(p, choice.algorithm)) {
    const Tensor result =
        trace::run(report_pooled(direction, choice.algorithm->name, t.input, t.weight),
                   [&] { return choice.algorithm->run(p, t, choice.memory); });
    if (result.defined()) return result;
  }
  return {};
}

Gradients3 pooled_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           const Tensor& indices, IntArrayRef stride, IntArrayRef padding,
                           IntArrayRef dilation, int64_t groups, IntArrayRef kernel_size,
                           std::array<bool, 3> output_mask) {
  const ConvOptions options{stride, padding, dilation, groups};
  const auto [height, width] = check_conv2d_relu_max_pool2d_backward(grad_output, input, weight,
                                                                     indices, options, kernel_size);
  if (!kernels() || indices.numel() == 0 || input.numel() == 0 || !input.is_floating_point() ||
      !is_plain(grad_output) || !is_plain(indices)) {
    return trace::run(report_pooled(trace::gradients(output_mask), "torch", input, weight), [&] {
      return native::conv2d_relu_max_pool2d_backward(grad_output, input, weight, indices, stride,
                                                     padding, dilation, groups, kernel_size,
                                                     output_mask);
    });
  }
  const Tensor maxima = indices.contiguous();
  Tensor grad = relu_pool_gradient(grad_output, maxima);
  Tensor grad_input, grad_weight, grad_bias;
  const auto p = pooled_problem(input, weight, std::nullopt, options, kernel_size);
  if (p) {
    const auto format = format_of(input, weight);
    const BackwardTensors t{grad, maxima, input.contiguous(), weight.contiguous()};
    if (output_mask[0]) {
      grad_input = gradient(*p, t, "grad_input", choose_grad_input);
      if (grad_input.defined()) grad_input = grad_input.contiguous(format);
    }
    if (output_mask[1]) {
      grad_weight = gradient(*p, t, "grad_weight", choose_grad_weight);
      if (grad_weight.defined()) grad_weight = grad_weight.contiguous(format);
    }
    if (output_mask[2]) {
      grad_bias = trace::run(report_pooled("grad_bias", "direct", input, weight),
                             [&] { return direct_grad_bias(*p, grad); });
    }
  }
  // The others from the gradient of the pool's input.
  const std::array<bool, 3> missing{output_mask[0] && !grad_input.defined(),
                                    output_mask[1] && !grad_weight.defined(),
                                    output_mask[2] && !grad_bias.defined()};
  if (missing[0] || missing[1] || missing[2]) {
    const Tensor dense = unpool(grad, maxima, height.expect_int(), width.expect_int(), kernel_size,
                                grad_output.scalar_type());
    grad.reset();  // conv2d_backward needs the memory
    const auto [dx, dw, db] = conv2d_backward(kName, dense, input, weight, options, missing);
    if (missing[0]) grad_input = dx;
    if (missing[1]) grad_weight = dw;
    if (missing[2]) grad_bias = db;
  }
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("conv2d_relu_max_pool2d", inkgrad::cpu::pooled_forward);
  m.impl("conv2d_relu_max_pool2d_backward", inkgrad::cpu::pooled_backward);
}
