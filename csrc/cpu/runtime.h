// What the tensor entry points share: the loaded kernel library, scratch memory, and dtype helpers.
#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "kernels/table.h"

namespace inkgrad::cpu {

// The table of the library that load_kernels() opened; null before, or where none suits the
// processor.
const Kernels* kernels();
void load_kernels(const std::string& path);

// `bytes` of scratch memory of this thread, aligned to 64, kept for the next call (fresh pages cost
// more than most of our kernels). Valid until the same thread's next call.
void* scratch(int64_t bytes);

template <typename T>
T* scratch_of(int64_t elements) {
  return static_cast<T*>(scratch(elements * int64_t(sizeof(T))));
}

// Below this many elements of simple work a second thread costs more than it brings.
inline constexpr int64_t kGrainElements = 32768;

inline bool is_kernel_dtype(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kDouble;
}

// A dense tensor in plain memory, without the lazy conjugate or negative bits: what a kernel may
// read by pointer and stride.
inline bool is_plain(const at::Tensor& t) {
  return t.device().is_cpu() && t.layout() == at::kStrided && !t.is_neg() && !t.is_conj();
}

// The tensor itself, its memory in huge pages if it is large and the system has them. A large
// result usually gets fresh pages, and to have the system clear 4 KiB at a time takes longer than
// most of our kernels. To be called before anything is written.
at::Tensor with_huge_pages(at::Tensor fresh);

// An uninitialised tensor; at::empty without the way through the dispatcher, which costs as much as
// a small kernel.
inline at::Tensor new_tensor(at::IntArrayRef sizes, at::ScalarType dtype) {
  return with_huge_pages(at::detail::empty_cpu(sizes, dtype));
}

// Calls f(T{}) with T = float or double.
template <typename F>
decltype(auto) with_kernel_dtype(at::ScalarType dtype, F f) {
  return dtype == at::kFloat ? f(float{}) : f(double{});
}

}  // namespace inkgrad::cpu
