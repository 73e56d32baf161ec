// Which kernel computes a convolution. For each direction there is an ordered list of algorithms;
// the first one that supports the problem runs, and the last one is torch's own op.
#pragma once

#include <array>
#include <vector>

#include "problem.h"

namespace inkgrad::cpu {

// Consecutive images of a batch.
struct ImageRange {
  int64_t first, count;
  Tensor of(const Tensor& t) const { return t.defined() ? t.narrow(0, first, count) : t; }
};

// Row-major operands. bias may be undefined; indices are defined with a pool.
struct ForwardTensors {
  Tensor input, weight, bias, output, indices;
};

// Row-major operands. grad is the gradient of the output or, with a pool, of the pooled output.
struct BackwardTensors {
  Tensor grad, indices, input, weight;
};

template <typename Run>
struct Algorithm {
  const char* name;
  bool (*supports)(const ConvProblem&);
  ConvMemory (*memory)(const ConvProblem&);
  // Bytes of workspace for each thread; an algorithm that needs more is not chosen.
  int64_t max_workspace;
  Run* run;            // null for torch's op
  bool joint = false;  // direct_backward() runs it together with the other direct gradients
};

// Writes output and indices, except for the images that it returns.
using ForwardAlgorithm = Algorithm<std::vector<ImageRange>(
    const ConvProblem&, const ForwardTensors&, const ConvMemory&)>;
// Returns the gradient, or an undefined tensor if the values of the operands rule it out.
using GradientAlgorithm =
    Algorithm<Tensor(const ConvProblem&, const BackwardTensors&, const ConvMemory&)>;

template <typename A>
struct Choice {
  const A* algorithm;
  ConvMemory memory;

  bool is_torch() const { return algorithm->supports == nullptr; }
};
using ForwardChoice = Choice<ForwardAlgorithm>;
using GradientChoice = Choice<GradientAlgorithm>;

// The choice for a problem, among the algorithms after `after` if it is not null.
ForwardChoice choose_forward(const ConvProblem& p, const ForwardAlgorithm* after = nullptr);
GradientChoice choose_grad_input(const ConvProblem& p, const GradientAlgorithm* after = nullptr);
GradientChoice choose_grad_weight(const ConvProblem& p, const GradientAlgorithm* after = nullptr);

// The choices for the gradients that are wanted of a convolution without a pool.
struct BackwardPlan {
  GradientChoice input, weight;
  bool bias_with_torch;  // if torch computes another gradient: it gives the bias's along with it
};
BackwardPlan plan_backward(const ConvProblem& p, std::array<bool, 3> output_mask);

// Whether a problem that no kernel pools runs as conv2d and a kernel for the pool, or as torch's
// ops.
bool supports_unfused(const Tensor& input, const Tensor& weight, const ConvOptions& options,
                      IntArrayRef kernel_size);

// The first images of a batch that Winograd convolves: all, or those that fill its vectors.
int64_t winograd_images(const ConvProblem& p);

}  // namespace inkgrad::cpu
