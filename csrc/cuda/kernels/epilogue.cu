// Bias and activation after a matrix product, and their backward.
#include "device.cuh"
#include "entries.h"
#include "extremes.cuh"
#include "scalar_math.h"

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

// With column sums in the same pass; torch reads grad_z again for them. A thread has kWide columns:
// 16 bytes or one element. Every block writes an element of [extremes]; the rest is filled up.
template <typename T, int kWide>
__global__ void __launch_bounds__(kThreads)
    activation_backward_columns_kernel(const T* grad_output, const T* output, int64_t rows,
                                       int64_t columns, ColumnTiles tiles, Activation activation,
                                       T* grad_z, double* parts, Extremes* extremes,
                                       int64_t extremes_count) {
  const int x = threadIdx.x % tiles.across, y = threadIdx.x / tiles.across;
  const int64_t column = (int64_t(blockIdx.x) * tiles.across + x) * kWide;
  const int64_t begin = blockIdx.y * tiles.rows_per_slice;
  const int64_t end = begin + tiles.rows_per_slice < rows ? begin + tiles.rows_per_slice : rows;
  ComputeType<T> own[kWide] = {};
  Extremes reach = kNoExtremes;
  if (column < columns) {
#pragma unroll 4
    for (int64_t row = begin + y; row < end; row += tiles.tall()) {
      // A single element is accessed as the last of a row.
      const int64_t first = row * columns + column;
      const Access<T, (kWide > 1)> at(first, first + kWide, kWide > 1);
      Vector<T> grad = at.load(grad_output);
      const Vector<T> out = at.load(output);
#pragma unroll
      for (int i = 0; i < kWide; ++i) {
        grad.lane[i] = activate_backward(grad.lane[i], out.lane[i], activation);
        own[i] += grad.lane[i];
        if constexpr (std::is_same_v<T, float>) reach = both(reach, extremes_of(grad.lane[i]));
      }
      at.store(grad_z, grad);
    }
  }
#pragma unroll
  for (int i = 0; i < kWide; ++i) {
    const double sum = sum_columns(own[i], tiles.across);
    if (y == 0 && column < columns) parts[blockIdx.y * columns + column + i] = sum;
    __syncthreads();  // before the next sum
  }
  if (extremes) {
    reach = block_extremes(reach);
    const int64_t block = int64_t(blockIdx.y) * gridDim.x + blockIdx.x;
    if (threadIdx.x == 0) extremes[block] = reach;
    if (block == 0) {
      for (int64_t i = int64_t(gridDim.x) * gridDim.y + threadIdx.x; i < extremes_count;
           i += kThreads) {
        extremes[i] = kNoExtremes;
      }
    }
  }
}

void bias_activation(const Epilogue& e, void* z, const void* bias, void* stream) {
  with_dtype(e.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Chunks chunks{kLanes<T>};
    const int64_t n = e.rows * e.columns;
    with_flag(aligned(z), [&](auto in_vectors) {
      bias_activation_kernel<T, in_vectors><<<chunks.count(n), kThreads, 0, as_stream(stream)>>>(
          static_cast<T*>(z), n, e.columns, static_cast<const T*>(bias), e.activation);
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

int64_t column_parts(int64_t rows, int64_t columns) {
  return column_tiles(rows, columns).slices * columns;
}

int64_t column_extremes(int64_t rows, int64_t columns) {
  const ColumnTiles tiles = column_tiles(rows, columns);
  return ceil_div(columns, tiles.across) * tiles.slices;
}

template <typename T, int kWide>
void launch_columns(const Epilogue& e, const EpilogueGradients& g, void* stream) {
  const ColumnTiles tiles = column_tiles(e.rows, e.columns / kWide);
  const dim3 blocks(ceil_div(e.columns / kWide, tiles.across), tiles.slices);
  activation_backward_columns_kernel<T, kWide><<<blocks, kThreads, 0, as_stream(stream)>>>(
      static_cast<const T*>(g.grad_output), static_cast<const T*>(g.output), e.rows, e.columns,
      tiles, e.activation, static_cast<T*>(g.grad_z), g.parts, static_cast<Extremes*>(g.extremes),
      column_extremes(e.rows, e.columns));
  INKGRAD_LAUNCH_CHECK();
  add_parts(g.parts, tiles.slices, e.columns, 1, e.dtype, g.column_sums, stream);
}

void activation_backward(const Epilogue& e, const EpilogueGradients& g, void* stream) {
  with_dtype(e.dtype, [&](auto zero) {
    using T = decltype(zero);
    const bool in_vectors = aligned(g.grad_output, g.output, g.grad_z);
    if (g.column_sums) {
      const bool wide = in_vectors && e.columns % kLanes<T> == 0;
      const auto launch = wide ? launch_columns<T, kLanes<T>> : launch_columns<T, 1>;
      launch(e, g, stream);
      return;
    }
    const int64_t n = e.rows * e.columns;
    with_flag(in_vectors, [&](auto flag) {
      activation_backward_kernel<T, flag>
          <<<Chunks{kLanes<T>}.count(n), kThreads, 0, as_stream(stream)>>>(
              static_cast<const T*>(g.grad_output), static_cast<const T*>(g.output), n,
              e.activation, static_cast<T*>(g.grad_z));
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

const Entries entries([](Kernels& table) {
  table.bias_activation = bias_activation;
  table.column_parts = column_parts;
  table.column_extremes = column_extremes;
  table.activation_backward = activation_backward;
});

}  // namespace
}  // namespace inkgrad::cuda
