#include "chain.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <limits>

#include "../ops.h"
#include "linear.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

void check_parameter(const Tensor& t) {
  TORCH_CHECK_VALUE(is_plain(t) && t.scalar_type() == at::kFloat && t.is_contiguous(),
                    "chain: expected contiguous float32 parameters on the CPU, got ",
                    t.scalar_type(), " on ", t.device());
}

Parameter parameter_of(const Tensor& value) {
  check_parameter(value);
  const Tensor own = value.detach();
  return {value, at::zeros_like(own), at::zeros_like(own)};
}

Parameter parameter_of(const OptionalTensor& value) {
  return is_defined(value) ? parameter_of(*value) : Parameter{};
}

class Standardize : public Layer {
 public:
  Standardize(double mean, double std) : mean_(mean), std_(std) {}
  Tensor forward(const Tensor& input, bool) override { return input.sub(mean_).div_(std_); }
  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    return needs_grad_input ? grad_output.div(std_) : Tensor();
  }

 private:
  double mean_, std_;
};

class Linear : public Layer {
 public:
  Linear(const Tensor& weight, const OptionalTensor& bias, Activation activation)
      : weight_(parameter_of(weight)), bias_(parameter_of(bias)), activation_(activation) {}

  Tensor forward(const Tensor& x, bool keep) override {
    const Tensor input = x.contiguous();  // torch's convolution may give channels last
    const Tensor y = new_tensor({input.size(0), weight_.value.size(0)}, at::kFloat);
    linear_forward(layer(input), y.mutable_data_ptr<float>());
    if (keep) {
      input_ = input;
      output_ = y;
    }
    return y;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    const Tensor workspace = new_tensor(grad_output.sizes(), at::kFloat);
    const Tensor grad = needs_grad_input ? new_tensor(input_.sizes(), at::kFloat) : Tensor();
    linear_backward(
        layer(input_),
        {grad_output.const_data_ptr<float>(), output_.const_data_ptr<float>(),
         workspace.mutable_data_ptr<float>(), mutable_data_or_null<float>(grad),
         weight_.grad.mutable_data_ptr<float>(), mutable_data_or_null<float>(bias_.grad)});
    return grad;
  }

  std::vector<Parameter*> parameters() override {
    if (!bias_.value.defined()) return {&weight_};
    return {&weight_, &bias_};
  }

 private:
  LinearLayer<float> layer(const Tensor& input) const {
    check_parameter(weight_.value);
    const int64_t inputs = weight_.value.size(1), rows = input.size(0);
    TORCH_CHECK(input.numel() == rows * inputs, "chain: a linear layer of ", inputs,
                " inputs got rows of ", rows ? input.numel() / rows : 0);
    return {rows,
            weight_.value.size(0),
            inputs,
            {input.const_data_ptr<float>(), inputs, 1},
            {weight_.value.const_data_ptr<float>(), inputs, 1},
            data_or_null<float>(bias_.value),
            activation_};
  }

  Parameter weight_, bias_;
  Activation activation_;
  Tensor input_, output_;
};

class Conv2dReluMaxPool2d : public Layer {
 public:
  Conv2dReluMaxPool2d(const Tensor& weight, const OptionalTensor& bias, std::vector<int64_t> stride,
                      std::vector<int64_t> padding, std::vector<int64_t> dilation, int64_t groups,
                      std::vector<int64_t> kernel_size)
      : weight_(parameter_of(weight)),
        bias_(parameter_of(bias)),
        stride_(std::move(stride)),
        padding_(std::move(padding)),
        dilation_(std::move(dilation)),
        groups_(groups),
        kernel_size_(std::move(kernel_size)) {}

  Tensor forward(const Tensor& input, bool keep) override {
    const OptionalTensor bias = bias_.value.defined() ? OptionalTensor(bias_.value) : std::nullopt;
    auto [output, indices] = inkgrad::conv2d_relu_max_pool2d(
        input, weight_.value, bias, stride_, padding_, dilation_, groups_, kernel_size_);
    if (keep) {
      input_ = input;
      output_ = output;
      indices_ = indices;
    }
    return output;
  }

  Tensor backward(const Tensor& grad_output, bool needs_grad_input) override {
    const bool has_bias = bias_.value.defined();
    auto [grad, grad_weight, grad_bias] = conv2d_relu_max_pool2d_backward(
        grad_output.view(output_.sizes()), input_, weight_.value, output_, indices_, stride_,
        padding_, dilation_, groups_, kernel_size_, {needs_grad_input, true, has_bias});
    weight_.grad.copy_(grad_weight);
    if (has_bias) bias_.grad.copy_(grad_bias);
    return grad;
  }

  std::vector<Parameter*> parameters() override {
    if (!bias_.value.defined()) return {&weight_};
    return {&weight_, &bias_};
  }

 private:
  Parameter weight_, bias_;
  std::vector<int64_t> stride_, padding_, dilation_;
  int64_t groups_;
  std::vector<int64_t> kernel_size_;
  Tensor input_, output_, indices_;
};

}  // namespace

void Chain::standardize(double mean, double std) {
  layers_.push_back(std::make_unique<Standardize>(mean, std));
}

void Chain::linear(Tensor weight, std::optional<Tensor> bias, const std::string& activation) {
  layers_.push_back(std::make_unique<Linear>(weight, bias, activation_of(activation)));
}

