// Pooling of whole planes: what follows a convolution that was computed elsewhere.
#include "pool.h"

#include "entries.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
void relu_pool(const PoolGeometry& p, const T* plane, int64_t, int64_t width, T* output,
               uint8_t* indices) {
  relu_pool_plane(p, plane, width, output, indices);
}

template <typename T>
void relu_pool_channels_last(const PoolGeometry& p, const T* image, int64_t channels, int64_t width,
                             T* output, uint8_t* indices) {
  constexpr int L = kLanes<T>;
  const int64_t row = width * channels;
  for (int64_t i = 0; i < p.out_height; ++i) {
    for (int64_t j = 0; j < p.out_width; ++j, output += channels, indices += channels) {
      const T* const window = image + i * p.window_height * row + j * p.window_width * channels;
      int64_t c = 0;
      for (; c + L <= channels; c += L) {
        relu_pool_channels<T, L>(
            p, window + c, row, channels, [](const T* at) { return load<L>(at); },
            [&](Vec<T> best, Mask<T, L> place) {
              store<L>(output + c, best);
              store_bytes<L, T>(indices + c, place);
            });
      }
      if (c == channels) continue;
      const int64_t rest = channels - c;
      relu_pool_channels<T, L>(
          p, window + c, row, channels, [&](const T* at) { return load_first<L>(at, rest); },
          [&](Vec<T> best, Mask<T, L> place) {
            uint8_t bytes[L];
            store_first<L>(output + c, best, rest);
            store_bytes<L, T>(bytes, place);
            for (int64_t k = 0; k < rest; ++k) indices[c + k] = bytes[k];
          });
    }
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

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.relu_pool = relu_pool<T>;
  table.relu_pool_channels_last = relu_pool_channels_last<T>;
  table.pool_backward = pool_backward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
