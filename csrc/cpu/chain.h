// A chain of layers in one call: its output, or a training step of forward, loss, backward and
// update.
//
// In the small models of a course, and for a single image, autograd, Python and the dispatcher take
// up to ten times as long as the arithmetic. A chain knows its layers and its loss beforehand and
// records nothing: each layer keeps what its backward needs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../common/chain.h"

namespace inkgrad::cpu {

// Plain contiguous float32 tensors, or undefined ones: grad and velocity before they are needed.
struct Parameter {
  at::Tensor value, grad, velocity;

  bool is_trained() const { return value.defined() && value.requires_grad(); }
  // Null for a frozen parameter, too.
  float* grad_or_null() const { return is_trained() ? grad.mutable_data_ptr<float>() : nullptr; }
};

// One layer. forward() keeps what backward() needs if `keep`.
struct Layer {
  Layer() = default;
  Layer(Parameter weight, Parameter bias) : weight(std::move(weight)), bias(std::move(bias)) {}
  virtual ~Layer() = default;
  virtual at::Tensor forward(const at::Tensor& input, bool keep) = 0;
  // Writes the gradients of the parameters that are trained; returns that of the input if needs_grad_input.
  virtual at::Tensor backward(const at::Tensor& grad_output, bool needs_grad_input) = 0;
  bool is_trained() const { return weight.is_trained() || bias.is_trained(); }

  Parameter weight, bias;
};

enum class Loss : int { none, binary_cross_entropy, cross_entropy };

// loss: the mean or the sum. correct: the number of examples that are predicted correctly.
struct Evaluation {
  double loss;
  int64_t correct;
};

// float32 on the CPU. Not thread-safe. inkgrad.chain checks layers and parameters, here are those of
// examples.
class Chain {
 public:
  // ignore_index: the target that torch.nn.CrossEntropyLoss leaves out; an error here.
  Chain(Loss loss, bool mean, int64_t ignore_index)
      : loss_(loss), mean_(mean), ignore_index_(ignore_index) {}

  // Add a layer. A linear one flattens all dimensions of its input behind the first.
  void standardize(double mean, double std);
  void flatten();
  void relu();
  void linear(at::Tensor weight, std::optional<at::Tensor> bias, const std::string& activation);
  void conv2d(at::Tensor weight, std::optional<at::Tensor> bias, std::vector<int64_t> stride,
              std::vector<int64_t> padding, std::vector<int64_t> dilation, int64_t groups);
  void conv2d_relu_max_pool2d(at::Tensor weight, std::optional<at::Tensor> bias,
                              std::vector<int64_t> stride, std::vector<int64_t> padding,
                              std::vector<int64_t> dilation, int64_t groups,
                              std::vector<int64_t> kernel_size);

  // The output, without a loss. Pixels (uint8 inputs) become x / 255. Any number of threads may call
  // it at once.
  at::Tensor forward(const at::Tensor& inputs) const;

  // The gradients and the velocities of all parameters, in the order of the layers, weight before
  // bias. Every call returns the same memory.
  std::vector<at::Tensor> gradients();
  std::vector<at::Tensor> velocities();

  // With a loss, the rest but is_finite().
  //
  // Returns the loss and writes the gradients of the parameters that require grad, unless the loss
  // is not finite. `rows` selects examples; without, all are used. Pixels (uint8 inputs) become
  // x / 255.
  double backward(const at::Tensor& inputs, const at::Tensor& targets,
                  const std::optional<at::Tensor>& rows);
  // backward() and one update of the parameters, unless the loss is not finite.
  double step(const at::Tensor& inputs, const at::Tensor& targets,
              const std::optional<at::Tensor>& rows, const Sgd& sgd);
  // Computes chunk_size examples at once, to bound the memory.
  Evaluation evaluate(const at::Tensor& inputs, const at::Tensor& targets,
                      int64_t chunk_size) const;
  // Whether all parameters are finite.
  bool is_finite() const;

 private:
  at::Tensor prepared(const at::Tensor& inputs, const std::optional<at::Tensor>& rows) const;
  at::Tensor output_of(at::Tensor x, bool keep) const;
  void reserve_gradients();
  Evaluation evaluate_output(const at::Tensor& output, const at::Tensor& targets, double count,
                             at::Tensor* grad) const;

  template <typename F>
  void for_each_parameter(F f) const {
    for (const auto& layer : layers_) {
      if (layer->weight.value.defined()) f(layer->weight);
      if (layer->bias.value.defined()) f(layer->bias);
    }
  }

  Loss loss_;
  bool mean_;
  int64_t ignore_index_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace inkgrad::cpu
