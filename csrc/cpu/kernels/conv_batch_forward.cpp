// The forward pass of the direct convolution for kLanes images at a time, abreast (abreast.h).
//
// The tile is that of a single image (conv_tile.h) with pixels for vectors of pixels, so results
// are the same to the last bit. Loads are aligned, rows of any length fill the vectors, and the
// pool over 2 x 2 windows is a maximum of registers: such a tile is one window of kTileChannels
// channels. What it costs is turning images round on their way in and out, so a result should be
// worth many products, or be pooled.
#include "abreast.h"
#include "conv_tile.h"
#include "entries.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
inline int64_t images_size(const ConvGeometry& g) {
  return g.in_channels * padded_height(g) * padded_width(g) * kLanes<T>;
}

// The images abreast, zero-padded, in `copy`.
template <typename T>
Image<T> images_abreast(const ConvGeometry& g, const T* input, int64_t images, T* copy) {
  constexpr int L = kLanes<T>;
  const int64_t pitch = padded_width(g) * L, plane = padded_height(g) * pitch;
  const int64_t in_plane = g.in_height * g.in_width, in_image = g.in_channels * in_plane;
  if (g.pad_height == 0 && g.pad_width == 0) {
    set_abreast<T>(input, in_image, images, in_image, copy);
  } else {
    std::memset(copy, 0, images_size<T>(g) * sizeof(T));
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t h = 0; h < g.in_height; ++h) {
        set_abreast<T>(input + i * in_plane + h * g.in_width, in_image, images, g.in_width,
                       copy + i * plane + (h + g.pad_height) * pitch + g.pad_width * L);
      }
    }
  }
  return {copy, pitch, plane};
}

// Whether this is faster than image by image.
template <typename T>
bool batch_forward_pays(const ConvGeometry& g, const PoolGeometry& p) {
  if (p.window_height > 0) return p.window_height == 2 && p.window_width == 2;
  // Rows that fill the vectors of a single image badly, with work enough for turning results round.
  constexpr int64_t kFewestTaps = 48;
  const int64_t half = kLanes<T> / 2, filled = divide_up(g.out_width, half) * half;
  return g.in_channels * g.kernel_height * g.kernel_width >= kFewestTaps &&
         filled * 8 > g.out_width * 9;
}

template <typename T>
int64_t batch_forward_workspace(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t results =
      p.window_height > 0 ? 2 * p.out_height * p.out_width : g.out_height * g.out_width;
  return images_size<T>(g) + kTileChannels * results * kLanes<T>;
}

// One row of O channels, abreast; the channels of y are y_channel apart.
template <typename T, int O, int Width>
void batch_row(const ConvGeometry& g, const Image<T>& row, const T* w, const T* bias, T* y,
               int64_t y_channel) {
  constexpr int L = kLanes<T>;
  const int64_t chain = channels_of_chain(g);
  const Parts groups(g.out_width, kTilePixels);
  for (int64_t group = 0; group < groups.count; ++group) {
    const int64_t col = groups.begin(group);
    with_constant<kTilePixels>(groups.begin(group + 1) - col, [&](auto pixels) {
      constexpr int P = decltype(pixels)::value;
      const T* from[P];
      for (int p = 0; p < P; ++p) from[p] = row.data + (col + p) * L;
      Vec<T> sums[O][P];
      sum_window<T, L, O, P, L, Width>(g, chain, row, from, w, sums);
#pragma GCC unroll 8
      for (int c = 0; c < O; ++c) {
        const T b = bias ? bias[c] : T(0);
#pragma GCC unroll 8
        for (int p = 0; p < P; ++p) store<L>(y + c * y_channel + (col + p) * L, sums[c][p] + b);
      }
    });
  }
}

