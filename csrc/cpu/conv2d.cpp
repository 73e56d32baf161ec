// conv2d on the CPU, by the first algorithm of conv/algorithms.cpp that supports the problem.
#include "conv2d.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <torch/library.h>

#include "../common/trace.h"
#include "conv/direct.h"
#include "finite.h"
#include "half.h"

namespace inkgrad::cpu {
namespace {

// Torch's convolution of some images into the output.
void torch_forward(const ConvProblem& p, const ForwardTensors& t) {
  const auto& g = p.conv;
  t.output.copy_(native::conv2d(
      t.input, t.weight, t.bias.defined() ? OptionalTensor(t.bias) : std::nullopt, {1, 1},
      {g.pad_height, g.pad_width}, {g.dilation_height, g.dilation_width}, 1));
}

// Whether products with the zeros of the padding can change a result: they are NaN if `factor`, the
// other factor, is not finite. oneDNN, which torch uses for float32, leaves them out; torch's
// convolution of a half type on processors without arithmetic for it does not.
bool padding_matters(const ConvOptions& options, const Tensor& factor) {
  const bool is_padded = first(options.padding) != 0 || second(options.padding) != 0;
  return is_padded && !all_finite(factor);
}

// The same for the zeros that torch's float32 gradient of a strided convolution's input puts
// between the outputs; that of a half type does not.
bool strides_matter(const ConvOptions& options, const Tensor& weight) {
  const bool is_strided = first(options.stride) != 1 || second(options.stride) != 1;
  return is_strided && !all_finite(weight);
}

}  // namespace

void run_forward(const char* op, const ConvProblem& p, const ForwardTensors& t,
                 const ForwardChoice& choice) {
  const auto& algorithm = *choice.algorithm;
  const auto left = trace::run(
      {op, "forward", algorithm.name, p.dtype, {t.input.sizes(), t.weight.sizes()}}, [&] {
        if (!choice.is_torch()) return algorithm.run(p, t, choice.memory);
        torch_forward(p, t);
        return std::vector<ImageRange>();
      });
  for (const ImageRange& range : left) {
    ConvProblem rest = p;
    rest.images = range.count;
    rest.is_remainder = true;
    run_forward(op, rest,
                {range.of(t.input), t.weight, t.bias, range.of(t.output), range.of(t.indices)},
                choose_forward(rest, &algorithm));
  }
}

Tensor conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
              const ConvOptions& options) {
  if (goes_through_float(input, weight, bias)) {
    at::AutoDispatchBelowADInplaceOrView below;
    const Tensor w = weight.to(at::kFloat);
    if (!padding_matters(options, w)) {
      return conv2d(input.to(at::kFloat), w, to_float(bias), options).to(input.scalar_type());
    }
  }
  const auto p = conv_problem(input, weight, bias, options);
  const auto choice = p ? choose_forward(*p) : ForwardChoice{};
  if (!p || choice.is_torch()) {
    return trace::run(
        {"conv2d", "forward", "torch", input.scalar_type(), {input.sizes(), weight.sizes()}}, [&] {
          return native::conv2d(input, weight, bias, options.stride, options.padding,
                                options.dilation, options.groups);
        });
  }
  at::AutoDispatchBelowADInplaceOrView below;
  const auto& g = p->conv;
  const Tensor output =
      new_tensor({p->images, g.out_channels, g.out_height, g.out_width}, p->dtype);
  run_forward("conv2d", *p, {input, weight, contiguous_bias(bias), output, {}}, choice);
  return output;
}

Gradients3 conv2d_backward(const char* op, const Tensor& grad_output, const Tensor& input,
                           const Tensor& weight, const ConvOptions& options,
                           std::array<bool, 3> output_mask) {
  if (goes_through_float(input, weight, std::nullopt) && is_plain(grad_output) &&
      grad_output.scalar_type() == input.scalar_type()) {
    const Tensor grad = grad_output.to(at::kFloat), w = weight.to(at::kFloat);
    if (!(output_mask[0] && strides_matter(options, w)) &&
        !(output_mask[1] && padding_matters(options, grad))) {
      return from_float(conv2d_backward(op, grad, input.to(at::kFloat), w, options, output_mask),
                        input.scalar_type());
    }
  }
  const auto report = [&](std::array<bool, 3> computed, const char* kernel) {
    return trace::Run{op,
                      trace::gradients(computed),
                      kernel,
                      input.scalar_type(),
                      {input.sizes(), weight.sizes()}};
  };
  const auto by_torch = [&](const Tensor& grad, std::array<bool, 3> mask) {
    return trace::run(report(mask, "torch"), [&] {
      return native::conv2d_backward(grad, input, weight, options.stride, options.padding,
                                     options.dilation, options.groups, mask);
    });
  };
  const auto p = conv_problem(input, weight, std::nullopt, options);
  if (!p || !is_plain(grad_output) || grad_output.scalar_type() != p->dtype ||
      grad_output.sizes() !=
          IntArrayRef({p->images, p->conv.out_channels, p->conv.out_height, p->conv.out_width})) {
    return by_torch(grad_output, output_mask);
  }
  const BackwardTensors t{grad_output.contiguous(), {}, input, weight};
  BackwardPlan plan = plan_backward(*p, output_mask);
  Tensor grad_input, grad_weight, grad_bias;
  // The gradients that remain for torch and for the direct kernels.
  std::array<bool, 3> torch{}, direct{};
  const auto run = [&](int gradient, GradientChoice& choice, auto choose_next) {
    Tensor computed;
    std::array<bool, 3> mask{};
    mask[gradient] = true;
    while (!choice.is_torch() && !choice.algorithm->joint) {
      computed = trace::run(report(mask, choice.algorithm->name),
                            [&] { return choice.algorithm->run(*p, t, choice.memory); });
      if (computed.defined()) return computed;
      choice = choose_next(*p, choice.algorithm);
    }
    (choice.is_torch() ? torch : direct)[gradient] = true;
    return computed;
  };
  // The weight's gradient takes more memory: first, while the input's is not there yet.
  if (output_mask[1]) grad_weight = run(1, plan.weight, choose_grad_weight);
  if (output_mask[0]) grad_input = run(0, plan.input, choose_grad_input);
  const bool bias_by_torch = plan.bias_with_torch && (torch[0] || torch[1]);
  (bias_by_torch ? torch : direct)[2] = output_mask[2];

  const auto add = [&](const Gradients3& computed) {
    const auto& [dx, dw, db] = computed;
    if (dx.defined()) grad_input = dx;
    if (dw.defined()) grad_weight = dw;
    if (db.defined()) grad_bias = db;
  };
  if (torch[0] || torch[1]) add(by_torch(t.grad, torch));
  if (direct[0] || direct[1] || direct[2]) add(direct_backward(op, *p, t, plan, direct));
  return {grad_input, grad_weight, grad_bias};
}

namespace {

Tensor conv2d_op(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                 IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  return conv2d(input, weight, bias, {stride, padding, dilation, groups});
}

Gradients3 conv2d_backward_op(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                              IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                              int64_t groups, std::array<bool, 3> output_mask) {
  return conv2d_backward("conv2d", grad_output, input, weight, {stride, padding, dilation, groups},
                         output_mask);
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("conv2d", inkgrad::cpu::conv2d_op);
  m.impl("conv2d_backward", inkgrad::cpu::conv2d_backward_op);
}
