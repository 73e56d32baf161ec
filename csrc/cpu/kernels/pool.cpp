// Pooling of whole planes: what follows a convolution that was computed elsewhere.
#include "pool.h"

#include "fill.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
void relu_pool(const PoolGeometry& p, const T* plane, int64_t, int64_t width, T* output,
               uint8_t* indices) {
  for (int64_t i = 0; i < p.out_height; ++i) {
    relu_pool_row(plane + i * p.window_height * width, width, p, output + i * p.out_width,
                  indices + i * p.out_width);
  }
}

template <typename T>
void pool_backward(const PoolGeometry& p, const T* grad_output, const uint8_t* indices,
                   int64_t height, int64_t width, T* grad_plane) {
  const int64_t covered_rows = p.out_height * p.window_height,
                covered_cols = p.out_width * p.window_width;
  for (int64_t i = 0; i < p.out_height; ++i) {
    const int64_t at = i * p.out_width;
    T* rows = grad_plane + i * p.window_height * width;
    pool_backward_row(grad_output + at, indices + at, p, rows, width);
    for (int64_t r = 0; r < p.window_height; ++r) {
      for (int64_t c = covered_cols; c < width; ++c) rows[r * width + c] = T(0);
    }
  }
  for (int64_t k = covered_rows * width; k < height * width; ++k) grad_plane[k] = T(0);
}

}  // namespace

template <typename T>
void fill_pool(KernelsOf<T>& table) {
  table.relu_pool = relu_pool<T>;
  table.pool_backward = pool_backward<T>;
}
template void fill_pool(KernelsOf<float>&);
template void fill_pool(KernelsOf<double>&);

}  // namespace inkgrad::cpu
