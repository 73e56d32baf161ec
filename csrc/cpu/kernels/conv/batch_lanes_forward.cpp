// The forward pass of the direct convolution with the batch in lanes (lanes.h).
//
// The tile is that of a single image (direct_tile.h) with pixels instead of vectors of pixels, so
// results are the same bits. Loads are aligned, rows of any length fill the vectors, and a pool
// over 2 x 2 windows is a maximum of registers: such a tile is one window of kTileChannels
// channels. The cost is transposing the input and the output.
#include "../entries.h"
#include "direct_tile.h"
#include "lanes.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
inline int64_t images_size(const ConvGeometry& g) {
  return g.in_channels * padded_height(g) * padded_width(g) * kLanes<T>;
}

// The images, zero-padded and interleaved, in `copy`.
template <typename T>
Image<T> interleaved_images(const ConvGeometry& g, const T* input, int64_t images, T* copy) {
  constexpr int L = kLanes<T>;
  const int64_t pitch = padded_width(g) * L, plane = padded_height(g) * pitch;
  const int64_t in_plane = g.in_height * g.in_width, in_image = g.in_channels * in_plane;
  if (g.pad_height == 0 && g.pad_width == 0) {
    interleave_images<T>(input, in_image, images, in_image, copy);
  } else {
    std::memset(copy, 0, images_size<T>(g) * sizeof(T));
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t h = 0; h < g.in_height; ++h) {
        interleave_images<T>(input + i * in_plane + h * g.in_width, in_image, images, g.in_width,
                             copy + i * plane + (h + g.pad_height) * pitch + g.pad_width * L);
      }
    }
  }
  return {copy, pitch, plane};
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const int64_t results =
      p.window_height > 0 ? 2 * p.out_height * p.out_width : g.out_height * g.out_width;
  return {images_size<T>(g) + kTileChannels * results * kLanes<T>,
          g.out_channels * g.in_channels * g.kernel_height * g.kernel_width};
}

// One row of O channels, which are y_channel apart in y.
template <typename T, int O, int Width>
void batch_row(const ConvGeometry& g, const Image<T>& row, const T* w, const T* bias, T* y,
               int64_t y_channel) {
  constexpr int L = kLanes<T>;
  const int64_t block = accumulated_channels(g);
  const Parts groups(g.out_width, kTilePixels);
  for (int64_t group = 0; group < groups.count; ++group) {
    const int64_t col = groups.begin(group);
    with_constant<kTilePixels>(groups.begin(group + 1) - col, [&](auto pixels) {
      constexpr int P = decltype(pixels)::value;
      const T* from[P];
      for (int p = 0; p < P; ++p) from[p] = row.data + (col + p) * L;
      Vec<T> sums[O][P];
      sum_window<T, L, O, P, L, Width>(g, block, row, from, w, sums);
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
void forward_batch(const ConvForwardParams<T>& params) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const auto batch = interleaved_images<T>(g, params.input, params.images, params.workspace);
  T* const results = params.workspace + images_size<T>(g);
  const int64_t plane = g.out_height * g.out_width;
  for_each_channel_block(g, params.packed, [&](int64_t o, auto channels, const T* w) {
    constexpr int O = decltype(channels)::value;
    with_kernel_width(g, [&](auto width) {
      for (int64_t h = 0; h < g.out_height; ++h) {
        const Image<T> row{batch.data + h * batch.pitch, batch.pitch, batch.plane};
        batch_row<T, O, decltype(width)::value>(g, row, w, params.bias ? params.bias + o : nullptr,
                                                results + h * g.out_width * L, plane * L);
      }
    });
    deinterleave<T>(results, O * plane, params.out_image, params.images, params.output + o * plane);
  });
}

// One row of windows of O channels: maxima and their indices.
template <typename T, int O, int Width>
void batch_pool_row(const ConvGeometry& g, int64_t windows, const Image<T>& rows, const T* w,
                    const T* bias, T* maxima, typename IntegerOf<T>::type* indices,
                    int64_t channel) {
  constexpr int L = kLanes<T>, P = kTilePixels;
  const int64_t block = accumulated_channels(g);
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
      sum_window<T, L, O, P, L, Width>(g, block, rows, from, w, sums[part]);
    }
#pragma GCC unroll 8
    for (int c = 0; c < O; ++c) {
      const T b = bias ? bias[c] : T(0);
      Vec<T> v[kWindow], best;
      Mask<T, L> index;
#pragma GCC unroll 4
      for (int k = 0; k < kWindow; ++k) v[k] = sums[k / P][c][k % P] + b;
      relu_max<T, L>(v, best, index);
      store<L>(maxima + c * channel + j * L, best);
      store<L>(indices + c * channel + j * L, index);
    }
  }
}

template <typename T>
void forward_relu_pool_batch(const ConvForwardParams<T>& params) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const PoolGeometry& p = params.pool;
  const auto batch = interleaved_images<T>(g, params.input, params.images, params.workspace);
  const int64_t pooled = p.out_height * p.out_width;
  T* const maxima = params.workspace + images_size<T>(g);
  auto* const indices =
      reinterpret_cast<typename IntegerOf<T>::type*>(maxima + kTileChannels * pooled * L);
  for_each_channel_block(g, params.packed, [&](int64_t o, auto channels, const T* w) {
    constexpr int O = decltype(channels)::value;
    with_kernel_width(g, [&](auto width) {
      for (int64_t i = 0; i < p.out_height; ++i) {
        const Image<T> rows{batch.data + 2 * i * batch.pitch, batch.pitch, batch.plane};
        const int64_t at = i * p.out_width * L;
        batch_pool_row<T, O, decltype(width)::value>(g, p.out_width, rows, w,
                                                     params.bias ? params.bias + o : nullptr,
                                                     maxima + at, indices + at, pooled * L);
      }
    });
    deinterleave<T>(maxima, O * pooled, params.out_image, params.images,
                    params.output + o * pooled);
    deinterleave_bytes<T>(indices, O * pooled, params.out_image, params.images,
                          params.indices + o * pooled);
  });
}

template <typename T>
void forward(const ConvForwardParams<T>& params) {
  params.pool.window_height > 0 ? forward_relu_pool_batch(params) : forward_batch(params);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.batch_lanes_forward = {memory<T>, pack_forward<T>, forward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
