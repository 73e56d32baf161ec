// Autocast: products run in the lower precision, as torch's do; binary cross entropy in float32,
// where torch bans it.
#include <ATen/autocast_mode.h>
#include <torch/library.h>

#include "ops.h"

namespace inkgrad {
namespace {

template <c10::DeviceType device>
struct Autocast {
  // Autocast stays off for what an op calls in turn.
  struct Off {
    c10::impl::ExcludeDispatchKeyGuard guard{
        at::autocast::get_autocast_dispatch_key_from_device_type(device)};
  };
  static Tensor lower(const Tensor& t) {
    return at::autocast::cached_cast(at::autocast::get_lower_precision_fp_from_device_type(device),
                                     t, device);
  }
  static OptionalTensor lower(const OptionalTensor& t) {
    return t.has_value() ? OptionalTensor(lower(*t)) : t;
  }
  static Tensor full(const Tensor& t) { return at::autocast::cached_cast(at::kFloat, t, device); }
  static OptionalTensor full(const OptionalTensor& t) {
    return t.has_value() ? OptionalTensor(full(*t)) : t;
  }

  static Tensor linear_sigmoid(const Tensor& input, const Tensor& weight,
                               const OptionalTensor& bias) {
    Off off;
    return inkgrad::linear_sigmoid(lower(input), lower(weight), lower(bias));
  }
  static Tensor linear_relu(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
    Off off;
    return inkgrad::linear_relu(lower(input), lower(weight), lower(bias));
  }
  static Tensor conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                       IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                       int64_t groups) {
    Off off;
    return inkgrad::conv2d(lower(input), lower(weight), lower(bias), stride, padding, dilation,
                           groups);
  }
  static Gradients2 conv2d_relu_max_pool2d(const Tensor& input, const Tensor& weight,
                                           const OptionalTensor& bias, IntArrayRef stride,
                                           IntArrayRef padding, IntArrayRef dilation,
                                           int64_t groups, IntArrayRef kernel_size) {
    Off off;
    return inkgrad::conv2d_relu_max_pool2d(lower(input), lower(weight), lower(bias), stride,
                                           padding, dilation, groups, kernel_size);
  }
  static Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                                     const OptionalTensor& weight, int64_t reduction) {
    Off off;
    return inkgrad::binary_cross_entropy(full(input), full(target), full(weight), reduction);
  }

  static void add_to(torch::Library& m) {
    m.impl("linear_sigmoid", linear_sigmoid);
    m.impl("linear_relu", linear_relu);
    m.impl("conv2d", conv2d);
    m.impl("conv2d_relu_max_pool2d", conv2d_relu_max_pool2d);
    m.impl("binary_cross_entropy", binary_cross_entropy);
  }
};

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, AutocastCPU, m) { inkgrad::Autocast<c10::kCPU>::add_to(m); }
TORCH_LIBRARY_IMPL(inkgrad, AutocastCUDA, m) { inkgrad::Autocast<c10::kCUDA>::add_to(m); }
