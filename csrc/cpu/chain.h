// A whole training step of a chain of layers in one call: forward, loss, backward and update.
//
// In the small models of a course autograd, Python and the dispatcher cost ten times the
// arithmetic. A chain knows its layers and its loss beforehand, so there is nothing to record: each
// layer keeps what its backward needs, and the gradients go where the parameters' own are.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/table.h"

namespace inkgrad::cpu {

// A parameter, a tensor of its shape for its gradient, and one for momentum's memory.
struct Weights {
  at::Tensor value, grad, velocity;
};

// One layer. forward() keeps what backward() needs if `keep`.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual at::Tensor forward(const at::Tensor& input, bool keep) = 0;
  // Writes the gradients of the parameters; returns that of the input if it is wanted.
  virtual at::Tensor backward(const at::Tensor& grad_output, bool wants_input) = 0;
  virtual std::vector<Weights*> weights() { return {}; }
};

enum class Loss : int { binary_cross_entropy, cross_entropy };

// The mean or the sum of the losses, and how many examples were got right.
struct Judgement {
  double loss;
  int64_t right;
};

// float32 on the CPU. Not to be used by two threads at once.
class Chain {
 public:
  Chain(Loss loss, bool mean) : loss_(loss), mean_(mean) {}

  // The layers, in order. A linear one takes all dimensions behind the first as its inputs.
  void standardise(double mean, double std);
  void linear(at::Tensor weight, std::optional<at::Tensor> bias, const std::string& activation);
  void conv2d_relu_max_pool2d(at::Tensor weight, std::optional<at::Tensor> bias,
                              std::vector<int64_t> stride, std::vector<int64_t> padding,
                              std::vector<int64_t> dilation, int64_t groups,
                              std::vector<int64_t> kernel_size);

  // The gradients of all parameters, in the order of the layers, weight before bias; each stays the
  // same tensor.
  std::vector<at::Tensor> gradients();
  // Momentum's memory, likewise.
  std::vector<at::Tensor> velocities();

  // The loss, and the gradients written. `rows`: of which inputs and targets, or all of them.
  // Pixels (uint8 inputs) become x / 255. A loss that is not finite leaves the gradients as they
  // were.
  double backward(const at::Tensor& inputs, const at::Tensor& targets,
                  const std::optional<at::Tensor>& rows);
  // The same and one update; a loss that is not finite leaves the weights as they were.
  double step(const at::Tensor& inputs, const at::Tensor& targets,
              const std::optional<at::Tensor>& rows, const Sgd& sgd);
  // The loss of the chain as it is, in pieces of `piece` examples.
  Judgement judge(const at::Tensor& inputs, const at::Tensor& targets, int64_t piece);
  // Whether all weights are finite.
  bool finite() const;

 private:
  at::Tensor prepared(const at::Tensor& inputs, const std::optional<at::Tensor>& rows) const;
  at::Tensor output_of(at::Tensor x, bool keep);
  Judgement judge_output(const at::Tensor& output, const at::Tensor& targets, double count,
                         at::Tensor* grad) const;

  Loss loss_;
  bool mean_;
  std::vector<std::unique_ptr<Stage>> stages_;
};

}  // namespace inkgrad::cpu
