// Autocast: linear layers and convolutions in the lower precision, as torch's; binary cross entropy
// in float32, where torch refuses.
#include <ATen/autocast_mode.h>
#include <torch/library.h>

#include "ops.h"

namespace inkgrad {
namespace {

template <Autocast policy, c10::DeviceType device>
Tensor cast(const Tensor& t) {
  const auto dtype = policy == Autocast::float32
                         ? at::kFloat
                         : at::autocast::get_lower_precision_fp_from_device_type(device);
  return at::autocast::cached_cast(dtype, t, device);
}
template <Autocast policy, c10::DeviceType device>
OptionalTensor cast(const OptionalTensor& t) {
  return t.has_value() ? OptionalTensor(cast<policy, device>(*t)) : t;
}
template <Autocast policy, c10::DeviceType device, typename T>
const T& cast(const T& other) {
  return other;
}

// The op on tensors that were cast, with autocast off for the ops that it calls.
template <auto op, c10::DeviceType device, typename Result, typename... Arguments>
auto with_casts(Result (*)(Arguments...)) {
  return +[](Arguments... arguments) -> Result {
    const c10::impl::ExcludeDispatchKeyGuard off(
        at::autocast::get_autocast_dispatch_key_from_device_type(device));
    return op(cast<op.autocast, device>(arguments)...);
  };
}

template <c10::DeviceType device>
void register_casts(torch::Library& m) {
  for_each_op([&m](auto op) {
    if constexpr (op.autocast != Autocast::none)
      m.impl(op.name, with_casts<decltype(op){}, device>(op.formula));
  });
}

}  // namespace
}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, AutocastCPU, m) { inkgrad::register_casts<c10::kCPU>(m); }
TORCH_LIBRARY_IMPL(inkgrad, AutocastCUDA, m) { inkgrad::register_casts<c10::kCUDA>(m); }
