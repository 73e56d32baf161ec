// What the tensor entry points share: the loaded kernel library, what its kernels take, and the
// place of a launch.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <optional>
#include <string>

#include "kernels/launches.h"

namespace inkgrad::cuda {

// The table of the library that load_kernels() opened; null before, and where none was built.
const Kernels* kernels();
void load_kernels(const std::string& path);

// The kernels' name of a dtype; none for those that they do not take.
std::optional<Dtype> kernel_dtype(at::ScalarType dtype);

// A dense tensor on the device of `like`, without the lazy conjugate or negative bits: what a
// kernel may read by pointer and stride.
bool is_plain(const at::Tensor& t, const at::Tensor& like);

// While it lives, launches go to the device of a tensor.
class Launch {
 public:
  explicit Launch(const at::Tensor& on) : guard_(on.device()), device_(on.device().index()) {}
  // The stream that is torch's current one on that device.
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
