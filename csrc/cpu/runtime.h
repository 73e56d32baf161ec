// The loaded kernel library, scratch memory, new tensors and dtypes, for the CPU ops.
#pragma once

#include <ATen/EmptyTensor.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "kernels/table.h"
#include "parallel.h"

namespace inkgrad::cpu {

// The table of the library that load_kernels() opened; null before.
const Kernels* kernels();
void load_kernels(const std::string& path);

// Scratch memory of this thread, aligned to 64 bytes and reused by its next call, until which it is
// valid. (Fresh pages cost more than most of our kernels.)
void* scratch(int64_t bytes);

template <typename T>
T* scratch_of(int64_t elements) {
  return static_cast<T*>(scratch(elements * int64_t(sizeof(T))));
}

// Work per thread below which a second thread does not pay: elements of simple work, operations.
inline constexpr int64_t kGrainElements = 32768;
inline constexpr int64_t kGrainOperations = 1 << 20;
// Sums over rows or images are formed in at most this many groups, which are added in order: the
// result is the same for any number of threads.
inline constexpr int64_t kMaxGroups = 8;

inline bool is_kernel_dtype(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kDouble;
}

// Whether a kernel may read the tensor by pointer and stride: strided memory on the CPU, no lazy
// conjugate or negative bit.
inline bool is_plain(const at::Tensor& t) {
  return t.device().is_cpu() && t.layout() == at::kStrided && !t.is_neg() && !t.is_conj();
}

// Returns the tensor, with its memory in huge pages if it is large and the system has them. A large
// result usually gets fresh pages, and the system takes longer to clear them 4 KiB at a time than
// most of our kernels take. Call it before anything is written.
at::Tensor with_huge_pages(at::Tensor fresh);

// An uninitialized tensor; at::empty without the dispatcher, which costs as much as a small kernel.
inline at::Tensor new_tensor(at::IntArrayRef sizes, at::ScalarType dtype) {
  return with_huge_pages(at::detail::empty_cpu(sizes, dtype));
}

template <typename T>
const T* data_or_null(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}
template <typename T>
T* mutable_data_or_null(const at::Tensor& t) {
  return t.defined() ? t.mutable_data_ptr<T>() : nullptr;
}

// Calls f(T{}) with T = float or double.
template <typename F>
decltype(auto) with_kernel_dtype(at::ScalarType dtype, F f) {
  return dtype == at::kFloat ? f(float{}) : f(double{});
}

}  // namespace inkgrad::cpu
