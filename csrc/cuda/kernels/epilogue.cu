// What follows a matrix product, and what comes before those of its backward.
#include "common.cuh"
#include "fill.h"
#include "math.h"

namespace inkgrad::cuda {
namespace {

// z = activation(z + bias) in place.
template <typename T, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    bias_activation_kernel(T* z, int64_t n, int64_t columns, const T* bias, Activation activation) {
  constexpr Chunks chunks{kLanes<T>};
  ColumnWalk walk(chunks.first_of(blockIdx.x, 0, threadIdx.x), columns, kThreads * kLanes<T>);
  for_each_vector<T, kAligned>(n, [&](const auto& at) {
    Vector<T> v = at.load_own(z);
    if (bias) {
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i, walk.next_lane()) {
        v.lane[i] += widen(__ldg(bias + walk.column()));
      }
      walk.next_vector();
    }
#pragma unroll
    for (int i = 0; i < kLanes<T>; ++i) v.lane[i] = activate(v.lane[i], activation);
    at.store(z, v);
  });
}

template <typename T, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    activation_backward_kernel(const T* grad_output, const T* output, int64_t n,
                               Activation activation, T* grad_z) {
  for_each_vector<T, kAligned>(n, [&](const auto& at) {
    const Vector<T> y = at.load(output);
    Vector<T> grad = at.load(grad_output);
#pragma unroll
    for (int i = 0; i < kLanes<T>; ++i) {
      grad.lane[i] = activate_backward(grad.lane[i], y.lane[i], activation);
    }
    at.store(grad_z, grad);
  });
}

// The same with the column sums, in one pass: native reads grad_z once more for them.
template <typename T>
__global__ void __launch_bounds__(kThreads)
    activation_backward_columns_kernel(const T* grad_output, const T* output, int64_t rows,
                                       int64_t columns, ColumnTiles tiles, Activation activation,
                                       T* grad_z, double* parts) {
  const int x = threadIdx.x % tiles.across, y = threadIdx.x / tiles.across;
  const int64_t column = int64_t(blockIdx.x) * tiles.across + x;
  const int64_t begin = blockIdx.y * tiles.rows_per_slice;
  const int64_t end = begin + tiles.rows_per_slice < rows ? begin + tiles.rows_per_slice : rows;
  ComputeType<T> own = 0;
  if (column < columns) {
#pragma unroll 4
    for (int64_t row = begin + y; row < end; row += tiles.tall()) {
      const int64_t i = row * columns + column;
      const auto grad =
          activate_backward(widen(__ldg(grad_output + i)), widen(__ldg(output + i)), activation);
      grad_z[i] = narrow<T>(grad);
      own += grad;
    }
  }
  const double sum = sum_columns(own, tiles.across);
  if (y == 0 && column < columns) parts[blockIdx.y * columns + column] = sum;
}

void bias_activation(Dtype dtype, void* z, int64_t rows, int64_t columns, const void* bias,
                     Activation activation, void* stream) {
  with_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Chunks chunks{kLanes<T>};
    const int64_t n = rows * columns;
    with_flag(aligned(z), [&](auto in_vectors) {
      bias_activation_kernel<T, in_vectors><<<chunks.count(n), kThreads, 0, as_stream(stream)>>>(
          static_cast<T*>(z), n, columns, static_cast<const T*>(bias), activation);
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

int64_t column_parts(int64_t rows, int64_t columns) {
  return column_tiles(rows, columns).slices * columns;
}

void activation_backward(Dtype dtype, const void* grad_output, const void* output, int64_t rows,
                         int64_t columns, Activation activation, void* grad_z, double* parts,
                         void* column_sums, void* stream) {
  with_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* const grad = static_cast<const T*>(grad_output);
    const T* const y = static_cast<const T*>(output);
    if (column_sums) {
      const ColumnTiles tiles = column_tiles(rows, columns);
      const dim3 blocks(ceil_div(columns, tiles.across), tiles.slices);
      activation_backward_columns_kernel<T><<<blocks, kThreads, 0, as_stream(stream)>>>(
          grad, y, rows, columns, tiles, activation, static_cast<T*>(grad_z), parts);
      INKGRAD_LAUNCH_CHECK();
      add_parts(parts, tiles.slices, columns, 1, dtype, column_sums, stream);
      return;
    }
    const int64_t n = rows * columns;
    with_flag(aligned(grad_output, output, grad_z), [&](auto in_vectors) {
      activation_backward_kernel<T, in_vectors>
          <<<Chunks{kLanes<T>}.count(n), kThreads, 0, as_stream(stream)>>>(grad, y, n, activation,
                                                                           static_cast<T*>(grad_z));
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

}  // namespace

void fill_epilogue(Kernels& table) {
  table.bias_activation = bias_activation;
  table.column_parts = column_parts;
  table.activation_backward = activation_backward;
}

}  // namespace inkgrad::cuda
