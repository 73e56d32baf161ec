// Gradients without the autograd engine, in graphs that are a path.
#pragma once

#include <torch/csrc/autograd/variable.h>

#include <optional>

namespace inkgrad {

// The gradients of a CPU tensor with respect to leaves, where the graph is a path: every node has
// besides leaves at most one predecessor. So are a loss behind a layer, and most sequential models.
// Then there is nothing to sort and to wait for, which is what the engine's 8 us go into.
//
// Nothing, and nothing done, where it is no path or where somebody watches: hooks, anomaly mode,
// functions in Python, a transform, leaves that are not among the inputs.
std::optional<torch::autograd::variable_list> path_gradients(
    const at::Tensor& output, const torch::autograd::variable_list& inputs, const at::Tensor& grad,
    bool retain_graph);

}  // namespace inkgrad
