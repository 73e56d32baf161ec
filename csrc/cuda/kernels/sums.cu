// The second half of every sum over a tensor: adds the rows of partial sums that the blocks of the
// first half left in memory, always in the same order.
//
// This is a separate kernel because the last block of the first half would need a counter, which
// starts at zero and is not shared by overlapping launches (two CUDA graphs captured on one stream
// may overlap). Clearing a counter for every call is a launch too.
#include "device.cuh"

namespace inkgrad::cuda {
namespace {

template <typename T>
__global__ void __launch_bounds__(kThreads)
    add_parts_kernel(const double* parts, int64_t slices, int64_t columns, int across,
                     double divisor, T* result, int64_t split, T* rest) {
  const int x = threadIdx.x % across, y = threadIdx.x / across, tall = kThreads / across;
  const int64_t column = int64_t(blockIdx.x) * across + x;
  double sum = 0;
  if (column < columns) {
#pragma unroll 4
    for (int64_t slice = y; slice < slices; slice += tall) sum += parts[slice * columns + column];
  }
  sum = sum_columns(sum, across);
  if (y > 0 || column >= columns) return;
  T* const to = column < split ? result : rest;
  if (to) to[column < split ? column : column - split] = narrow<T>(sum / divisor);
}

}  // namespace

void add_parts(const double* parts, int64_t slices, int64_t columns, double divisor, Dtype dtype,
               void* result, void* stream) {
  add_parts(parts, slices, columns, 0, divisor, dtype, result, nullptr, stream);
}

void add_parts(const double* parts, int64_t slices, int64_t split, int64_t rest_columns,
               double divisor, Dtype dtype, void* result, void* rest, void* stream) {
  const int64_t columns = split + rest_columns;
  const int across = column_tiles(slices, columns).across;
  with_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    add_parts_kernel<T><<<ceil_div(columns, across), kThreads, 0, as_stream(stream)>>>(
        parts, slices, columns, across, divisor, static_cast<T*>(result), split,
        static_cast<T*>(rest));
    INKGRAD_LAUNCH_CHECK();
  });
}

}  // namespace inkgrad::cuda
