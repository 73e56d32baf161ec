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

void check_weight(const Tensor& t) {
  TORCH_CHECK_VALUE(is_plain(t) && t.scalar_type() == at::kFloat && t.is_contiguous(),
                    "chain: expected contiguous float32 parameters on the CPU, got ",
                    t.scalar_type(), " on ", t.device());
}

Weights weights_of(const Tensor& parameter) {
  check_weight(parameter);
  const Tensor value = parameter.detach();
  return {parameter, at::zeros_like(value), at::zeros_like(value)};
}

Weights weights_of(const OptionalTensor& parameter) {
  return parameter.has_value() && parameter->defined() ? weights_of(*parameter) : Weights{};
}

class Standardise : public Stage {
 public:
  Standardise(double mean, double std) : mean_(mean), std_(std) {}
  Tensor forward(const Tensor& input, bool) override { return input.sub(mean_).div_(std_); }
  Tensor backward(const Tensor& grad_output, bool wants_input) override {
    return wants_input ? grad_output.div(std_) : Tensor();
  }

 private:
  double mean_, std_;
};

class Linear : public Stage {
 public:
  Linear(const Tensor& weight, const OptionalTensor& bias, Activation activation)
      : weight_(weights_of(weight)), bias_(weights_of(bias)), activation_(activation) {}

  Tensor forward(const Tensor& x, bool keep) override {
    const Tensor input = x.contiguous();  // torch's convolution may give channels last
    const Tensor y = new_tensor({input.size(0), weight_.value.size(0)}, at::kFloat);
    linear_forward(layer(input),
                   bias_.value.defined() ? bias_.value.const_data_ptr<float>() : nullptr,
                   y.mutable_data_ptr<float>());
    if (keep) {
      input_ = input;
      output_ = y;
    }
    return y;
  }

  Tensor backward(const Tensor& grad_output, bool wants_input) override {
    const Tensor room = new_tensor(grad_output.sizes(), at::kFloat);
    const Tensor grad = wants_input ? new_tensor(input_.sizes(), at::kFloat) : Tensor();
    linear_backward(layer(input_), grad_output.const_data_ptr<float>(),
                    output_.const_data_ptr<float>(), room.mutable_data_ptr<float>(),
                    wants_input ? grad.mutable_data_ptr<float>() : nullptr,
                    weight_.grad.mutable_data_ptr<float>(),
                    bias_.value.defined() ? bias_.grad.mutable_data_ptr<float>() : nullptr);
    return grad;
  }

  std::vector<Weights*> weights() override {
    if (!bias_.value.defined()) return {&weight_};
    return {&weight_, &bias_};
  }

 private:
  LinearLayer<float> layer(const Tensor& input) const {
    check_weight(weight_.value);
    const int64_t inputs = weight_.value.size(1), rows = input.size(0);
    TORCH_CHECK(input.numel() == rows * inputs, "chain: a linear layer of ", inputs,
                " inputs got rows of ", rows ? input.numel() / rows : 0);
    return {rows,
            weight_.value.size(0),
            inputs,
            {input.const_data_ptr<float>(), inputs, 1},
            {weight_.value.const_data_ptr<float>(), inputs, 1},
            activation_};
  }

  Weights weight_, bias_;
  Activation activation_;
  Tensor input_, output_;
};

class Conv2dReluMaxPool2d : public Stage {
 public:
  Conv2dReluMaxPool2d(const Tensor& weight, const OptionalTensor& bias, std::vector<int64_t> stride,
                      std::vector<int64_t> padding, std::vector<int64_t> dilation, int64_t groups,
                      std::vector<int64_t> kernel_size)
      : weight_(weights_of(weight)),
        bias_(weights_of(bias)),
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

  Tensor backward(const Tensor& grad_output, bool wants_input) override {
    const bool has_bias = bias_.value.defined();
    auto [grad, grad_weight, grad_bias] = conv2d_relu_max_pool2d_backward(
        grad_output.view(output_.sizes()), input_, weight_.value, output_, indices_, stride_,
        padding_, dilation_, groups_, kernel_size_, {wants_input, true, has_bias});
    weight_.grad.copy_(grad_weight);
    if (has_bias) bias_.grad.copy_(grad_bias);
    return grad;
  }

  std::vector<Weights*> weights() override {
    if (!bias_.value.defined()) return {&weight_};
    return {&weight_, &bias_};
  }

 private:
  Weights weight_, bias_;
  std::vector<int64_t> stride_, padding_, dilation_;
  int64_t groups_;
  std::vector<int64_t> kernel_size_;
  Tensor input_, output_, indices_;
};

Activation activation_of(const std::string& name) {
  if (name == "none") return Activation::none;
  if (name == "sigmoid") return Activation::sigmoid;
  TORCH_CHECK_VALUE(name == "relu", "chain: expected activation none, sigmoid or relu, got ", name);
  return Activation::relu;
}

}  // namespace

void Chain::standardise(double mean, double std) {
  stages_.push_back(std::make_unique<Standardise>(mean, std));
}

void Chain::linear(Tensor weight, std::optional<Tensor> bias, const std::string& activation) {
  stages_.push_back(std::make_unique<Linear>(weight, bias, activation_of(activation)));
}

void Chain::conv2d_relu_max_pool2d(Tensor weight, std::optional<Tensor> bias,
                                   std::vector<int64_t> stride, std::vector<int64_t> padding,
                                   std::vector<int64_t> dilation, int64_t groups,
                                   std::vector<int64_t> kernel_size) {
  stages_.push_back(std::make_unique<Conv2dReluMaxPool2d>(weight, bias, std::move(stride),
                                                          std::move(padding), std::move(dilation),
                                                          groups, std::move(kernel_size)));
}

