// linear_sigmoid and linear_relu: y = activation(x W^T + b). Saved for backward: y, x for the
// gradient of W, and W for that of x. The activation's derivative comes from y alone (y (1 - y), and
// y > 0), so z is never kept.
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../common/linear_ops.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Self is the class whose name grad_fn shows.
template <typename Self, Activation activation>
struct LinearActivation : torch::autograd::Function<Self> {
  using Ops = LinearOps<activation>;
  static constexpr bool is_traceable = true;  // compiled autograd: backward calls ops alone

  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& weight,
                          const OptionalTensor& bias) {
    at::AutoDispatchBelowADInplaceOrView below;
    const Tensor output = Ops::forward(input, weight, bias);
    ctx->save_for_backward({weight.requires_grad() ? input : Tensor(),
                            input.requires_grad() ? weight : Tensor(), output});
    ctx->saved_data["has_bias"] = is_defined(bias);
    return output;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto saved = ctx->get_saved_variables();
    const bool bias = ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(2);
    if (!grads[0].defined()) return {Variable(), Variable(), Variable()};
    const Tensor& output = saved[2];
    const c10::SymInt in_features = saved[0].defined()   ? saved[0].sym_size(-1)
                                    : saved[1].defined() ? saved[1].sym_size(1)
                                                         : 1;
    // Stands for an operand that no gradient is computed from.
    const auto unread = [&](c10::SymDimVector sizes) {
      sizes.back() = in_features;
      return at::zeros({1}, output.options()).expand_symint(sizes);
    };
    const auto sizes = output.sym_sizes();
    auto [grad_input, grad_weight, grad_bias] = Ops::backward(
        grads[0], saved[0].defined() ? saved[0] : unread({sizes.begin(), sizes.end()}),
        saved[1].defined() ? saved[1] : unread({sizes.back(), 0}), output,
        {ctx->needs_input_grad(0), ctx->needs_input_grad(1), bias});
    return {grad_input, grad_weight, grad_bias};
  }

  // F.linear broadcasts weights and biases of other shapes: too rare for a kernel.
  static bool uses_formula(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
    const bool is_matrix = input.dim() >= 1 && weight.dim() == 2;
    if (!is_matrix || !is_defined(bias)) return !is_matrix;
    return bias->dim() != 1 || bias->sym_size(0) != weight.sym_size(0);
  }
};

struct LinearSigmoid : LinearActivation<LinearSigmoid, Activation::sigmoid> {};
struct LinearRelu : LinearActivation<LinearRelu, Activation::relu> {};

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, Autograd, m) {
  using namespace inkgrad;
  register_autograd<linear_sigmoid, linear_sigmoid_backward, LinearSigmoid>(m);
  register_autograd<linear_relu, linear_relu_backward, LinearRelu>(m);
}
