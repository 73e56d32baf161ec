#include "runtime.h"

#include <dlfcn.h>

namespace inkgrad::cuda {
namespace {
const Kernels* loaded = nullptr;
}

const Kernels* kernels() { return loaded; }

void load_kernels(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  TORCH_CHECK(library, dlerror());
  const auto table =
      reinterpret_cast<decltype(&inkgrad_cuda_kernels)>(dlsym(library, "inkgrad_cuda_kernels"));
  TORCH_CHECK(table, path, ": ", dlerror());
  loaded = table();
}

std::optional<Dtype> kernel_dtype(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return Dtype::f32;
    case at::kDouble:
      return Dtype::f64;
    case at::kHalf:
      return Dtype::f16;
    case at::kBFloat16:
      return Dtype::bf16;
    default:
      return std::nullopt;
  }
}

bool is_plain(const at::Tensor& t, const at::Tensor& like) {
  return t.device() == like.device() && t.layout() == at::kStrided && !t.is_neg() && !t.is_conj();
}

}  // namespace inkgrad::cuda
