// Whether modules are what they were: what inkgrad.chain asks before each of its calls, in a
// fraction of a microsecond where the same questions in Python take 10.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace inkgrad {

// watch(modules, items, empty, tensors) returns a function without arguments: whether all is as it
// is now. modules: have the same class and no new attribute. items, pairs of a dict or class and a
// key: have the same value. empty: dicts that are still empty. tensors, plain ones: are in the same
// memory and have no hooks.
// sends_gradient_elsewhere(tensor): whether a hook would see its gradient, or it is no leaf.
void define_watch(pybind11::module_& m);

}  // namespace inkgrad
