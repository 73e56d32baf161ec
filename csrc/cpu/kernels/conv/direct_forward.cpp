// The forward pass of the direct convolution.
//
//   y[o, p] = b[o] + sum over i, t of w[o, i, t] x[i, p + t]      p a pixel, t a tap (row, column)
//
// A tile is kTileChannels output channels x kTilePixels vectors of neighboring pixels anywhere in
// the image. No im2col: the input stays in the L1 cache and is read in place, or from a padded copy
// of one image if it is padded or narrow.
#include "../entries.h"
#include "direct_tile.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

template <typename T, int L, int O, int P>
inline void store_tile(const Vec<T, L> (&sums)[O][P], const T* bias, T* const (&y)[P],
                       int64_t y_channel, int64_t n) {
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
    const T b = bias ? bias[o] : T(0);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      if (n == L) {
        store<L>(y[p] + o * y_channel, sums[o][p] + b);
      } else {
        store_first<L>(y[p] + o * y_channel, sums[o][p] + b, n);
      }
    }
  }
}

// Rows row0 .. row0 + rows of O channels into y, whose rows are out_width long and channels
// y_channel apart.
template <typename T, int L, int O>
void forward_rows(const ConvGeometry& g, const Image<T>& image, int64_t row0, int64_t rows,
                  const T* w, const T* bias, T* y, int64_t y_channel) {
  PixelVectors<L> vector(g.out_width);
  const int64_t block = accumulated_channels(g);
  const int64_t stored = g.out_width < L ? g.out_width : L;
  const Parts groups(rows * vector.per_row(g.out_width), kTilePixels);
  for (int64_t group = 0; group < groups.count; ++group) {
    const int64_t first = groups.begin(group);
    with_constant<kTilePixels>(groups.begin(group + 1) - first, [&](auto size) {
      constexpr int P = decltype(size)::value;
      const T* from[P];
      T* to[P];
      for (int p = 0; p < P; ++p, vector.advance()) {
        from[p] = image.data + (row0 + vector.row()) * image.pitch + vector.col();
        to[p] = y + vector.row() * g.out_width + vector.col();
      }
      with_kernel_width(g, [&](auto width) {
        Vec<T, L> sums[O][P];
        sum_window<T, L, O, P, 1, decltype(width)::value>(g, block, image, from, w, sums);
        store_tile<T, L, O, P>(sums, bias, to, y_channel, stored);
      });
    });
  }
}

template <typename T>
void forward_image(const ConvGeometry& g, const T* input, const T* packed, const T* bias, T* output,
                   T* workspace) {
  with_lanes<T>(g.out_width, kLongCost, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t plane = g.out_height * g.out_width;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      forward_rows<T, L, decltype(channels)::value>(
          g, image, 0, g.out_height, w, bias ? bias + o : nullptr, output + o * plane, plane);
    });
  });
}

// Rows of windows in a step: several if one does not fill a tile.
template <typename T>
int64_t pool_rows_per_step(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t vectors = p.window_height * divide_up(g.out_width, kLanes<T>);
  return vectors < kTilePixels ? kTilePixels / vectors : 1;
}

template <typename T>
void forward_relu_pool_image(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                             const T* packed, const T* bias, T* output, uint8_t* indices,
                             T* workspace) {
  with_lanes<T>(g.out_width, kLongCost, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    T* const rows = workspace + g.in_channels * padded_plane<T>(g);
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t step = pool_rows_per_step<T>(g, p), max_rows = step * p.window_height;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      constexpr int O = decltype(channels)::value;
      for (int64_t i = 0; i < p.out_height; i += step) {
        const int64_t count = smaller(step, p.out_height - i);
        forward_rows<T, L, O>(g, image, i * p.window_height, count * p.window_height, w,
                              bias ? bias + o : nullptr, rows, max_rows * g.out_width);
        for (int c = 0; c < O; ++c) {
          for (int64_t k = 0; k < count; ++k) {
            const int64_t at = ((o + c) * p.out_height + i + k) * p.out_width;
            relu_pool_row(rows + (c * max_rows + k * p.window_height) * g.out_width, g.out_width, p,
                          output + at, indices + at);
          }
        }
      }
    });
  });
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t rows = p.window_height > 0 ? pool_rows_per_step<T>(g, p) * p.window_height : 0;
  return {g.in_channels * padded_plane<T>(g) + kTileChannels * rows * g.out_width,
          g.out_channels * g.in_channels * g.kernel_height * g.kernel_width};
}

template <typename T>
void forward(const ConvForwardParams<T>& params) {
  forward_images(params, forward_image<T>, forward_relu_pool_image<T>);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.lanes = kLanes<T>;
  table.conv.registers = kVectorRegisters;
  table.conv.direct_forward = {memory<T>, pack_forward<T>, forward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
