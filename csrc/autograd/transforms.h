// When the C++ autograd functions of this folder apply, and when the formulas in native ops
// (native.cpp) do.
//
// A torch::autograd::Function knows nothing of torch.func transforms, forward-mode AD or vmap;
// native ops know all of them. So an op takes the fast path only outside of every transform and
// only for inputs without tangents; inside, it is its formula, and every derivative of every order
// is torch's own.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <optional>

namespace inkgrad {

inline bool has_tangent(const at::Tensor& t) {
  return t.defined() && t._fw_grad(/*level=*/0).defined();
}
inline bool has_tangent(const std::optional<at::Tensor>& t) {
  return t.has_value() && has_tangent(*t);
}

inline bool requires_grad(const at::Tensor& t) { return t.defined() && t.requires_grad(); }
inline bool requires_grad(const std::optional<at::Tensor>& t) {
  return t.has_value() && requires_grad(*t);
}

// While a torch.func transform interprets an op, the key of its back mode is included
// (ATen/functorch's own headers cannot be included: they need one that torch does not ship).
inline bool inside_transform() {
  return c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerBackMode);
}

template <typename... Tensors>
bool needs_formula(const Tensors&... tensors) {
  return inside_transform() || (has_tangent(tensors) || ...);
}

template <typename... Tensors>
bool needs_graph(const Tensors&... tensors) {
  return at::GradMode::is_enabled() && (requires_grad(tensors) || ...);
}

}  // namespace inkgrad
