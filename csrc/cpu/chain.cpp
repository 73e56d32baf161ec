#include "chain.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "../ops.h"
#include "linear.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

Parameter parameter_of(const Tensor& value) {
  TORCH_INTERNAL_ASSERT(is_plain(value) && value.scalar_type() == at::kFloat &&
                        value.is_contiguous());
  return {value, {}, {}};
}

Parameter parameter_of(const OptionalTensor& value) {
  return is_defined(value) ? parameter_of(*value) : Parameter{};
}

class Standardize : public Layer {
 public:
  Standardize(double mean, double std) : mean_(mean), std_(std) {}
  Tensor forward(const Tensor& input, bool) override {
    const Tensor x = input.contiguous(), y = new_tensor(x.sizes(), at::kFloat);
    const float *const from = x.const_data_ptr<float>(), mean = float(mean_), std = float(std_);
    float* const to = y.mutable_data_ptr<float>();
    parallel_for(0, x.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) to[i] = (from[i] - mean) / std;
    });
    return y;
  }
  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    return needs_grad_input ? grad_output.div(std_) : Tensor();
  }

 private:
  double mean_, std_;
};

class Flatten : public Layer {
 public:
  Tensor forward(const Tensor& input, bool) override { return input.flatten(1); }
  // The layer before knows the shape of its output.
  Tensor backward(const Tensor& grad_output, bool) override { return grad_output; }
};

class Relu : public Layer {
 public:
  Tensor forward(const Tensor& input, bool keep) override {
    const Tensor x = input.contiguous(), y = new_tensor(x.sizes(), at::kFloat);
    const float* const from = x.const_data_ptr<float>();
    float* const to = y.mutable_data_ptr<float>();
    parallel_for(0, x.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) to[i] = from[i] < 0 ? 0 : from[i];  // NaN stays NaN
    });
    if (keep) output_ = y;
    return y;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    if (!needs_grad_input) return {};
    const Tensor grad = new_tensor(output_.sizes(), at::kFloat);
    kernels()->f32.activation_backward(grad_output.const_data_ptr<float>(),
                                       output_.const_data_ptr<float>(), Activation::relu,
                                       grad.mutable_data_ptr<float>(), grad.numel());
    return grad;
  }

 private:
  Tensor output_;
};

class Linear : public Layer {
 public:
  Linear(const Tensor& weight, const OptionalTensor& bias, Activation activation)
      : Layer{parameter_of(weight), parameter_of(bias)}, activation_(activation) {}

  Tensor forward(const Tensor& x, bool keep) override {
    const Tensor input = x.contiguous();  // torch's convolution may give channels last
    const Tensor y = new_tensor({input.size(0), weight.value.size(0)}, at::kFloat);
    linear_forward(layer(input), y.mutable_data_ptr<float>());
    if (keep) {
      input_ = input;
      output_ = y;
    }
    return y;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    const auto forward = layer(input_);
    const Tensor workspace =
        needs_workspace(forward) ? new_tensor(grad_output.sizes(), at::kFloat) : Tensor();
    const Tensor grad = needs_grad_input ? new_tensor(input_.sizes(), at::kFloat) : Tensor();
    linear_backward(forward,
                    {grad_output.const_data_ptr<float>(), output_.const_data_ptr<float>(),
                     mutable_data_or_null<float>(workspace), mutable_data_or_null<float>(grad),
                     weight.grad_or_null(), bias.grad_or_null()});
    return grad;
  }

 private:
  LinearLayer<float> layer(const Tensor& input) const {
    const int64_t inputs = weight.value.size(1), rows = input.size(0);
    TORCH_CHECK(input.numel() == rows * inputs, "chain: a linear layer of ", inputs,
                " inputs got rows of ", rows ? input.numel() / rows : 0);
    return {rows,
            weight.value.size(0),
            inputs,
            {input.const_data_ptr<float>(), inputs, 1},
            {weight.value.const_data_ptr<float>(), inputs, 1},
            data_or_null<float>(bias.value),
            activation_};
  }

  Activation activation_;
  Tensor input_, output_;
};

struct ConvSettings {
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups;
};

// The parts that convolutions with and without a pool have in common.
class Convolution : public Layer {
 public:
  Convolution(const Tensor& weight, const OptionalTensor& bias, ConvSettings settings)
      : Layer{parameter_of(weight), parameter_of(bias)}, conv_(std::move(settings)) {}

