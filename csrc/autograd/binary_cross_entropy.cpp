// binary_cross_entropy, differentiable in input and target. Saved for backward: both, and the
// weight; on the CPU the gradient besides, which costs little while the loss is computed and is
// what backward is about to ask for.
#include "../cpu/binary_cross_entropy.h"

#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "../ops.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// A tensor whose numbers can be read here and now: no wrapper of others, none that is traced, and
// no mode looks on.
bool is_at_hand(const Tensor& t) {
  return t.device().is_cpu() && t.has_storage() && !t.key_set().has(c10::DispatchKey::Python) &&
         !c10::impl::TorchDispatchModeTLS::any_modes_set();
}
bool is_at_hand(const OptionalTensor& t) {
  return !t.has_value() || !t->defined() || is_at_hand(*t);
}

struct BinaryCrossEntropy : torch::autograd::Function<BinaryCrossEntropy> {
  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& target,
                          const OptionalTensor& weight, int64_t reduction) {
    at::AutoDispatchBelowADInplaceOrView below;
    ctx->save_for_backward({input, target, weight.value_or(Tensor())});
    ctx->saved_data["reduction"] = reduction;
    if (input.requires_grad() && !target.requires_grad() && is_at_hand(input) &&
        is_at_hand(target) && is_at_hand(weight)) {
      if (auto both = cpu::binary_cross_entropy_with_gradient(input, target, weight, reduction)) {
        ctx->saved_data["gradient"] = std::move(both->grad_input);
        return both->loss;
      }
    }
    return inkgrad::binary_cross_entropy(input, target, weight, reduction);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return {Variable(), Variable(), Variable(), Variable()};
    const auto saved = ctx->get_saved_variables();
    if (Tensor gradient = take_gradient(ctx, grads[0]); gradient.defined())
      return {gradient, Variable(), Variable(), Variable()};
    const OptionalTensor weight = saved[2].defined() ? OptionalTensor(saved[2]) : std::nullopt;
    auto [grad_input, grad_target] = binary_cross_entropy_backward(
        grads[0], saved[0], saved[1], weight, ctx->saved_data["reduction"].toInt(),
        {ctx->needs_input_grad(0), ctx->needs_input_grad(1)});
    return {grad_input, grad_target, Variable(), Variable()};
  }

 private:
  // The gradient that forward left, once, times the loss's own; nothing where that is to be
  // differentiated again, or where rounding twice would show.
  static Tensor take_gradient(AutogradContext* ctx, const Tensor& grad_output) {
    const auto found = ctx->saved_data.find("gradient");
    if (found == ctx->saved_data.end() || at::GradMode::is_enabled() ||
        needs_formula(grad_output) || !is_at_hand(grad_output)) {
      return {};
    }
    Tensor gradient = std::move(found->second).toTensor();
    ctx->saved_data.erase(found);
    if (grad_output.item().equal(1)) return gradient;
    return at::isReducedFloatingType(gradient.scalar_type()) ? Tensor()
                                                             : gradient.mul_(grad_output);
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
