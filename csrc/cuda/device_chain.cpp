#include "device_chain.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "runtime.h"

namespace inkgrad::cuda {
namespace {

float* float_data(const at::Tensor& t) {
  return t.defined() ? static_cast<float*>(t.data_ptr()) : nullptr;
}

// int64 indices on the device, contiguous.
at::Tensor as_rows(const at::Tensor& rows, const at::Device& device) {
  TORCH_CHECK_INDEX(
      rows.dim() == 1 && (rows.scalar_type() == at::kLong || rows.scalar_type() == at::kInt),
      "chain: expected int64 rows of one dimension, got ", rows.scalar_type(), " of ",
      rows.sizes());
  return rows.to(device, at::kLong).contiguous();
}

}  // namespace

DeviceChain::DeviceChain(bool mean) : mean_(mean) {
  TORCH_CHECK_VALUE(kernels(), "chain: no CUDA kernels are loaded");
}

// Repeated in every pass: the user may have moved the parameters.
void DeviceChain::check_parameter(const at::Tensor& value) const {
  const at::Device device = layers_.empty() ? value.device() : layers_[0].weight.value.device();
  TORCH_CHECK_VALUE(device.is_cuda() && value.device() == device &&
                        value.layout() == at::kStrided && value.scalar_type() == at::kFloat &&
                        value.is_contiguous(),
                    "chain: expected contiguous float32 parameters on one CUDA device, got ",
                    value.scalar_type(), " on ", value.device());
}

DeviceChain::Parameter DeviceChain::parameter_of(const at::Tensor& value) const {
  check_parameter(value);
  const at::Tensor own = value.detach();
  return {value, at::zeros_like(own), at::zeros_like(own)};
}

void DeviceChain::linear(at::Tensor weight, std::optional<at::Tensor> bias,
                         const std::string& activation) {
  TORCH_CHECK_VALUE(layers_.size() < kMaxChainLayers, "chain: at most ", kMaxChainLayers,
                    " layers on CUDA");
  Layer layer{parameter_of(weight), {}, activation_of(activation)};
  if (bias.has_value() && bias->defined()) layer.bias = parameter_of(*bias);
  layers_.push_back(std::move(layer));
  TORCH_CHECK_VALUE(kernels()->chain_supports(pass_of_layers()),
                    "chain: too large for one kernel, or a layer that does not follow from the one "
                    "before, with a weight of ",
                    weight.sizes());
}

std::vector<at::Tensor> DeviceChain::gradients() const {
  std::vector<at::Tensor> all;
  for (const Layer& layer : layers_) {
    all.push_back(layer.weight.grad);
    if (layer.bias.value.defined()) all.push_back(layer.bias.grad);
  }
  return all;
}

std::vector<at::Tensor> DeviceChain::velocities() const {
  std::vector<at::Tensor> all;
  for (const Layer& layer : layers_) {
    all.push_back(layer.weight.velocity);
    if (layer.bias.value.defined()) all.push_back(layer.bias.velocity);
  }
  return all;
}

ChainPass DeviceChain::pass_of_layers() const {
  ChainPass pass{};
  for (const Layer& layer : layers_) {
    const auto& [weight, bias, activation] = layer;
    check_parameter(weight.value);
    if (bias.value.defined()) check_parameter(bias.value);
    pass.layer[pass.layers++] = {static_cast<int>(weight.value.size(1)),
                                 static_cast<int>(weight.value.size(0)),
                                 activation,
                                 float_data(weight.value),
                                 float_data(weight.grad),
                                 float_data(weight.velocity),
                                 float_data(bias.value),
                                 float_data(bias.grad),
                                 float_data(bias.velocity)};
  }
  return pass;
}

void DeviceChain::run(ChainAction action, const at::Tensor& inputs, const at::Tensor& targets,
                      const std::optional<at::Tensor>& rows, const Sgd& sgd,
                      const at::Tensor& report) const {
  TORCH_CHECK(!layers_.empty(), "chain: no layers");
  at::AutoDispatchBelowADInplaceOrView below;
  const at::Device device = layers_[0].weight.value.device();
  for (const at::Tensor& t : {inputs, targets, report}) {
    TORCH_CHECK(is_plain(t, layers_[0].weight.value), "chain: expected dense examples on ", device,
                ", got ", t.layout(), " on ", t.device());
  }
  const Launch launch(inputs);
  const at::Tensor x = inputs.contiguous(), t = targets.contiguous();
  const at::Tensor chosen = rows ? as_rows(*rows, device) : at::Tensor();
  const int64_t count = chosen.defined() ? chosen.numel() : x.dim() > 0 ? x.size(0) : 0;
  TORCH_CHECK_VALUE(count > 0 && x.numel() > 0, "chain: expected at least one example, got ",
                    chosen.defined() ? chosen.sizes() : x.sizes());
  const bool are_bytes = x.scalar_type() == at::kByte;
  TORCH_CHECK_TYPE(are_bytes || x.scalar_type() == at::kFloat,
                   "chain: expected float32 or uint8 inputs, got ", x.scalar_type());

  ChainPass pass = pass_of_layers();
  const int64_t units = pass.layer[0].inputs, outputs = pass.layer[pass.layers - 1].outputs;
  TORCH_CHECK(x.numel() == x.size(0) * units, "chain: a linear layer of ", units,
              " inputs got rows of ", x.numel() / x.size(0));
  const bool fit = t.dim() == 2 && t.size(1) == outputs && t.size(0) >= 1 &&
                   (chosen.defined() || t.size(0) == count);
  TORCH_CHECK(t.scalar_type() == at::kFloat && fit,
              "chain: expected float32 targets of the output's size [", count, ", ", outputs,
              "], got ", t.scalar_type(), " of ", t.sizes());
  pass.action = action;
  pass.inputs = x.const_data_ptr();
  pass.inputs_are_bytes = are_bytes;
  pass.targets = t.const_data_ptr<float>();
  pass.rows = chosen.defined() ? chosen.const_data_ptr<int64_t>() : nullptr;
  pass.examples = std::min(x.size(0), t.size(0));
  pass.count = count;
  pass.divisor = mean_ ? double(count) * double(outputs) : 1;
  pass.lr = static_cast<float>(sgd.lr);
  pass.momentum = static_cast<float>(sgd.momentum);
  pass.weight_decay = static_cast<float>(sgd.weight_decay);
  TORCH_CHECK(report.scalar_type() == at::kDouble && report.is_contiguous() &&
                  report.numel() == kChainReport,
              "chain: expected a report of ", int(kChainReport), " doubles");
  kernels()->chain_pass(pass, report.mutable_data_ptr<double>(), launch.stream());
}

void DeviceChain::backward(const at::Tensor& inputs, const at::Tensor& targets,
                           const std::optional<at::Tensor>& rows, const at::Tensor& report) {
  run(ChainAction::backward, inputs, targets, rows, {}, report);
}

void DeviceChain::step(const at::Tensor& inputs, const at::Tensor& targets,
                       const std::optional<at::Tensor>& rows, const Sgd& sgd,
                       const at::Tensor& report) {
  run(ChainAction::step, inputs, targets, rows, sgd, report);
  for (const Layer& layer : layers_) {
    for (const Parameter* p : {&layer.weight, &layer.bias}) {
      // for graphs that have saved it
      if (p->value.defined()) p->value.unsafeGetTensorImpl()->bump_version();
    }
  }
}

void DeviceChain::evaluate(const at::Tensor& inputs, const at::Tensor& targets,
                           const at::Tensor& report) const {
  run(ChainAction::evaluate, inputs, targets, std::nullopt, {}, report);
}

}  // namespace inkgrad::cuda
