// linear_sigmoid and linear_relu on CUDA: one kernel for small layers; our products on the tensor
// cores, with bias and activation, where they are faster; else torch's matrix product and one pass
// of ours for bias and activation, in place.
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

#include "../common/linear_ops.h"
#include "products.h"
#include "runtime.h"
#include "small_linear.h"

namespace inkgrad::cuda {
namespace {

bool supports(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t, input) && t.scalar_type() == input.scalar_type();
  };
  return kernels() && kernel_dtype(input.scalar_type()) && fits(input) && fits(weight) &&
         (!is_defined(bias) || fits(*bias)) && is_matrix_product(input, weight, bias);
}

template <Activation activation>
Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const int64_t columns = weight.dim() == 2 ? weight.size(0) : 0;
  if (!supports(input, weight, bias) || input.numel() == 0 || columns == 0)
    return LinearOps<activation>::forward.formula(input, weight, bias);
  const Dtype dtype = *kernel_dtype(input.scalar_type());
  const LinearShape shape{input.numel() / weight.size(1), columns, weight.size(1), activation,
                          dtype};
  if (kernels()->small_linear_supports(shape)) return small_linear(shape, input, weight, bias);
  const Launch launch(input);
  const Tensor x = input.dim() == 2 ? input : input.reshape({-1, weight.size(1)});
  const auto with_shape_of_input = [&](const Tensor& y) {
    if (input.dim() == 2) return y;
    auto sizes = input.sizes().vec();
    sizes.back() = columns;
    return y.view(sizes);
  };
  if (tensor_cores_support(x, weight)) {
    const Tensor offset = is_defined(bias) ? bias->contiguous() : Tensor();
    return with_shape_of_input(tensor_core_linear(x, weight, offset, activation, launch));
  }
  // The half types add the bias in the product, to round once. Others would gain nothing, and lose
  // a copy of the bias where the product has no epilogue for it.
  const bool is_half = input.scalar_type() == at::kHalf || input.scalar_type() == at::kBFloat16;
  const bool bias_in_product = is_half && is_defined(bias);
  Tensor z = bias_in_product ? at::addmm(*bias, x, weight.t()) : at::mm(x, weight.t());
  z = z.contiguous();
  const Tensor offset = is_defined(bias) && !bias_in_product ? bias->contiguous() : Tensor();
  kernels()->bias_activation({dtype, z.size(0), columns, activation}, z.mutable_data_ptr(),
                             data_or_null(offset), launch.stream());
  return with_shape_of_input(z);
}

template <Activation activation>
Gradients3 backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                    const Tensor& output, std::array<bool, 3> output_mask) {
  const bool agrees = is_plain(grad_output, input) && is_plain(output, input) &&
                      is_output_size(output.sizes(), input, weight) &&
                      grad_output.sizes() == output.sizes() &&
                      grad_output.scalar_type() == input.scalar_type() &&
                      output.scalar_type() == input.scalar_type();
  if (!agrees || output.numel() == 0 || input.numel() == 0 ||
      !supports(input, weight, std::nullopt)) {
    return LinearOps<activation>::backward.formula(grad_output, input, weight, output, output_mask);
  }
  const int64_t columns = weight.size(0), rows = output.numel() / columns;
  const Dtype dtype = *kernel_dtype(input.scalar_type());
  const LinearShape shape{rows, columns, weight.size(1), activation, dtype};
  if (kernels()->small_linear_supports(shape)) {
    return small_linear_backward(shape, grad_output, input, weight, output, output_mask);
  }
  const Launch launch(input);
  const Tensor grad = grad_output.contiguous(), y = output.contiguous();
  const Tensor x = input.dim() == 2 ? input : input.reshape({rows, weight.size(1)});
  const Tensor grad_z = at::empty({rows, columns}, grad.options());
  const bool on_tensor_cores = input.scalar_type() == at::kFloat &&
                               (output_mask[0] || output_mask[1]) &&
                               tensor_cores_support(x, weight);
  Tensor grad_input, grad_weight, grad_bias, parts, extremes;
  if (output_mask[2]) {
    if (on_tensor_cores) extremes = gradient_extremes(grad_z);
    grad_bias = at::empty({columns}, weight.options());
    parts =
        at::empty({kernels()->column_parts(rows, columns)}, weight.options().dtype(at::kDouble));
  }
  EpilogueGradients g{};
  g.grad_output = grad.const_data_ptr();
  g.output = y.const_data_ptr();
  g.grad_z = grad_z.mutable_data_ptr();
  g.column_sums = mutable_data_or_null(grad_bias);
  g.parts = static_cast<double*>(mutable_data_or_null(parts));
  g.extremes = mutable_data_or_null(extremes);
  kernels()->activation_backward({dtype, rows, columns, activation}, g, launch.stream());
  if (on_tensor_cores) {
    const auto [of_input, of_weight] =
        tensor_core_gradients(grad_z, extremes, x, weight, output_mask[0], output_mask[1], launch);
    return {of_input.defined() ? of_input.view(input.sizes()) : of_input, of_weight, grad_bias};
  }
  if (output_mask[0]) grad_input = at::mm(grad_z, weight).view(input.sizes());
  if (output_mask[1]) grad_weight = at::mm(grad_z.t(), x);
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace
}  // namespace inkgrad::cuda

TORCH_LIBRARY_IMPL(inkgrad, CUDA, m) {
  using inkgrad::Activation;
  m.impl("linear_sigmoid", inkgrad::cuda::forward<Activation::sigmoid>);
  m.impl("linear_sigmoid_backward", inkgrad::cuda::backward<Activation::sigmoid>);
  m.impl("linear_relu", inkgrad::cuda::forward<Activation::relu>);
  m.impl("linear_relu_backward", inkgrad::cuda::backward<Activation::relu>);
}
