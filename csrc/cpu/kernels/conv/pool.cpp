// Pooling of whole planes, after a convolution by another kernel.
#include "pool.h"

#include "../entries.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
void relu_pool(const PoolGeometry& p, const T* plane, int64_t width, T* output, uint8_t* indices) {
  for (int64_t i = 0; i < p.out_height; ++i) {
    relu_pool_row(plane + i * p.window_height * width, width, p, output + i * p.out_width,
                  indices + i * p.out_width);
  }
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
            [&](Vec<T> best, Mask<T, L> index) {
              store<L>(output + c, best);
              store_bytes<L, T>(indices + c, index);
            });
      }
      if (c == channels) continue;
      const int64_t rest = channels - c;
      relu_pool_channels<T, L>(
          p, window + c, row, channels, [&](const T* at) { return load_first<L>(at, rest); },
          [&](Vec<T> best, Mask<T, L> index) {
            uint8_t bytes[L];
            store_first<L>(output + c, best, rest);
            store_bytes<L, T>(bytes, index);
            for (int64_t k = 0; k < rest; ++k) indices[c + k] = bytes[k];
          });
    }
  }
}

template <typename T>
void relu_pool_gradient(const T* grad, const uint8_t* indices, T* passed, int64_t n) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    const Mask<T, L> index = load_bytes<L, T>(indices + i);
    store<L>(passed + i, select(index == kNoGradient, Vec<T, L>{}, load<L>(grad + i)));
  }
  for (; i < n; ++i) passed[i] = indices[i] == kNoGradient ? T(0) : grad[i];
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.relu_pool = relu_pool<T>;
  table.conv.relu_pool_channels_last = relu_pool_channels_last<T>;
  table.conv.relu_pool_gradient = relu_pool_gradient<T>;
  table.conv.unpool = unpool_plane<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