 protected:
  OptionalTensor optional_bias() const {
    return bias.value.defined() ? OptionalTensor(bias.value) : std::nullopt;
  }
  std::array<bool, 3> output_mask(bool needs_grad_input) const {
    return {needs_grad_input, weight.is_trained(), bias.is_trained()};
  }
  static void check_images(const Tensor& input) {
    TORCH_CHECK(input.dim() == 4,
                "chain: a convolution expected images of shape (N, C, H, W), got ", input.sizes());
  }
  // Writes the gradients of the parameters; returns that of the input.
  Tensor keep(const Gradients3& gradients) {
    const auto& [grad_input, grad_weight, grad_bias] = gradients;
    if (weight.is_trained()) weight.grad.copy_(grad_weight);
    if (bias.is_trained()) bias.grad.copy_(grad_bias);
    return grad_input;
  }

  const ConvSettings conv_;
  Tensor input_;
};

class Conv2d : public Convolution {
 public:
  using Convolution::Convolution;

  Tensor forward(const Tensor& input, bool keep) override {
    check_images(input);
    const Tensor output = inkgrad::conv2d(input, weight.value, optional_bias(), conv_.stride,
                                          conv_.padding, conv_.dilation, conv_.groups);
    if (keep) {
      input_ = input;
      output_sizes_ = output.sizes().vec();
    }
    return output;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    return keep(conv2d_backward(grad_output.reshape(output_sizes_), input_, weight.value,
                                conv_.stride, conv_.padding, conv_.dilation, conv_.groups,
                                output_mask(needs_grad_input)));
  }

 private:
  std::vector<int64_t> output_sizes_;
};

class Conv2dReluMaxPool2d : public Convolution {
 public:
  Conv2dReluMaxPool2d(const Tensor& weight, const OptionalTensor& bias, ConvSettings settings,
                      std::vector<int64_t> kernel_size)
      : Convolution(weight, bias, std::move(settings)), kernel_size_(std::move(kernel_size)) {}

  Tensor forward(const Tensor& input, bool keep) override {
    check_images(input);
    auto [output, indices] =
        conv2d_relu_max_pool2d(input, weight.value, optional_bias(), conv_.stride, conv_.padding,
                               conv_.dilation, conv_.groups, kernel_size_);
    if (keep) {
      input_ = input;
      indices_ = indices;
    }
    return output;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    return keep(conv2d_relu_max_pool2d_backward(
        grad_output.reshape(indices_.sizes()), input_, weight.value, indices_, conv_.stride,
        conv_.padding, conv_.dilation, conv_.groups, kernel_size_, output_mask(needs_grad_input)));
  }

 private:
  std::vector<int64_t> kernel_size_;
  Tensor indices_;
};

Tensor selected(const Tensor& t, const OptionalTensor& rows) {
  return rows ? t.index_select(0, *rows) : t.contiguous();
}

void check_examples(const Tensor& t, const char* name) {
  TORCH_CHECK_VALUE(t.is_cpu(), "chain: expected ", name, " on the CPU, got ", t.device());
  check_chain_examples(t, name);
}

void check_not_empty(const Tensor& inputs) {
  TORCH_CHECK_VALUE(inputs.dim() > 0 && inputs.numel() > 0,
                    "chain: expected at least one example, got ", inputs.sizes());
}

}  // namespace

void Chain::standardize(double mean, double std) {
  layers_.push_back(std::make_unique<Standardize>(mean, std));
}

void Chain::flatten() { layers_.push_back(std::make_unique<Flatten>()); }

void Chain::relu() { layers_.push_back(std::make_unique<Relu>()); }

void Chain::linear(Tensor weight, std::optional<Tensor> bias, const std::string& activation) {
  layers_.push_back(std::make_unique<Linear>(weight, bias, activation_of(activation)));
}

void Chain::conv2d(Tensor weight, std::optional<Tensor> bias, std::vector<int64_t> stride,
                   std::vector<int64_t> padding, std::vector<int64_t> dilation, int64_t groups) {
  ConvSettings settings{std::move(stride), std::move(padding), std::move(dilation), groups};
  layers_.push_back(std::make_unique<Conv2d>(weight, bias, std::move(settings)));
}

