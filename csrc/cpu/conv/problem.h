// A convolution as the kernels see it: checked geometry, from which algorithms.cpp decides.
#pragma once

#include <optional>

#include "../../common/conv_checks.h"
#include "../../common/conv_options.h"
#include "../../common/geometry.h"
#include "../../ops.h"
#include "../runtime.h"

namespace inkgrad::cpu {

struct ConvProblem {
  at::ScalarType dtype;
  int64_t images;
  ConvGeometry conv;
  PoolGeometry pool;  // all zero without a pool
  bool row_major;     // input; without a pool weight as well, always
  int64_t threads;
  bool is_remainder = false;  // images of a batch that another algorithm left

  bool pools() const { return pool.window_height > 0; }
  int64_t in_plane() const { return conv.in_height * conv.in_width; }
  int64_t in_image() const { return conv.in_channels * in_plane(); }
  int64_t out_plane() const { return conv.out_height * conv.out_width; }
  int64_t out_image() const { return conv.out_channels * out_plane(); }
  // The result, pooled if there is a pool.
  int64_t result_plane() const { return pools() ? pool.out_height * pool.out_width : out_plane(); }
  int64_t result_image() const { return conv.out_channels * result_plane(); }
  // Weights of one output channel.
  int64_t taps() const { return conv.in_channels * conv.kernel_height * conv.kernel_width; }
  int64_t operations_per_image() const { return 2 * out_image() * taps(); }
};

// The problem, if kernels take it: row-major float32 or float64 tensors, stride 1, one group.
std::optional<ConvProblem> conv_problem(const Tensor& input, const Tensor& weight,
                                        const OptionalTensor& bias, const ConvOptions& options);

// The same with a pool, if it has windows, in any layout.
std::optional<ConvProblem> pooled_problem(const Tensor& input, const Tensor& weight,
                                          const OptionalTensor& bias, const ConvOptions& options,
                                          IntArrayRef kernel_size);

// Height and width of the output of any valid convolution; zeros for others.
std::array<int64_t, 2> output_size(const Tensor& input, const Tensor& weight,
                                   const ConvOptions& options);

// Calls f(kernels of the problem's dtype).
template <typename F>
decltype(auto) with_kernels(const ConvProblem& p, F f) {
  return with_kernel_dtype(p.dtype, [&]<typename T>(T) { return f(kernels()->of<T>().conv); });
}

}  // namespace inkgrad::cpu
