// Settings of a chain of layers (cpu/chain.h, cuda/device_chain.h).
#pragma once

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

}  // namespace inkgrad
