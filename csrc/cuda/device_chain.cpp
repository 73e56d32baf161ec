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

DeviceChain::Parameter DeviceChain::parameter_of(const at::Tensor& value) {
  TORCH_INTERNAL_ASSERT(value.is_cuda() && value.scalar_type() == at::kFloat &&
                        value.is_contiguous());
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
    all.push_back(layer.weight.grad.detach());
    if (layer.bias.value.defined()) all.push_back(layer.bias.grad.detach());
  }
  return all;
}

std::vector<at::Tensor> DeviceChain::velocities() const {
  std::vector<at::Tensor> all;
  for (const Layer& layer : layers_) {
    all.push_back(layer.weight.velocity.detach());
    if (layer.bias.value.defined()) all.push_back(layer.bias.velocity.detach());
  }
  return all;
}

ChainPass DeviceChain::pass_of_layers() const {
  ChainPass pass{};
  for (const Layer& layer : layers_) {
    const auto& [weight, bias, activation] = layer;
    pass.layer[pass.layers++] = {static_cast<int>(weight.value.size(1)),
                                 static_cast<int>(weight.value.size(0)),
                                 activation,
                                 float_data(weight.value),
                                 weight.is_trained() ? float_data(weight.grad) : nullptr,
                                 float_data(weight.velocity),
                                 float_data(bias.value),
                                 bias.is_trained() ? float_data(bias.grad) : nullptr,
                                 float_data(bias.velocity)};
  }
  return pass;
}

void DeviceChain::run(ChainAction action, const at::Tensor& inputs, const at::Tensor& targets,
                      const std::optional<at::Tensor>& rows, const Sgd& sgd,
                      const at::Tensor& report) const {
  TORCH_CHECK(!layers_.empty(), "chain: no layers");
  check_chain_context(c10::kCUDA);
  check_sgd(sgd);
  TORCH_CHECK_VALUE(action == ChainAction::evaluate ||
                        std::any_of(layers_.begin(), layers_.end(),
                                    [](const Layer& layer) {
                                      return layer.weight.is_trained() || layer.bias.is_trained();
                                    }),
                    "chain: no parameter requires grad");
  at::AutoDispatchBelowADInplaceOrView below;
  const at::Device device = layers_[0].weight.value.device();
  const auto check = [&](const at::Tensor& t, const char* name) {
    TORCH_CHECK_VALUE(t.device() == device, "chain: expected ", name, " on ", device, ", got ",
                      t.device());
    check_chain_examples(action == ChainAction::evaluate ? t.detach() : t, name);
  };
  check(inputs, "inputs");
  check(targets, "targets");
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
      if (p->is_trained()) p->value.unsafeGetTensorImpl()->bump_version();
    }
  }
}

void DeviceChain::evaluate(const at::Tensor& inputs, const at::Tensor& targets,
                           const at::Tensor& report) const {
  run(ChainAction::evaluate, inputs, targets, std::nullopt, {}, report);
}

}  // namespace inkgrad::cuda
