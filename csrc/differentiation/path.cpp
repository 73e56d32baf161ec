#include "path.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/autograd/engine.h>

#include <algorithm>
#include <cstring>
#include <typeinfo>
#include <vector>

#include "../autograd/transforms.h"

namespace inkgrad {
namespace {

using at::Tensor;
using torch::autograd::Edge;
using torch::autograd::Node;
using torch::autograd::variable_list;

// Where the leaves' gradients arrive.
struct Leaf {
  const Node* accumulator;
  Tensor gradient;
};

// A node and which of its edges goes on, -1 for none.
struct Step {
  Node* node;
  int64_t onward;
};

bool is_watched(Node& node) {
  return !node.tensor_pre_hooks().empty() || !node.retains_grad_hooks().empty() ||
         !node.pre_hooks().empty() || !node.post_hooks().empty();
}

// What the engine would do otherwise: wait for a stream, or answer a Python function's questions.
bool needs_engine(Node& node) {
  return is_watched(node) || node.stream().has_value() ||
         std::strstr(typeid(node).name(), "PyNode") != nullptr;
}

Leaf* find(std::vector<Leaf>& leaves, const Node* accumulator) {
  const auto found = std::find_if(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
    return leaf.accumulator == accumulator;
  });
  return found == leaves.end() ? nullptr : &*found;
}

// The accumulators of the inputs, or none if one is no leaf or is there twice.
std::vector<Leaf> leaves_of(const variable_list& inputs) {
  std::vector<Leaf> leaves;
  leaves.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    const auto accumulator = torch::autograd::impl::try_get_grad_accumulator(input);
    if (!input.is_leaf() || !accumulator || is_watched(*accumulator)) return {};
    if (find(leaves, accumulator.get())) return {};
    leaves.push_back({accumulator.get(), Tensor()});
  }
  return leaves;
}

// The nodes from the output's on; empty if they are no path to all the leaves.
std::vector<Step> path_from(Node* node, std::vector<Leaf>& leaves) {
  std::vector<Step> path;
  std::vector<const Node*> seen;
  while (node) {
    if (needs_engine(*node)) return {};
    Step step{node, -1};
    Node* next = nullptr;
    for (size_t i = 0; i < node->next_edges().size(); ++i) {
      const Edge& edge = node->next_edges()[i];
      if (!edge.is_valid()) continue;
      if (find(leaves, edge.function.get())) {
        seen.push_back(edge.function.get());
      } else if (next || edge.function->next_edges().empty()) {
        return {};
      } else {
        next = edge.function.get();
        step.onward = int64_t(i);
      }
    }
    path.push_back(step);
    node = next;
  }
  const bool reaches_all = std::all_of(leaves.begin(), leaves.end(), [&](const Leaf& leaf) {
    return std::find(seen.begin(), seen.end(), leaf.accumulator) != seen.end();
  });
  return reaches_all ? path : std::vector<Step>{};
}

void add(Tensor& sum, const Tensor& gradient) {
  if (!gradient.defined()) return;
  sum = sum.defined() ? at::add(sum, gradient) : gradient;
}

// One node's gradients, checked and brought to the shapes of what they belong to, as the engine
// does.
variable_list call(Node& node, variable_list grads, bool retain_graph) {
  if (!retain_graph) node.will_release_variables();
  variable_list results = node(std::move(grads));
  torch::autograd::validate_outputs(node.next_edges(), results, [&](const std::string& message) {
    return "Function " + node.name() + " returned an " + message;
  });
  if (!retain_graph) node.release_variables();
  return results;
}

}  // namespace

std::optional<variable_list> path_gradients(const Tensor& output, const variable_list& inputs,
                                            const Tensor& grad, bool retain_graph) {
  if (inside_transform() || torch::autograd::AnomalyMode::is_enabled() || output.is_leaf())
    return std::nullopt;
  std::vector<Leaf> leaves = leaves_of(inputs);
  const Edge from = torch::autograd::impl::gradient_edge(output);
  const std::vector<Step> path = path_from(from.function.get(), leaves);
  if (leaves.empty() || path.empty()) return std::nullopt;

  const at::AutoGradMode no_graph(false);
  Tensor arriving = grad;
  uint32_t place = from.input_nr;
  for (const Step& step : path) {
    variable_list grads(step.node->num_inputs());
    grads[place] = std::move(arriving);
    variable_list results = call(*step.node, std::move(grads), retain_graph);
    for (size_t i = 0; i < results.size(); ++i) {
      const Edge& edge = step.node->next_edges()[i];
      if (!edge.is_valid()) continue;
      if (int64_t(i) == step.onward) {
        arriving = results[i];
        place = edge.input_nr;
      } else {
        add(find(leaves, edge.function.get())->gradient, results[i]);
      }
    }
  }
  variable_list gradients;
  for (Leaf& leaf : leaves) gradients.push_back(leaf.gradient);
  return gradients;
}

}  // namespace inkgrad
