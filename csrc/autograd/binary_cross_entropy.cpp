// binary_cross_entropy, differentiable in input and target. Saved for backward: input, target and
// weight; on the CPU also the gradient of input, which costs little in the pass of the loss.
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/csrc/autograd/custom_function.h>

#include "../common/loss_gradient.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Whether the elements of a tensor can be read right now: it wraps no other, is not traced, and no
// mode intercepts calls.
bool is_readable(const Tensor& t) {
  return t.device().is_cpu() && t.has_storage() && !t.key_set().has(c10::DispatchKey::Python) &&
         !c10::impl::TorchDispatchModeTLS::any_modes_set();
}
bool is_readable(const OptionalTensor& t) { return !is_defined(t) || is_readable(*t); }

struct BinaryCrossEntropy : torch::autograd::Function<BinaryCrossEntropy> {
  // Compiled autograd: backward calls ops alone, because there it has no context of a node.
  static constexpr bool is_traceable = true;

  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& target,
                          const OptionalTensor& weight, int64_t reduction) {
    at::AutoDispatchBelowADInplaceOrView below;
    std::optional<LossAndGradient> both;
    if (input.requires_grad() && !target.requires_grad() && is_readable(input) &&
        is_readable(target) && is_readable(weight)) {
      both = binary_cross_entropy_with_gradient(input, target, weight, reduction);
    }
    const Tensor loss =
        both ? both->loss : inkgrad::binary_cross_entropy(input, target, weight, reduction);
    ctx->save_for_backward(
        {input, target, weight.value_or(Tensor()), both ? both->grad_input : Tensor()});
    ctx->saved_data["reduction"] = reduction;
    ctx->saved_data["gradient_is_unused"] = both.has_value();
    return loss;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    if (!grads[0].defined()) return {Variable(), Variable(), Variable(), Variable()};
    const auto saved = ctx->get_saved_variables();
    if (is_the_gradient(ctx, grads[0])) {
      ctx->saved_data["gradient_is_unused"] = false;  // from now on its receiver's, to change too
      return {saved[3].variable_data(), Variable(), Variable(), Variable()};
    }
    const OptionalTensor weight = saved[2].defined() ? OptionalTensor(saved[2]) : std::nullopt;
    auto [grad_input, grad_target] = binary_cross_entropy_backward(
        grads[0], saved[0], saved[1], weight, ctx->saved_data["reduction"].toInt(),
        {ctx->needs_input_grad(0), ctx->needs_input_grad(1)});
    return {grad_input, grad_target, Variable(), Variable()};
  }

  // A weight that requires grad is torch's error to raise.
  static bool uses_formula(const Tensor&, const Tensor&, const OptionalTensor& weight, int64_t) {
    return requires_grad(weight);
  }

 private:
  // Whether the gradient that forward left is the one to return: nobody has it, it need not be
  // differentiable, and the loss was not scaled. (A product after the fact would round twice, and
  // overflow where the scaled gradient does not.)
  static bool is_the_gradient(AutogradContext* ctx, const Tensor& grad_output) {
    return ctx->saved_data["gradient_is_unused"].toBool() && !at::GradMode::is_enabled() &&
           is_of_a_node(ctx) && !needs_formula(grad_output) && is_readable(grad_output) &&
           grad_output.item().equal(1);
  }

  // Whether the context is that of the node that runs, and not a copy of compiled autograd's, to
  // which it makes no difference what is written.
  static bool is_of_a_node(AutogradContext* ctx) {
    const auto running = torch::autograd::get_current_node();
    const auto* const node =
        dynamic_cast<torch::autograd::CppNode<BinaryCrossEntropy>*>(running.get());
    return node && &node->ctx_ == ctx;
  }
};

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, Autograd, m) {
  using namespace inkgrad;
  register_autograd<binary_cross_entropy, binary_cross_entropy_backward, BinaryCrossEntropy>(m);
}
