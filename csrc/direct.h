// The forward ops as plain Python functions: without schema, boxing and a binding's conversions a
// call costs 1 to 3 us less.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace inkgrad {

// linear_sigmoid, linear_relu, binary_cross_entropy, conv2d and conv2d_relu_max_pool2d (without its
// indices), with the parameters of their schemas, all by position; sizes are tuples of two.
// TypeError for arguments that an op does not take, tensors of a subclass or another layout, and
// while torch.jit traces: the caller then decides what computes the call.
void define_direct_calls(pybind11::module_& m);

}  // namespace inkgrad
