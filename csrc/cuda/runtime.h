// The loaded kernel library, checks of its operands, and the device of a launch, for the CUDA ops.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <optional>
#include <string>

#include "kernels/launches.h"

namespace inkgrad::cuda {

// The table of the library that load_kernels() opened; null before.
const Kernels* kernels();
void load_kernels(const std::string& path);

// Nothing for dtypes without kernels.
std::optional<Dtype> kernel_dtype(at::ScalarType dtype);

// Whether a kernel may read the tensor by pointer and stride: strided memory on the device of
// `like`, no lazy conjugate or negative bit.
bool is_plain(const at::Tensor& t, const at::Tensor& like);

// Makes the device of a tensor the current one while it lives.
class Launch {
 public:
  explicit Launch(const at::Tensor& on) : guard_(on.device()), device_(on.device().index()) {}
  // Torch's current stream on that device.
  void* stream() const { return kernels()->current_stream(device_); }

 private:
  c10::DeviceGuard guard_;
  int device_;
};

inline const void* data_or_null(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr() : nullptr;
}
inline void* mutable_data_or_null(const at::Tensor& t) {
  return t.defined() ? t.mutable_data_ptr() : nullptr;
}

}  // namespace inkgrad::cuda
