// binary_cross_entropy on CUDA: one pass over memory in every dtype.
#include <ATen/core/Reduction.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include "../common/memory_order.h"
#include "../common/operand_checks.h"
#include "runtime.h"

namespace inkgrad::cuda {
namespace {

bool supports(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
              int64_t reduction) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t, input) && t.scalar_type() == input.scalar_type() &&
           t.sizes() == input.sizes();
  };
  return kernels() && is_reduction(reduction) && kernel_dtype(input.scalar_type()) && fits(input) &&
         fits(target) && (!is_defined(weight) || fits(*weight));
}

Tensor optional_in_order_of(const Tensor& like, const OptionalTensor& t) {
  return is_defined(t) ? in_order_of(like, *t) : Tensor();
}

Tensor forward(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
               int64_t reduction) {
  if (!supports(input, target, weight, reduction)) {
    return native::binary_cross_entropy(input, target, weight, reduction);
  }
  const Launch launch(input);
  const Tensor x = without_gaps(input), t = in_order_of(x, target),
               w = optional_in_order_of(x, weight);
  const Dtype dtype = *kernel_dtype(x.scalar_type());
  const int64_t n = x.numel();
  const BceOperands operands{dtype, n, x.const_data_ptr(), t.const_data_ptr(), data_or_null(w)};
  if (reduction == at::Reduction::None) {
    const Tensor losses = at::empty_like(x);
    if (n > 0) {
      kernels()->bce_each(operands, losses.mutable_data_ptr(), launch.stream());
    }
    return losses;
  }
  const Tensor result = at::empty({}, x.options());
  const Tensor parts = at::empty({kernels()->bce_parts(dtype, n)}, x.options().dtype(at::kDouble));
  const double divisor = reduction == at::Reduction::Mean ? double(n) : 1.0;  // 0 / 0 if empty
  kernels()->bce_sum(operands, divisor, parts.mutable_data_ptr<double>(), result.mutable_data_ptr(),
                     launch.stream());
  return result;
}

Gradients2 backward(const Tensor& grad_output, const Tensor& input, const Tensor& target,
                    const OptionalTensor& weight, int64_t reduction,
                    std::array<bool, 2> output_mask) {
  const bool each = reduction == at::Reduction::None;
  const bool agrees = is_plain(grad_output, input) &&
                      grad_output.scalar_type() == input.scalar_type() &&
                      (each ? grad_output.sizes() == input.sizes() : grad_output.numel() == 1);
  if (!agrees || !supports(input, target, weight, reduction)) {
    return native::binary_cross_entropy_backward(grad_output, input, target, weight, reduction,
                                                 output_mask);
  }
  const Launch launch(input);
  const Tensor x = without_gaps(input), t = in_order_of(x, target),
               w = optional_in_order_of(x, weight);
  const Tensor grad = each ? in_order_of(x, grad_output) : grad_output;
  const int64_t n = x.numel();
  const Tensor grad_input = output_mask[0] ? at::empty_like(x) : Tensor();
  const Tensor grad_target = output_mask[1] ? at::empty_like(x) : Tensor();
  if (n > 0) {
    const BceOperands operands{*kernel_dtype(x.scalar_type()), n, x.const_data_ptr(),
                               t.const_data_ptr(), data_or_null(w)};
    BceGradients g{};
    g.grad_output = grad.const_data_ptr();
    g.uniform = !each;
    g.divisor = reduction == at::Reduction::Mean ? double(n) : 1.0;
    g.grad_input = mutable_data_or_null(grad_input);
    g.grad_target = mutable_data_or_null(grad_target);
    kernels()->bce_backward(operands, g, launch.stream());
  }
  return {grad_input, grad_target};
}

}  // namespace
}  // namespace inkgrad::cuda

TORCH_LIBRARY_IMPL(inkgrad, CUDA, m) {
  m.impl("binary_cross_entropy", inkgrad::cuda::forward);
  m.impl("binary_cross_entropy_backward", inkgrad::cuda::backward);
}
