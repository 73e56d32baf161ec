// torch.autograd.grad without its Python part, which takes longer than the engine itself in a graph
// of one or two nodes.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace inkgrad {

// As torch.autograd.grad of tensors on the CPU: a tuple. None, and nothing done, for arguments that
// are not plainly right or that somebody else may want to see: those are torch's, to complain of or
// to take.
pybind11::object grad(pybind11::handle outputs, pybind11::handle inputs,
                      pybind11::handle grad_outputs, pybind11::handle retain_graph,
                      bool create_graph, bool allow_unused);

}  // namespace inkgrad
