#include "small_linear.h"

#include <ATen/ops/empty.h>

#include "runtime.h"

namespace inkgrad::cuda {

Tensor small_linear(const LinearShape& shape, const Tensor& input, const Tensor& weight,
                    const OptionalTensor& bias) {
  const Launch launch(input);
  const Tensor x = input.contiguous(), w = weight.contiguous();
  const Tensor offset = is_defined(bias) ? bias->contiguous() : Tensor();
  at::DimVector sizes(input.sizes());
  sizes.back() = shape.outputs;
  const Tensor y = at::empty(sizes, input.options());
  kernels()->small_linear(shape, x.const_data_ptr(), w.const_data_ptr(), data_or_null(offset),
                          y.mutable_data_ptr(), launch.stream());
  return y;
}

Gradients3 small_linear_backward(const LinearShape& shape, const Tensor& grad_output,
                                 const Tensor& input, const Tensor& weight, const Tensor& output,
                                 std::array<bool, 3> output_mask) {
  const Launch launch(input);
  const Tensor grad = grad_output.contiguous(), y = output.contiguous();
  const Tensor x = input.contiguous(), w = weight.contiguous();
  Tensor grad_input, grad_weight, grad_bias, parts;
  if (output_mask[0]) grad_input = at::empty(input.sizes(), input.options());
  if (output_mask[1]) grad_weight = at::empty(weight.sizes(), weight.options());
  if (output_mask[2]) grad_bias = at::empty({shape.outputs}, weight.options());
  const int64_t doubles = kernels()->small_linear_parts(shape);
  if (doubles > 0) parts = at::empty({doubles}, weight.options().dtype(at::kDouble));
  LinearGradients g{};
  g.grad_output = grad.const_data_ptr();
  g.output = y.const_data_ptr();
  g.input = x.const_data_ptr();
  g.weight = w.const_data_ptr();
  g.parts = static_cast<double*>(mutable_data_or_null(parts));
  g.grad_input = mutable_data_or_null(grad_input);
  g.grad_weight = mutable_data_or_null(grad_weight);
  g.grad_bias = mutable_data_or_null(grad_bias);
  kernels()->small_linear_backward(shape, g, launch.stream());
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace inkgrad::cuda
