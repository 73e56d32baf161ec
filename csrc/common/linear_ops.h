// The linear ops by their activation.
#pragma once

#include <algorithm>

#include "../ops.h"
#include "activation.h"

namespace inkgrad {

template <Activation>
struct LinearOps;

template <>
struct LinearOps<Activation::sigmoid> {
  static constexpr auto forward = linear_sigmoid;
  static constexpr auto backward = linear_sigmoid_backward;
};

template <>
struct LinearOps<Activation::relu> {
  static constexpr auto forward = linear_relu;
  static constexpr auto backward = linear_relu_backward;
};

// Whether F.linear broadcasts nothing: a weight [N, K], a bias [N] and an input [*, K].
inline bool is_matrix_product(const Tensor& input, const Tensor& weight,
                              const OptionalTensor& bias) {
  return input.dim() >= 1 && weight.dim() == 2 && input.size(-1) == weight.size(1) &&
         (!is_defined(bias) || (bias->dim() == 1 && bias->size(0) == weight.size(0)));
}

// Whether these are the sizes of the output: [*, N].
inline bool is_output_size(IntArrayRef sizes, const Tensor& input, const Tensor& weight) {
  const IntArrayRef of_input = input.sizes();
  return !of_input.empty() && weight.dim() == 2 && sizes.size() == of_input.size() &&
         sizes.back() == weight.size(0) &&
         std::equal(sizes.begin(), sizes.end() - 1, of_input.begin());
}

}  // namespace inkgrad
