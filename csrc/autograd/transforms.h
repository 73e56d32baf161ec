// Chooses between an op's autograd function, its kernel and its formula in native ops (native.cpp).
//
// A torch::autograd::Function knows nothing of torch.func transforms, forward-mode AD or vmap;
// native ops know all of them. So the function and the kernel run only outside of every transform
// and for plain inputs without tangents; otherwise the op is its formula, and derivatives of every
// order are torch's own.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <torch/library.h>

#include <type_traits>

#include "../ops.h"

namespace inkgrad {

inline bool has_tangent(const Tensor& t) {
  return t.defined() && t._fw_grad(/*level=*/0).defined();
}
inline bool has_tangent(const OptionalTensor& t) { return t.has_value() && has_tangent(*t); }
template <typename T>
bool has_tangent(const T&) {
  return false;
}

inline bool requires_grad(const Tensor& t) { return t.defined() && t.requires_grad(); }
inline bool requires_grad(const OptionalTensor& t) { return t.has_value() && requires_grad(*t); }
template <typename T>
bool requires_grad(const T&) {
  return false;
}

// While a torch.func transform interprets an op, the key of its back mode is included
// (ATen/functorch's own headers cannot be included: they need one that torch does not ship).
inline bool inside_transform() {
  return c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerBackMode);
}

// Whether torch's own ops decide what an op means: for sparse, nested and other tensors that are not
// strided, and for subclasses with __torch_dispatch__ (DTensor, say). Not for those that a mode
// handles: torch.compile traces the op.
inline bool overrides_torch(const Tensor& t) {
  if (!t.defined()) return false;
  if (t.layout() != at::kStrided || t.is_nested()) return true;
  return t.key_set().has(c10::DispatchKey::Python) &&
         !c10::impl::TorchDispatchModeTLS::any_modes_set();
}
inline bool overrides_torch(const OptionalTensor& t) {
  return t.has_value() && overrides_torch(*t);
}
template <typename T>
bool overrides_torch(const T&) {
  return false;
}

template <typename... Arguments>
bool needs_formula(const Arguments&... arguments) {
  return inside_transform() || ((has_tangent(arguments) || overrides_torch(arguments)) || ...);
}

template <typename... Arguments>
bool needs_graph(const Arguments&... arguments) {
  return at::GradMode::is_enabled() && (requires_grad(arguments) || ...);
}

// The op, with `Function` as its node in the graph. Function::uses_formula(arguments...), if there
// is one, says for which arguments the formula runs instead.
template <auto op, typename Function, typename Result, typename... Arguments>
auto differentiable(Result (*)(Arguments...)) {
  return +[](Arguments... arguments) -> Result {
    bool uses_formula = needs_formula(arguments...);
    if constexpr (requires { Function::uses_formula(arguments...); })
      uses_formula = uses_formula || Function::uses_formula(arguments...);
    if (uses_formula) return op.formula(arguments...);
    if (needs_graph(arguments...)) {
      const auto outputs = Function::apply(arguments...);
      if constexpr (std::is_same_v<Result, Tensor>) {
        return outputs;
      } else {
        return {outputs[0], outputs[1]};
      }
    }
    const at::AutoDispatchBelowADInplaceOrView below;
    return op(arguments...);
  };
}

// The backward op. To be differentiated again it is its formula.
template <auto op, typename Result, typename... Arguments>
auto backward_of(Result (*)(Arguments...)) {
  return +[](Arguments... arguments) -> Result {
    if (needs_formula(arguments...) || needs_graph(arguments...)) return op.formula(arguments...);
    const at::AutoDispatchBelowADInplaceOrView below;
    return op(arguments...);
  };
}

// Registers both for the key Autograd.
template <auto op, auto backward, typename Function>
void register_autograd(torch::Library& m) {
  m.impl(op.name, differentiable<op, Function>(op.formula));
  m.impl(backward.name, backward_of<backward>(backward.formula));
}

}  // namespace inkgrad