void Chain::conv2d_relu_max_pool2d(Tensor weight, std::optional<Tensor> bias,
                                   std::vector<int64_t> stride, std::vector<int64_t> padding,
                                   std::vector<int64_t> dilation, int64_t groups,
                                   std::vector<int64_t> kernel_size) {
  layers_.push_back(std::make_unique<Conv2dReluMaxPool2d>(weight, bias, std::move(stride),
                                                          std::move(padding), std::move(dilation),
                                                          groups, std::move(kernel_size)));
}

std::vector<Tensor> Chain::gradients() {
  std::vector<Tensor> all;
  for (const auto& layer : layers_) {
    for (const Parameter* w : layer->parameters()) all.push_back(w->grad);
  }
  return all;
}

std::vector<Tensor> Chain::velocities() {
  std::vector<Tensor> all;
  for (const auto& layer : layers_) {
    for (const Parameter* w : layer->parameters()) all.push_back(w->velocity);
  }
  return all;
}

// The selected rows as float, contiguous.
Tensor Chain::prepared(const Tensor& inputs, const OptionalTensor& rows) const {
  const Tensor chosen = rows ? inputs.index_select(0, *rows) : inputs.contiguous();
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

Tensor Chain::output_of(Tensor x, bool keep) {
  for (const auto& layer : layers_) x = layer->forward(x, keep);
  return x;
}

// The loss of outputs that are part of `count` examples, and its gradient.
Evaluation Chain::evaluate_output(const Tensor& output, const Tensor& targets, double count,
                                  Tensor* grad) const {
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
    if (out_of_range) result.loss = std::numeric_limits<double>::quiet_NaN();
    for (int64_t i = 0; i < n; ++i) result.correct += (y[i] > 0.5f) == (t[i] > 0.5f);
    if (dy) table.bce_backward(operands, nullptr, 1, 1 / scale, dy, nullptr);
  } else {
    const int64_t classes = n / rows;
    TORCH_CHECK(targets.scalar_type() == at::kLong && targets.dim() == 1 && targets.size(0) == rows,
                "chain: expected int64 targets of size [", rows, "], got ", targets.scalar_type(),
                " of ", targets.sizes());
    const int64_t* const labels = targets.const_data_ptr<int64_t>();
    for (int64_t i = 0; i < rows; ++i) {
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
  at::AutoDispatchBelowADInplaceOrView below;
  const Tensor x = prepared(inputs, rows);
  TORCH_CHECK_VALUE(x.dim() > 0 && x.numel() > 0, "chain: expected at least one example, got ",
                    x.sizes());
  const Tensor t = rows ? targets.index_select(0, *rows) : targets.contiguous();
  Tensor grad;
  const double loss = evaluate_output(output_of(x, true), t, double(x.size(0)), &grad).loss;
  if (!std::isfinite(loss)) return loss;
  // Backward ends at the first layer with parameters.
  size_t first = 0;
  while (first < layers_.size() && layers_[first]->parameters().empty()) ++first;
  for (size_t i = layers_.size(); i-- > first;) grad = layers_[i]->backward(grad, i > first);
  return loss;
}

double Chain::step(const Tensor& inputs, const Tensor& targets, const OptionalTensor& rows,
                   const Sgd& sgd) {
  const double loss = backward(inputs, targets, rows);
  if (!std::isfinite(loss)) return loss;
  for (const auto& layer : layers_) {
    for (const Parameter* w : layer->parameters()) {
      float* const velocity = sgd.momentum != 0 ? w->velocity.mutable_data_ptr<float>() : nullptr;
      kernels()->f32.sgd(static_cast<float*>(w->value.data_ptr()), w->grad.const_data_ptr<float>(),
                         velocity, w->value.numel(), sgd);
      w->value.unsafeGetTensorImpl()->bump_version();  // for graphs that have saved it
    }
  }
  return loss;
}

bool Chain::is_finite() const {
  for (const auto& layer : layers_) {
    for (const Parameter* w : layer->parameters()) {
      if (!kernels()->f32.all_finite(w->value.const_data_ptr<float>(), w->value.numel()))
        return false;
    }
  }
  return true;
}

Evaluation Chain::evaluate(const Tensor& inputs, const Tensor& targets, int64_t chunk_size) {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  at::AutoDispatchBelowADInplaceOrView below;
  TORCH_CHECK_VALUE(inputs.dim() > 0 && inputs.numel() > 0,
                    "chain: expected at least one example, got ", inputs.sizes());
  TORCH_CHECK_VALUE(chunk_size > 0, "chain: expected a positive chunk_size, got ", chunk_size);
  const int64_t count = inputs.size(0);
  Evaluation total{0, 0};
  for (int64_t begin = 0; begin < count; begin += chunk_size) {
    const int64_t end = std::min(begin + chunk_size, count);
    const Tensor x = prepared(inputs.slice(0, begin, end), std::nullopt);
    const Tensor t = targets.slice(0, begin, end).contiguous();
    const Evaluation part = evaluate_output(output_of(x, false), t, double(count), nullptr);
    total.loss += part.loss;
    total.correct += part.correct;
  }
  return total;
}

}  // namespace inkgrad::cpu
