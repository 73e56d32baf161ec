// binary_cross_entropy, differentiable in input and target. Saved for backward: both, and the
// weight.
#include <ATen/core/Reduction.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../ops.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A function for each reduction: what is kept in the context's dictionary costs as much as the
// kernel takes for 300 elements.
template <int64_t reduction>
struct BinaryCrossEntropy : torch::autograd::Function<BinaryCrossEntropy<reduction>> {
  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& target,
                          const OptionalTensor& weight) {
    at::AutoDispatchBelowADInplaceOrView below;
    ctx->save_for_backward({input, target, weight.value_or(Tensor())});
    return inkgrad::binary_cross_entropy(input, target, weight, reduction);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return {Variable(), Variable(), Variable()};
    const auto saved = ctx->get_saved_variables();
    const OptionalTensor weight = saved[2].defined() ? OptionalTensor(saved[2]) : std::nullopt;
    auto [grad_input, grad_target] =
        binary_cross_entropy_backward(grads[0], saved[0], saved[1], weight, reduction,
                                      {ctx->needs_input_grad(0), ctx->needs_input_grad(1)});
    return {grad_input, grad_target, Variable()};
  }
};

Tensor with_graph(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
                  int64_t reduction) {
  switch (reduction) {
    case at::Reduction::None:
      return BinaryCrossEntropy<at::Reduction::None>::apply(input, target, weight);
    case at::Reduction::Mean:
      return BinaryCrossEntropy<at::Reduction::Mean>::apply(input, target, weight);
    default:
      return BinaryCrossEntropy<at::Reduction::Sum>::apply(input, target, weight);
  }
}

Tensor forward(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
               int64_t reduction) {
  // A weight that requires grad is torch's error to raise.
  if (needs_formula(input, target, weight) || requires_grad(weight)) {
    return native::binary_cross_entropy(input, target, weight, reduction);
  }
  if (needs_graph(input, target)) return with_graph(input, target, weight, reduction);
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
