// binary_cross_entropy, differentiable in input and target. Saved for backward: both, and the
// weight.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../ops.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

struct BinaryCrossEntropy : torch::autograd::Function<BinaryCrossEntropy> {
  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& target,
                          const OptionalTensor& weight, int64_t reduction) {
    at::AutoDispatchBelowADInplaceOrView below;
    ctx->save_for_backward({input, target, weight.value_or(Tensor())});
    ctx->saved_data["reduction"] = reduction;
    return inkgrad::binary_cross_entropy(input, target, weight, reduction);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return {Variable(), Variable(), Variable(), Variable()};
    const auto saved = ctx->get_saved_variables();
    const OptionalTensor weight = saved[2].defined() ? OptionalTensor(saved[2]) : std::nullopt;
    auto [grad_input, grad_target] = binary_cross_entropy_backward(
        grads[0], saved[0], saved[1], weight, ctx->saved_data["reduction"].toInt(),
        {ctx->needs_input_grad(0), ctx->needs_input_grad(1)});
    return {grad_input, grad_target, Variable(), Variable()};
  }
};

Tensor forward(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
               int64_t reduction) {
  // A weight that requires grad is torch's error to raise.
  if (needs_formula(input, target, weight) || requires_grad(weight)) {
    return native::binary_cross_entropy(input, target, weight, reduction);
  }
  if (needs_graph(input, target))
    return BinaryCrossEntropy::apply(input, target, weight, reduction);
  at::AutoDispatchBelowADInplaceOrView below;
  return inkgrad::binary_cross_entropy(input, target, weight, reduction);
}

Gradients2 backward(const Tensor& grad_output, const Tensor& input, const Tensor& target,
                    const OptionalTensor& weight, int64_t reduction,
                    std::array<bool, 2> output_mask) {
  if (needs_formula(grad_output, input, target, weight) ||
      needs_graph(grad_output, input, target, weight)) {
    return native::binary_cross_entropy_backward(grad_output, input, target, weight, reduction,
                                                 output_mask);
  }
  at::AutoDispatchBelowADInplaceOrView below;
  return binary_cross_entropy_backward(grad_output, input, target, weight, reduction, output_mask);
}

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, Autograd, m) {
  m.impl("binary_cross_entropy", inkgrad::forward);
  m.impl("binary_cross_entropy_backward", inkgrad::backward);
}