std::vector<Tensor> Chain::gradients() {
  std::vector<Tensor> all;
  for (const auto& stage : stages_) {
    for (const Weights* w : stage->weights()) all.push_back(w->grad);
  }
  return all;
}

std::vector<Tensor> Chain::velocities() {
  std::vector<Tensor> all;
  for (const auto& stage : stages_) {
    for (const Weights* w : stage->weights()) all.push_back(w->velocity);
  }
  return all;
}

// Float inputs of the chosen rows, contiguous.
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
  for (const auto& stage : stages_) x = stage->forward(x, keep);
  return x;
}

// The loss of outputs that are among `count` examples in all, and its gradient.
Judgement Chain::judge_output(const Tensor& output, const Tensor& targets, double count,
                              Tensor* grad) const {
  const auto& table = kernels()->f32;
  const int64_t rows = output.size(0), n = output.numel();
  const float* const y = output.const_data_ptr<float>();
  const Tensor room = grad ? new_tensor(output.sizes(), at::kFloat) : Tensor();
  float* const dy = grad ? room.mutable_data_ptr<float>() : nullptr;
  Judgement judgement{0, 0};
  if (loss_ == Loss::binary_cross_entropy) {
    TORCH_CHECK(targets.scalar_type() == at::kFloat && targets.sizes() == output.sizes(),
                "chain: expected float32 targets of the output's size ", output.sizes(), ", got ",
                targets.scalar_type(), " of ", targets.sizes());
    const double scale = mean_ ? count * (double(n) / rows) : 1;
    const float* const t = targets.const_data_ptr<float>();
    unsigned out_of_range = 0;
    judgement.loss = table.bce_sum(y, t, nullptr, n, &out_of_range) / scale;
    TORCH_CHECK(!(out_of_range & kTargetOutOfRange),
                "all elements of target should be between 0 and 1");
    if (out_of_range) judgement.loss = std::numeric_limits<double>::quiet_NaN();
    for (int64_t i = 0; i < n; ++i) judgement.right += (y[i] > 0.5f) == (t[i] > 0.5f);
    if (dy) table.bce_backward(nullptr, 1 / scale, y, t, nullptr, dy, nullptr, n);
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
    judgement.loss =
        table.cross_entropy(y, labels, rows, classes, float(1 / scale), dy, &judgement.right) /
        scale;
  }
  if (grad) *grad = room;
  return judgement;
}

double Chain::backward(const Tensor& inputs, const Tensor& targets, const OptionalTensor& rows) {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  at::AutoDispatchBelowADInplaceOrView below;
  const Tensor x = prepared(inputs, rows);
  TORCH_CHECK_VALUE(x.dim() > 0 && x.numel() > 0, "chain: expected at least one example, got ",
                    x.sizes());
  const Tensor t = rows ? targets.index_select(0, *rows) : targets.contiguous();
  Tensor grad;
  const double loss = judge_output(output_of(x, true), t, double(x.size(0)), &grad).loss;
  if (!std::isfinite(loss)) return loss;
  // The first layer with parameters is where it ends.
  size_t first = 0;
  while (first < stages_.size() && stages_[first]->weights().empty()) ++first;
  for (size_t i = stages_.size(); i-- > first;) grad = stages_[i]->backward(grad, i > first);
  return loss;
}

double Chain::step(const Tensor& inputs, const Tensor& targets, const OptionalTensor& rows,
                   const Sgd& sgd) {
  const double loss = backward(inputs, targets, rows);
  if (!std::isfinite(loss)) return loss;
  for (const auto& stage : stages_) {
    for (const Weights* w : stage->weights()) {
      float* const velocity = sgd.momentum != 0 ? w->velocity.mutable_data_ptr<float>() : nullptr;
      kernels()->f32.sgd(static_cast<float*>(w->value.data_ptr()), w->grad.const_data_ptr<float>(),
                         velocity, w->value.numel(), float(sgd.lr), float(sgd.momentum),
                         float(sgd.weight_decay));
      w->value.unsafeGetTensorImpl()->bump_version();  // a graph that still needs it must notice
    }
  }
  return loss;
}

bool Chain::finite() const {
  for (const auto& stage : stages_) {
    for (const Weights* w : stage->weights()) {
      if (!kernels()->f32.all_finite(w->value.const_data_ptr<float>(), w->value.numel()))
        return false;
    }
  }
  return true;
}

Judgement Chain::judge(const Tensor& inputs, const Tensor& targets, int64_t piece) {
  TORCH_CHECK(kernels(), "chain: no kernels are loaded");
  at::AutoDispatchBelowADInplaceOrView below;
  TORCH_CHECK_VALUE(inputs.dim() > 0 && inputs.numel() > 0 && piece > 0,
                    "chain: expected at least one example, in pieces of at least one, got ",
                    inputs.sizes(), " in pieces of ", piece);
  const int64_t count = inputs.size(0);
  Judgement total{0, 0};
  for (int64_t begin = 0; begin < count; begin += piece) {
    const int64_t end = std::min(begin + piece, count);
    const Tensor x = prepared(inputs.slice(0, begin, end), std::nullopt);
    const Tensor t = targets.slice(0, begin, end).contiguous();
    const Judgement part = judge_output(output_of(x, false), t, double(count), nullptr);
    total.loss += part.loss;
    total.right += part.right;
  }
  return total;
}

}  // namespace inkgrad::cpu
