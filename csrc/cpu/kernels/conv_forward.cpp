// The forward pass of the direct convolution.
//
//   y[o, p] = b[o] + sum over i, t of w[o, i, t] x[i, p + t]      p a pixel, t a tap (row, column)
//
// A tile is kTileChannels output channels x kTilePixels vectors of neighbouring pixels, which may
// lie anywhere in the image. No im2col: the input stays in the first-level cache and is read in
// place or, padded or narrow, from a padded copy of one image.
#include "conv_tile.h"
#include "entries.h"
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

// Rows row0 .. row0 + rows of channels o0 .. o0 + O into y, whose rows are out_width long and
// channels y_channel apart.
template <typename T, int L, int O>
void forward_rows(const ConvGeometry& g, const Image<T>& image, int64_t row0, int64_t rows,
                  const T* w, const T* bias, T* y, int64_t y_channel) {
  PixelVectors<L> vector(g.out_width);
  const int64_t chain = channels_of_chain(g);
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
        sum_window<T, L, O, P, 1, decltype(width)::value>(g, chain, image, from, w, sums);
        store_tile<T, L, O, P>(sums, bias, to, y_channel, stored);
      });
    });
  }
}

template <typename T>
void pack_forward(const ConvGeometry& g, const T* weight, T* packed) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const Parts blocks(g.out_channels, kTileChannels);
  for (int64_t b = 0; b < blocks.count; ++b) {
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t o = blocks.begin(b); o < blocks.begin(b + 1); ++o)
        *packed++ = weight[o * taps + t];
    }
  }
}

template <typename T>
void conv_forward(const ConvGeometry& g, const T* input, const T* packed, const T* bias, T* output,
                  T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t plane = g.out_height * g.out_width;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      forward_rows<T, L, decltype(channels)::value>(
          g, image, 0, g.out_height, w, bias ? bias + o : nullptr, output + o * plane, plane);
    });
  });
}

// Rows of windows whose pixels fill a tile, where one row of them does not.
template <typename T>
int64_t pool_rows_at_once(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t vectors = p.window_height * divide_up(g.out_width, kLanes<T>);
  return vectors < kTilePixels ? kTilePixels / vectors : 1;
}

template <typename T>
void conv_relu_pool_forward(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                            const T* packed, const T* bias, T* output, uint8_t* indices,
                            T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    T* const rows = workspace + g.in_channels * padded_plane<T>(g);
    const auto image = padded_image<T, L>(g, input, g.out_width < L, workspace);
    const int64_t at_once = pool_rows_at_once<T>(g, p), most = at_once * p.window_height;
    for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
      constexpr int O = decltype(channels)::value;
      for (int64_t i = 0; i < p.out_height; i += at_once) {
        const int64_t count = smaller(at_once, p.out_height - i);
        forward_rows<T, L, O>(g, image, i * p.window_height, count * p.window_height, w,
                              bias ? bias + o : nullptr, rows, most * g.out_width);
        for (int c = 0; c < O; ++c) {
          for (int64_t k = 0; k < count; ++k) {
            const int64_t at = ((o + c) * p.out_height + i + k) * p.out_width;
            relu_pool_row(rows + (c * most + k * p.window_height) * g.out_width, g.out_width, p,
                          output + at, indices + at);
          }
        }
      }
    });
  });
}

template <typename T>
int64_t forward_workspace(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t rows = p.window_height > 0 ? pool_rows_at_once<T>(g, p) * p.window_height : 0;
  return g.in_channels * padded_plane<T>(g) + kTileChannels * rows * g.out_width;
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv_pack_forward = pack_forward<T>;
  table.conv_forward_workspace = forward_workspace<T>;
  table.conv_forward = conv_forward<T>;
  table.conv_relu_pool_forward = conv_relu_pool_forward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