void Chain::conv2d_relu_max_pool2d(Tensor weight, std::optional<Tensor> bias,
                                   std::vector<int64_t> stride, std::vector<int64_t> padding,
                                   std::vector<int64_t> dilation, int64_t groups,
                                   std::vector<int64_t> kernel_size) {
  ConvSettings settings{std::move(stride), std::move(padding), std::move(dilation), groups};
  layers_.push_back(std::make_unique<Conv2dReluMaxPool2d>(weight, bias, std::move(settings),
                                                          std::move(kernel_size)));
}

void Chain::reserve_gradients() {
  for_each_parameter([](Parameter& w) {
    if (w.grad.defined()) return;
    w.grad = at::zeros_like(w.value.detach());
    w.velocity = at::zeros_like(w.grad);
  });
}

// Others than the chain's own tensors, which a caller might resize.
std::vector<Tensor> Chain::gradients() {
  reserve_gradients();
  std::vector<Tensor> all;
  for_each_parameter([&](const Parameter& w) { all.push_back(w.grad.detach()); });
  return all;
}

std::vector<Tensor> Chain::velocities() {
  reserve_gradients();
  std::vector<Tensor> all;
  for_each_parameter([&](const Parameter& w) { all.push_back(w.velocity.detach()); });
  return all;
}

// The selected rows as float, contiguous.
Tensor Chain::prepared(const Tensor& inputs, const OptionalTensor& rows) const {
  const Tensor chosen = selected(inputs, rows);
  if (chosen.scalar_type() == at::kFloat) return chosen;
  TORCH_CHECK_TYPE(chosen.scalar_type() == at::kByte,
                   "chain: expected float32 or uint8 inputs, got ", chosen.scalar_type());
  float values[256];
  for (int i = 0; i < 256; ++i) values[i] = float(i) / 255;
  const Tensor result = new_tensor(chosen.sizes(), at::kFloat);
  const uint8_t* const from = chosen.const_data_ptr<uint8_t>();
  float* const to = result.mutable_data_ptr<float>();
  for (int64_t i = 0; i < chosen.numel(); ++i) to[i] = values[from[i]];
  return result;
}

Tensor Chain::output_of(Tensor x, bool keep) const {
  for (const auto& layer : layers_) x = layer->forward(x, keep);
  return x;
}

Tensor Chain::forward(const Tensor& inputs) const {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  check_chain_context(c10::kCPU);
  check_examples(inputs, "inputs");
  at::AutoDispatchBelowADInplaceOrView below;
  const Tensor x = prepared(inputs, std::nullopt);
  check_not_empty(x);
  return output_of(x, false);
}

// The loss of outputs that are part of `count` examples, and its gradient.
Evaluation Chain::evaluate_output(const Tensor& output, const Tensor& targets, double count,
                                  Tensor* grad) const {
  TORCH_CHECK_VALUE(loss_ != Loss::none,
                    "chain: made without a criterion, it computes outputs only");
  const auto& table = kernels()->f32;
  const int64_t rows = output.size(0), n = output.numel();
  const float* const y = output.const_data_ptr<float>();
  const Tensor grad_output = grad ? new_tensor(output.sizes(), at::kFloat) : Tensor();
  float* const dy = grad ? grad_output.mutable_data_ptr<float>() : nullptr;
  Evaluation result{0, 0};
  if (loss_ == Loss::binary_cross_entropy) {
    TORCH_CHECK(targets.scalar_type() == at::kFloat && targets.sizes() == output.sizes(),
                "chain: expected float32 targets of the output's size ", output.sizes(), ", got ",
                targets.scalar_type(), " of ", targets.sizes());
    const double scale = mean_ ? count * (double(n) / rows) : 1;
    const float* const t = targets.const_data_ptr<float>();
    unsigned out_of_range = 0;
    const BceOperands<float> operands{y, t, nullptr, n};
    result.loss = table.bce_sum(operands, &out_of_range) / scale;
    TORCH_CHECK(!(out_of_range & kTargetOutOfRange),
                "all elements of target should be between 0 and 1");
    if (out_of_range) {
      TORCH_CHECK(output.isnan().any().item<bool>(),
                  "all elements of input should be between 0 and 1");
      result.loss = std::numeric_limits<double>::quiet_NaN();
    }
    for (int64_t i = 0; i < n; ++i) result.correct += (y[i] > 0.5f) == (t[i] > 0.5f);
    if (dy) table.bce_backward(operands, nullptr, 1, 1 / scale, dy, nullptr);
  } else {
    TORCH_CHECK_VALUE(output.dim() == 2,
                      "chain: cross entropy expected logits of shape (N, classes), got ",
                      output.sizes(), "; add a Flatten");
    const int64_t classes = n / rows;
    TORCH_CHECK(targets.scalar_type() == at::kLong && targets.dim() == 1 && targets.size(0) == rows,
                "chain: expected int64 targets of size [", rows, "], got ", targets.scalar_type(),
                " of ", targets.sizes());
    const int64_t* const labels = targets.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < rows; ++i) {
      TORCH_CHECK_VALUE(labels[i] != ignore_index_, "chain: targets are ignore_index (",
                        ignore_index_, "), which a chain does not skip");
      TORCH_CHECK_INDEX(labels[i] >= 0 && labels[i] < classes, "Target ", labels[i],
                        " is out of bounds.");
    }
    const double scale = mean_ ? count : 1;
    result.loss =
        table.cross_entropy(y, labels, rows, classes, float(1 / scale), dy, &result.correct) /
        scale;
  }
  if (grad) *grad = grad_output;
  return result;
}

