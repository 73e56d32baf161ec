// The activations that are fused into layers, on every backend.
#pragma once

namespace inkgrad {

enum class Activation : int { none, sigmoid, relu };

}  // namespace inkgrad
