// linear_sigmoid and linear_relu: y = activation(x W^T + b). Saved for backward: x, W, y. The
// activation's derivative comes from y alone (y (1 - y), and y > 0), so z is never kept.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../ops.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct SigmoidOps {
  static constexpr auto forward = linear_sigmoid;
  static constexpr auto backward = linear_sigmoid_backward;
  static constexpr auto native_forward = native::linear_sigmoid;
  static constexpr auto native_backward = native::linear_sigmoid_backward;
};

struct ReluOps {
  static constexpr auto forward = linear_relu;
  static constexpr auto backward = linear_relu_backward;
  static constexpr auto native_forward = native::linear_relu;
  static constexpr auto native_backward = native::linear_relu_backward;
};

// Self: under which name it stands in grad_fn.
template <typename Self, typename Ops>
struct LinearActivation : torch::autograd::Function<Self> {
  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& weight,
                          const OptionalTensor& bias) {
    at::AutoDispatchBelowADInplaceOrView below;
    const Tensor output = Ops::forward(input, weight, bias);
    ctx->save_for_backward({input, weight, output});
    ctx->saved_data["has_bias"] = bias.has_value() && bias->defined();
    return output;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const bool bias = ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2);
    if (!grads[0].defined()) return {Variable(), Variable(), Variable()};
    auto [grad_input, grad_weight, grad_bias] =
        Ops::backward(grads[0], saved[0], saved[1], saved[2],
                      {ctx->needs_input_grad(0), ctx->needs_input_grad(1), bias});
    return {grad_input, grad_weight, grad_bias};
  }
};

struct LinearSigmoid : LinearActivation<LinearSigmoid, SigmoidOps> {};
struct LinearRelu : LinearActivation<LinearRelu, ReluOps> {};

// Vectors as weights and odd biases broadcast in F.linear; they are not worth a kernel.
bool is_ordinary(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const bool matrices = input.dim() >= 1 && weight.dim() == 2;
  if (!matrices || !bias.has_value() || !bias->defined()) return matrices;
  return bias->dim() == 1 && bias->sym_size(0) == weight.sym_size(0);
}

template <typename Function, typename Ops>
Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  if (needs_formula(input, weight, bias) || !is_ordinary(input, weight, bias)) {
    return Ops::native_forward(input, weight, bias);
  }
  if (needs_graph(input, weight, bias)) return Function::apply(input, weight, bias);
  at::AutoDispatchBelowADInplaceOrView below;
  return Ops::forward(input, weight, bias);
}

template <typename Ops>
Gradients3 backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                    const Tensor& output, std::array<bool, 3> output_mask) {
  if (needs_formula(grad_output, input, weight, output) ||
      needs_graph(grad_output, input, weight, output)) {
    return Ops::native_backward(grad_output, input, weight, output, output_mask);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return Ops::backward(grad_output, input, weight, output, output_mask);
}

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, Autograd, m) {
  m.impl("linear_sigmoid", inkgrad::forward<inkgrad::LinearSigmoid, inkgrad::SigmoidOps>);
  m.impl("linear_sigmoid_backward", inkgrad::backward<inkgrad::SigmoidOps>);
  m.impl("linear_relu", inkgrad::forward<inkgrad::LinearRelu, inkgrad::ReluOps>);
  m.impl("linear_relu_backward", inkgrad::backward<inkgrad::ReluOps>);
}
