// Settings of a chain of layers (cpu/chain.h, cuda/device_chain.h), and when it may run.
#pragma once

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/TorchDispatchModeTLS.h>
#include <c10/util/Exception.h>

#include <string>

#include "activation.h"
#include "sgd.h"

namespace inkgrad {

inline Activation activation_of(const std::string& name) {
  if (name == "none") return Activation::none;
  if (name == "sigmoid") return Activation::sigmoid;
  TORCH_CHECK_VALUE(name == "relu", "chain: expected activation none, sigmoid or relu, got ", name);
  return Activation::relu;
}

// Training steps are float32 and bypass the dispatcher, so that nothing can intercept them.
inline void check_chain_context(c10::DeviceType device) {
  TORCH_CHECK_VALUE(!at::autocast::is_autocast_enabled(device),
                    "chain: computes in float32 and cannot run under autocast");
  TORCH_CHECK_VALUE(
      !c10::impl::TorchDispatchModeTLS::any_modes_set() &&
          !c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerBackMode),
      "chain: cannot run inside a TorchDispatchMode or a torch.func transform");
}

// Examples are plain tensors that a gradient does not go on to.
inline void check_chain_examples(const at::Tensor& t, const char* name) {
  TORCH_CHECK_VALUE(t.layout() == at::kStrided && !t.is_nested() && !t.is_neg() && !t.is_conj(),
                    "chain: expected dense ", name, ", got ", t.layout());
  TORCH_CHECK_VALUE(!t.requires_grad(), "chain: ", name,
                    " require grad, which a chain does not compute; detach() them");
}

// The conditions and messages of torch.optim.SGD; NaN passes there, too.
inline void check_sgd(const Sgd& sgd) {
  TORCH_CHECK_VALUE(!(sgd.lr < 0), "chain: invalid learning rate: ", sgd.lr);
  TORCH_CHECK_VALUE(!(sgd.momentum < 0), "chain: invalid momentum: ", sgd.momentum);
  TORCH_CHECK_VALUE(!(sgd.weight_decay < 0), "chain: invalid weight_decay: ", sgd.weight_decay);
}

}  // namespace inkgrad
