// conv2d and conv2d_relu_max_pool2d. Saved for backward: input and weight; with the pool also the
// indices of the maxima, a byte for each output, which contain the relu's derivative. No output is
// kept, so that it may be changed in place, as that of torch's max_pool2d.
#include <torch/csrc/autograd/custom_function.h>

#include "../common/conv_options.h"
#include "transforms.h"

namespace inkgrad {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr auto kOptions = "options";

// In one list: each entry of the context is allocated, and found by its name.
void save_options(AutogradContext* ctx, const OptionalTensor& bias, const ConvOptions& options) {
  std::vector<int64_t> saved;
  saved.reserve(8);
  for (const IntArrayRef pair : {options.stride, options.padding, options.dilation})
    saved.insert(saved.end(), {pair.front(), pair.back()});
  saved.insert(saved.end(), {options.groups, is_defined(bias)});
  ctx->saved_data.emplace(kOptions, std::move(saved));
}

// The saved options, and which gradients are wanted.
struct Saved {
  explicit Saved(AutogradContext* ctx)
      : options(ctx->saved_data.at(kOptions).toIntVector()),
        mask{ctx->needs_input_grad(0), ctx->needs_input_grad(1),
             options[7] != 0 && ctx->needs_input_grad(2)} {}
  IntArrayRef stride() const { return pair(0); }
  IntArrayRef padding() const { return pair(2); }
  IntArrayRef dilation() const { return pair(4); }
  int64_t groups() const { return options[6]; }

  const std::vector<int64_t> options;
  const std::array<bool, 3> mask;

 private:
  IntArrayRef pair(size_t first) const { return IntArrayRef(options).slice(first, 2); }
};

// Not a Variable, which would be an input of the function.
struct Computed {
  const Tensor& output;
};

// Records a convolution that is computed already.
struct Conv2d : torch::autograd::Function<Conv2d> {
  static constexpr bool is_traceable = true;  // compiled autograd: backward calls ops alone

  static Variable forward(AutogradContext* ctx, const Variable& input, const Variable& weight,
                          const OptionalTensor& bias, const ConvOptions& options,
                          const Computed& computed) {
    ctx->save_for_backward({input, weight});
    save_options(ctx, bias, options);
    return computed.output;
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    variable_list result(5);
    if (!grads[0].defined()) return result;
    const auto tensors = ctx->get_saved_variables();
    const Saved saved(ctx);
    std::tie(result[0], result[1], result[2]) =
        conv2d_backward(grads[0], tensors[0], tensors[1], saved.stride(), saved.padding(),
                        saved.dilation(), saved.groups(), saved.mask);
    return result;
  }
};

struct Conv2dReluMaxPool2d : torch::autograd::Function<Conv2dReluMaxPool2d> {
  static constexpr bool is_traceable = true;  // compiled autograd: backward calls ops alone

  static variable_list forward(AutogradContext* ctx, const Variable& input, const Variable& weight,
                               const OptionalTensor& bias, IntArrayRef stride, IntArrayRef padding,
                               IntArrayRef dilation, int64_t groups, IntArrayRef kernel_size) {
    at::AutoDispatchBelowADInplaceOrView below;
    auto [output, indices] =
        conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups, kernel_size);
    // Bytes are not differentiable by themselves; compiled autograd takes no function that marks an
    // output.
    ctx->save_for_backward({input, weight, indices});
    save_options(ctx, bias, {stride, padding, dilation, groups});
    ctx->saved_data["kernel_size"] = kernel_size;
    return {output, indices};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    variable_list result(8);
    if (!grads[0].defined()) return result;
    const auto tensors = ctx->get_saved_variables();
    const Saved saved(ctx);
    std::tie(result[0], result[1], result[2]) = conv2d_relu_max_pool2d_backward(
        grads[0], tensors[0], tensors[1], tensors[2], saved.stride(), saved.padding(),
        saved.dilation(), saved.groups(), ctx->saved_data.at("kernel_size").toIntVector(),
        saved.mask);
    return result;
  }
};

// The backend decides whether torch's convolution runs. That one records its own graph, because a
// function of ours around it costs more than some small convolutions; all else is recorded here.
Tensor conv2d_forward(c10::DispatchKeySet keys, const Tensor& input, const Tensor& weight,
                      const OptionalTensor& bias, IntArrayRef stride, IntArrayRef padding,
                      IntArrayRef dilation, int64_t groups) {
  if (needs_formula(input, weight, bias))
    return native::conv2d(input, weight, bias, stride, padding, dilation, groups);
  const Tensor output = conv2d.handle().redispatch(keys & c10::after_autograd_keyset, input, weight,
                                                   bias, stride, padding, dilation, groups);
  if (output.requires_grad() || !needs_graph(input, weight, bias)) return output;
  return Conv2d::apply(input, weight, bias, ConvOptions{stride, padding, dilation, groups},
                       Computed{output});
}

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, Autograd, m) {
  using namespace inkgrad;
  m.impl(conv2d.name, conv2d_forward);
  m.impl(conv2d_backward.name, backward_of<conv2d_backward>(conv2d_backward.formula));
  register_autograd<conv2d_relu_max_pool2d, conv2d_relu_max_pool2d_backward, Conv2dReluMaxPool2d>(
      m);
}
