// A training step of a small chain of linear layers in one kernel: cpu/chain.h for CUDA.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "../common/chain.h"
#include "kernels/launches.h"

namespace inkgrad::cuda {

// float32, binary cross entropy. Nothing here waits for the device: a pass writes its report
// (launches.h: ChainReport), which includes errors, into doubles on the device.
class DeviceChain {
 public:
  explicit DeviceChain(bool mean);

  // Adds a layer, which flattens all dimensions of its input behind the first.
  void linear(at::Tensor weight, std::optional<at::Tensor> bias, const std::string& activation);

  // The gradients and the velocities of all parameters, in the order of the layers, weight before
  // bias. Every call returns the same memory.
  std::vector<at::Tensor> gradients() const;
  std::vector<at::Tensor> velocities() const;

  // Computes the loss and the gradients of the parameters that require grad. `rows` selects examples; without, all are used.
  void backward(const at::Tensor& inputs, const at::Tensor& targets,
                const std::optional<at::Tensor>& rows, const at::Tensor& report);
  // backward() and one update of the parameters.
  void step(const at::Tensor& inputs, const at::Tensor& targets,
            const std::optional<at::Tensor>& rows, const Sgd& sgd, const at::Tensor& report);
  void evaluate(const at::Tensor& inputs, const at::Tensor& targets,
                const at::Tensor& report) const;

 private:
  // Plain contiguous float32 tensors, or undefined ones.
  struct Parameter {
    at::Tensor value, grad, velocity;

    bool is_trained() const { return value.defined() && value.requires_grad(); }
  };
  struct Layer {
    Parameter weight, bias;
    Activation activation;
  };

  static Parameter parameter_of(const at::Tensor& value);
  ChainPass pass_of_layers() const;
  void run(ChainAction action, const at::Tensor& inputs, const at::Tensor& targets,
           const std::optional<at::Tensor>& rows, const Sgd& sgd, const at::Tensor& report) const;

  bool mean_;
  std::vector<Layer> layers_;
};

}  // namespace inkgrad::cuda
