// The ops: each with its schema, its C++ signature, and a function object of its name.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <array>
#include <optional>
#include <tuple>
#include <utility>

namespace inkgrad {

using at::IntArrayRef;
using at::Tensor;
using OptionalTensor = std::optional<Tensor>;
// Gradients that were not requested are undefined tensors, as in at::convolution_backward.
using Gradients2 = std::tuple<Tensor, Tensor>;
using Gradients3 = std::tuple<Tensor, Tensor, Tensor>;

inline bool is_defined(const OptionalTensor& t) { return t.has_value() && t->defined(); }

// How autocast casts an op's tensors (autocast.cpp).
enum class Autocast { none, lower_precision, float32 };

// Calls an op through the dispatcher. `About` holds its name, schema, formula and autocast.
template <typename About, typename Signature>
struct Op;

template <typename About, typename Result, typename... Arguments>
struct Op<About, Result(Arguments...)> : About {
  static const c10::TypedOperatorHandle<Result(Arguments...)>& handle() {
    static const auto op = c10::Dispatcher::singleton()
                               .findSchemaOrThrow(About::qualified_name, "")
                               .template typed<Result(Arguments...)>();
    return op;
  }
  Result operator()(Arguments... arguments) const {
    return handle().call(std::forward<Arguments>(arguments)...);
  }
};

// Defines the function object inkgrad::NAME, and declares native::NAME: its formula in torch's ops
// (native.cpp). The schema is given without the name.
#define INKGRAD_OP(name_, autocast_, result, parameters, schema_) \
  namespace native {                                              \
  result name_ parameters;                                        \
  }                                                               \
  namespace about {                                               \
  struct name_ {                                                  \
    static constexpr auto name = #name_;                          \
    static constexpr auto qualified_name = "inkgrad::" #name_;    \
    static constexpr auto schema = #name_ schema_;                \
    static constexpr auto formula = native::name_;                \
    static constexpr auto autocast = Autocast::autocast_;         \
  };                                                              \
  }                                                               \
  inline constexpr Op<about::name_, decltype(native::name_)> name_;

INKGRAD_OP(linear_sigmoid, lower_precision, Tensor,
           (const Tensor& input, const Tensor& weight, const OptionalTensor& bias),
           "(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor")

INKGRAD_OP(linear_sigmoid_backward, none, Gradients3,
           (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
            const Tensor& output, std::array<bool, 3> output_mask),
           "(Tensor grad_output, Tensor input, Tensor weight, Tensor output, bool[3] output_mask)"
           " -> (Tensor, Tensor, Tensor)")

INKGRAD_OP(linear_relu, lower_precision, Tensor,
           (const Tensor& input, const Tensor& weight, const OptionalTensor& bias),
           "(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor")

INKGRAD_OP(linear_relu_backward, none, Gradients3,
           (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
            const Tensor& output, std::array<bool, 3> output_mask),
           "(Tensor grad_output, Tensor input, Tensor weight, Tensor output, bool[3] output_mask)"
           " -> (Tensor, Tensor, Tensor)")

INKGRAD_OP(binary_cross_entropy, float32, Tensor,
           (const Tensor& input, const Tensor& target, const OptionalTensor& weight,
            int64_t reduction),
           "(Tensor input, Tensor target, Tensor? weight=None, int reduction=1) -> Tensor")

INKGRAD_OP(binary_cross_entropy_backward, none, Gradients2,
           (const Tensor& grad_output, const Tensor& input, const Tensor& target,
            const OptionalTensor& weight, int64_t reduction, std::array<bool, 2> output_mask),
           "(Tensor grad_output, Tensor input, Tensor target, Tensor? weight, int reduction,"
           " bool[2] output_mask) -> (Tensor, Tensor)")

INKGRAD_OP(conv2d, lower_precision, Tensor,
           (const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
            IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups),
           "(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0,"
           " int[2] dilation=1, int groups=1) -> Tensor")

INKGRAD_OP(conv2d_backward, none, Gradients3,
           (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
            IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups,
            std::array<bool, 3> output_mask),
           "(Tensor grad_output, Tensor input, Tensor weight, int[2] stride, int[2] padding,"
           " int[2] dilation, int groups, bool[3] output_mask) -> (Tensor, Tensor, Tensor)")

// The indices are uint8: the position of the maximum in its window, or kNoGradient.
INKGRAD_OP(conv2d_relu_max_pool2d, lower_precision, Gradients2,
           (const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
            IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups,
            IntArrayRef kernel_size),
           "(Tensor input, Tensor weight, Tensor? bias=None, int[2] stride=1, int[2] padding=0,"
           " int[2] dilation=1, int groups=1, int[2] kernel_size=2)"
           " -> (Tensor output, Tensor indices)")

INKGRAD_OP(conv2d_relu_max_pool2d_backward, none, Gradients3,
           (const Tensor& grad_output, const Tensor& input, const Tensor& weight,
            const Tensor& indices, IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
            int64_t groups, IntArrayRef kernel_size, std::array<bool, 3> output_mask),
           "(Tensor grad_output, Tensor input, Tensor weight, Tensor indices, int[2] stride,"
           " int[2] padding, int[2] dilation, int groups, int[2] kernel_size, bool[3] output_mask)"
           " -> (Tensor, Tensor, Tensor)")

#undef INKGRAD_OP

// Calls f(op) for every op; registration goes through this list.
template <typename F>
void for_each_op(F f) {
  f(linear_sigmoid);
  f(linear_sigmoid_backward);
  f(linear_relu);
  f(linear_relu_backward);
  f(binary_cross_entropy);
  f(binary_cross_entropy_backward);
  f(conv2d);
  f(conv2d_backward);
  f(conv2d_relu_max_pool2d);
  f(conv2d_relu_max_pool2d_backward);
}

}  // namespace inkgrad
