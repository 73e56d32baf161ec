// The ops once more, beside torch.ops, as plain functions of Python's: without schema, boxing and a
// binding's conversions a call costs 1 to 3 us less.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace inkgrad {

// linear_sigmoid, linear_relu, binary_cross_entropy, conv2d and conv2d_relu_max_pool2d, the latter
// without its indices. All arguments by position, sizes as tuples of two. TypeError for what an op
// does not take, so that its caller may go the long way.
void define_direct_calls(pybind11::module_& m);

}  // namespace inkgrad
