// A whole training step of a small chain of linear layers on CUDA, in one kernel: what cpu/chain.h
// is there, for as much as the kernel takes.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "../common/sgd.h"
#include "kernels/launches.h"

namespace inkgrad::cuda {

// float32, binary cross entropy. Nothing here waits for the device: a pass writes its report
// (launches.h: ChainReport) into doubles on the device, and what it refused stands there.
class Chain {
 public:
  explicit Chain(bool mean);

  // The layers, in order. A linear one takes all dimensions behind the first as its inputs.
  void linear(at::Tensor weight, std::optional<at::Tensor> bias, const std::string& activation);

  // The gradients of all parameters, in the order of the layers, weight before bias; each stays the
  // same tensor.
  std::vector<at::Tensor> gradients() const;
  // Momentum's memory, likewise.
  std::vector<at::Tensor> velocities() const;

  // The loss, and the gradients written. `rows`: of which inputs and targets, or all of them.
  void backward(const at::Tensor& inputs, const at::Tensor& targets,
                const std::optional<at::Tensor>& rows, const at::Tensor& report);
  // The same and one update.
  void step(const at::Tensor& inputs, const at::Tensor& targets,
            const std::optional<at::Tensor>& rows, const Sgd& sgd, const at::Tensor& report);
  // The loss of the chain as it is.
  void judge(const at::Tensor& inputs, const at::Tensor& targets, const at::Tensor& report) const;

 private:
  // A parameter, which may be absent, and tensors of its shape for gradient and momentum's memory.
  struct Parameter {
    at::Tensor value, grad, velocity;
  };
  struct Layer {
    Parameter weight, bias;
    Activation activation;
  };

  Parameter parameter_of(const at::Tensor& value) const;
  void check_parameter(const at::Tensor& value) const;
  ChainPass pass_of_layers() const;
  void run(ChainAction action, const at::Tensor& inputs, const at::Tensor& targets,
           const std::optional<at::Tensor>& rows, const Sgd& sgd, const at::Tensor& report) const;

  bool mean_;
  std::vector<Layer> layers_;
};

}  // namespace inkgrad::cuda