template <typename T>
void batch_forward(const ConvGeometry& g, int64_t images, const T* input, const T* packed,
                   const T* bias, T* output, int64_t out_image, T* workspace) {
  constexpr int L = kLanes<T>;
  const auto abreast = images_abreast<T>(g, input, images, workspace);
  T* const results = workspace + images_size<T>(g);
  const int64_t plane = g.out_height * g.out_width;
  for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
    constexpr int O = decltype(channels)::value;
    with_kernel_width(g, [&](auto width) {
      for (int64_t h = 0; h < g.out_height; ++h) {
        const Image<T> row{abreast.data + h * abreast.pitch, abreast.pitch, abreast.plane};
        batch_row<T, O, decltype(width)::value>(g, row, w, bias ? bias + o : nullptr,
                                                results + h * g.out_width * L, plane * L);
      }
    });
    set_apart<T>(results, O * plane, out_image, images, output + o * plane);
  });
}

// One row of windows of O channels, abreast: maxima and their places.
template <typename T, int O, int Width>
void batch_pool_row(const ConvGeometry& g, int64_t windows, const Image<T>& rows, const T* w,
                    const T* bias, T* maxima, typename IntegerOf<T>::type* places,
                    int64_t channel) {
  constexpr int L = kLanes<T>, P = kTilePixels;
  const int64_t chain = channels_of_chain(g);
  for (int64_t j = 0; j < windows; ++j) {
    const T* const corner = rows.data + 2 * j * L;
    Vec<T> sums[kWindow / P][O][P];
#pragma GCC unroll 4
    for (int part = 0; part < kWindow / P; ++part) {
      const T* from[P];
#pragma GCC unroll 4
      for (int k = 0; k < P; ++k) {
        const int at = part * P + k;
        from[k] = corner + (at / 2) * rows.pitch + (at % 2) * L;
      }
      sum_window<T, L, O, P, L, Width>(g, chain, rows, from, w, sums[part]);
    }
#pragma GCC unroll 8
    for (int c = 0; c < O; ++c) {
      const T b = bias ? bias[c] : T(0);
      Vec<T> v[kWindow], best;
      Mask<T, L> place;
#pragma GCC unroll 4
      for (int k = 0; k < kWindow; ++k) v[k] = sums[k / P][c][k % P] + b;
      relu_max<T, L>(v, best, place);
      store<L>(maxima + c * channel + j * L, best);
      store<L>(places + c * channel + j * L, place);
    }
  }
}

template <typename T>
void batch_relu_pool_forward(const ConvGeometry& g, const PoolGeometry& p, int64_t images,
                             const T* input, const T* packed, const T* bias, T* output,
                             uint8_t* indices, int64_t out_image, T* workspace) {
  constexpr int L = kLanes<T>;
  const auto abreast = images_abreast<T>(g, input, images, workspace);
  const int64_t pooled = p.out_height * p.out_width;
  T* const maxima = workspace + images_size<T>(g);
  T* const places = maxima + kTileChannels * pooled * L;
  for_each_channel_block(g, packed, [&](int64_t o, auto channels, const T* w) {
    constexpr int O = decltype(channels)::value;
    with_kernel_width(g, [&](auto width) {
      for (int64_t i = 0; i < p.out_height; ++i) {
        const Image<T> rows{abreast.data + 2 * i * abreast.pitch, abreast.pitch, abreast.plane};
        const int64_t at = i * p.out_width * L;
        batch_pool_row<T, O, decltype(width)::value>(
            g, p.out_width, rows, w, bias ? bias + o : nullptr, maxima + at,
            reinterpret_cast<typename IntegerOf<T>::type*>(places + at), pooled * L);
      }
    });
    set_apart<T>(maxima, O * pooled, out_image, images, output + o * pooled);
    set_bytes_apart<T>(places, O * pooled, out_image, images, indices + o * pooled);
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.batch_lanes = kLanes<T>;
  table.batch_forward_pays = batch_forward_pays<T>;
  table.batch_forward_workspace = batch_forward_workspace<T>;
  table.batch_forward = batch_forward<T>;
  table.batch_relu_pool_forward = batch_relu_pool_forward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