double Chain::backward(const Tensor& inputs, const Tensor& targets, const OptionalTensor& rows) {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  check_chain_context(c10::kCPU);
  check_examples(inputs, "inputs");
  check_examples(targets, "targets");
  if (rows) check_examples(*rows, "rows");
  // Backward ends at the first layer with parameters to train.
  size_t first = 0;
  while (first < layers_.size() && !layers_[first]->is_trained()) ++first;
  TORCH_CHECK_VALUE(first < layers_.size(), "chain: no parameter requires grad");
  at::AutoDispatchBelowADInplaceOrView below;
  Tensor x = prepared(inputs, rows);
  check_not_empty(x);
  reserve_gradients();
  // Layers read their inputs while gradients are written.
  for_each_parameter([&](const Parameter& w) {
    if (x.is_alias_of(w.grad)) x = x.clone();
  });
  Tensor grad;
  const double loss =
      evaluate_output(output_of(x, true), selected(targets, rows), double(x.size(0)), &grad).loss;
  if (!std::isfinite(loss)) return loss;
  for (size_t i = layers_.size(); i-- > first;) grad = layers_[i]->backward(grad, i > first);
  return loss;
}

double Chain::step(const Tensor& inputs, const Tensor& targets, const OptionalTensor& rows,
                   const Sgd& sgd) {
  check_sgd(sgd);
  const double loss = backward(inputs, targets, rows);
  if (!std::isfinite(loss)) return loss;
  for_each_parameter([&](const Parameter& w) {
    if (!w.is_trained()) return;
    float* const velocity = sgd.momentum != 0 ? w.velocity.mutable_data_ptr<float>() : nullptr;
    kernels()->f32.sgd(static_cast<float*>(w.value.data_ptr()), w.grad.const_data_ptr<float>(),
                       velocity, w.value.numel(), sgd);
    w.value.unsafeGetTensorImpl()->bump_version();  // for graphs that have saved it
  });
  return loss;
}

bool Chain::is_finite() const {
  bool result = true;
  for_each_parameter([&](const Parameter& w) {
    result = result && kernels()->f32.all_finite(w.value.const_data_ptr<float>(), w.value.numel());
  });
  return result;
}

Evaluation Chain::evaluate(const Tensor& inputs, const Tensor& targets, int64_t chunk_size) const {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  check_chain_context(c10::kCPU);
  at::AutoDispatchBelowADInplaceOrView below;
  const Tensor all = inputs.detach(), all_targets = targets.detach();
  check_examples(all, "inputs");
  check_examples(all_targets, "targets");
  check_not_empty(inputs);
  TORCH_CHECK_VALUE(chunk_size > 0, "chain: expected a positive chunk_size, got ", chunk_size);
  const int64_t count = inputs.size(0);
  TORCH_CHECK(targets.dim() > 0 && targets.size(0) == count, "chain: expected targets of ", count,
              " examples, got ", targets.sizes());
  Evaluation total{0, 0};
  for (int64_t begin = 0; begin < count; begin += chunk_size) {
    const int64_t end = std::min(begin + chunk_size, count);
    const Tensor x = prepared(all.slice(0, begin, end), std::nullopt);
    const Tensor t = all_targets.slice(0, begin, end).contiguous();
    const Evaluation part = evaluate_output(output_of(x, false), t, double(count), nullptr);
    total.loss += part.loss;
    total.correct += part.correct;
  }
  return total;
}

}  // namespace inkgrad::cpu
