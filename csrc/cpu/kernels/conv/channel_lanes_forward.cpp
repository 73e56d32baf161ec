// The forward pass of the direct convolution of an image with output channels in lanes: a vector
// holds one pixel of kLanes channels.
//
// Rows of pixels seldom fill vectors, and vectors of pixels are unaligned. Here the weights are the
// vectors, aligned and read in sequence, and pixels are scalars: rows of any length fill all lanes,
// if the channels do. An output is summed in the order of direct_tile.h, so results are the same
// bits.
#include "../entries.h"
#include "direct_tile.h"
#include "lanes.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

// 21 sums, 3 vectors of weights and a pixel. A fourth vector would leave no register for the pixel.
inline constexpr int kTileVectors = 3, kTileColumns = 7;

// acc[P][V] += one tap of the P neighboring pixels from x on.
template <typename T, int P, int V>
inline void add_pixels(const T* x, const T* w, Vec<T> (&acc)[P][V]) {
  constexpr int L = kLanes<T>;
  Vec<T> weights[V];
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) weights[v] = load<L>(w + v * L);
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
    const T pixel = x[p];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[p][v] += pixel * weights[v];
  }
}

// acc[P][V] = the taps of channels i .. end; returns the weights that follow. Width: as in
// direct_tile.h.
template <typename T, int P, int V, int Width>
inline const T* sum_pixels(const ConvGeometry& g, const Image<T>& image, const T* x, const T* w,
                           int64_t i, int64_t end, Vec<T> (&acc)[P][V]) {
  constexpr int64_t step = V * kLanes<T>;
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) acc[p][v] = Vec<T>{};
  }
  for (; i < end; ++i) {
    const T* row = x + i * image.plane;
    for (int64_t r = 0; r < g.kernel_height; ++r, row += g.dilation_height * image.pitch) {
      if constexpr (Width > 0) {
#pragma GCC unroll 8
        for (int c = 0; c < Width; ++c) add_pixels<T, P, V>(row + c, w + c * step, acc);
        w += Width * step;
      } else {
        for (int64_t c = 0; c < g.kernel_width; ++c, w += step)
          add_pixels<T, P, V>(row + c * g.dilation_width, w, acc);
      }
    }
  }
  return w;
}

// One tile, P pixels of a row x V vectors of channels: to[v * to_vector + p * L] = all taps.
template <typename T, int P, int V, int Width>
void sum_tile(const ConvGeometry& g, const Image<T>& image, const T* x, const T* w, const T* bias,
              T* to, int64_t to_vector) {
  constexpr int L = kLanes<T>;
  const int64_t block = accumulated_channels(g);
  Vec<T> acc[P][V];
  w = sum_pixels<T, P, V, Width>(g, image, x, w, 0, smaller(block, g.in_channels), acc);
  for (int64_t i = block;; i += block) {
    const bool last = i >= g.in_channels;
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        T* const sum = to + v * to_vector + p * L;
        if (i > block) acc[p][v] = load<L>(sum) + acc[p][v];
        store<L>(sum, last ? acc[p][v] + load<L>(bias + v * L) : acc[p][v]);
      }
    }
    if (last) return;
    w = sum_pixels<T, P, V, Width>(g, image, x, w, i, smaller(i + block, g.in_channels), acc);
  }
}

inline int64_t vectors_of(const ConvGeometry& g, int64_t lanes) {
  return divide_up(g.out_channels, lanes);
}

// [block of vectors][tap][channel of the block], zero past the last channel.
template <typename T>
void pack(const ConvGeometry& g, const T* weight, T* packed) {
  constexpr int L = kLanes<T>;
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const Parts blocks(vectors_of(g, L), kTileVectors);
  for (int64_t b = 0; b < blocks.count; ++b) {
    const int64_t first = blocks.begin(b), vectors = blocks.begin(b + 1) - first;
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t o = (first + v) * L;
      transpose_columns(weight + o * taps, taps, smaller(g.out_channels - o, L), taps,
                        packed + first * L * taps + v * L, vectors * L);
    }
  }
}

// Elements of the padded copy, after which aligned vectors begin.
template <typename T>
int64_t image_size(const ConvGeometry& g) {
  return round_up(g.in_channels * padded_plane<T>(g), kLanes<T>);
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  constexpr int64_t block = kTileVectors * kLanes<T>;
  const int64_t pooled = 2 * p.out_height * p.out_width;  // maxima and their indices
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  return {image_size<T>(g) + block * (g.out_height * g.out_width + 1) + kLanes<T> * pooled,
          vectors_of(g, kLanes<T>) * kLanes<T> * taps};
}

// Calls f(first channel, number of channels, their sums [pixel][channel]) for each vector.
template <typename T, typename F>
void for_each_vector(const ConvGeometry& g, const T* input, const T* packed, const T* bias,
                     T* workspace, F f) {
  constexpr int L = kLanes<T>;
  const auto image = padded_image<T, 1>(g, input, false, workspace);
  T* const offsets = workspace + image_size<T>(g);
  T* const sums = offsets + kTileVectors * L;
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const int64_t pixels = g.out_height * g.out_width;
  const Parts blocks(vectors_of(g, L), kTileVectors), columns(g.out_width, kTileColumns);
  for (int64_t b = 0; b < blocks.count; ++b) {
    const int64_t o = blocks.begin(b) * L;
    with_constant<kTileVectors>(blocks.begin(b + 1) - blocks.begin(b), [&](auto vectors) {
      constexpr int V = decltype(vectors)::value;
      const int64_t channels = smaller(g.out_channels - o, V * L);
      for (int64_t c = 0; c < V * L; ++c) offsets[c] = bias && c < channels ? bias[o + c] : T(0);
      with_kernel_width(g, [&](auto width) {
        for (int64_t h = 0; h < g.out_height; ++h) {
          for (int64_t k = 0; k < columns.count; ++k) {
            const int64_t col = columns.begin(k);
            with_constant<kTileColumns>(columns.begin(k + 1) - col, [&](auto tile) {
              sum_tile<T, decltype(tile)::value, V, decltype(width)::value>(
                  g, image, image.data + h * image.pitch + col, packed + o * taps, offsets,
                  sums + (h * g.out_width + col) * L, pixels * L);
            });
          }
        }
      });
      for (int64_t v = 0; v < V; ++v)
        f(o + v * L, smaller(channels - v * L, L), sums + v * pixels * L);
    });
  }
}

template <typename T>
void forward_image(const ConvGeometry& g, const T* input, const T* packed, const T* bias, T* output,
                   T* workspace) {
  const int64_t pixels = g.out_height * g.out_width;
  for_each_vector(g, input, packed, bias, workspace,
                  [&](int64_t o, int64_t channels, const T* sums) {
                    deinterleave<T>(sums, pixels, pixels, channels, output + o * pixels);
                  });
}

template <typename T>
void forward_relu_pool_image(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                             const T* packed, const T* bias, T* output, uint8_t* indices,
                             T* workspace) {
  constexpr int L = kLanes<T>;
  const int64_t row = g.out_width * L, pooled = p.out_height * p.out_width;
  T* const maxima = workspace + memory<T>(g, PoolGeometry{}).workspace;
  auto* const maximum_indices = reinterpret_cast<typename IntegerOf<T>::type*>(maxima + pooled * L);
  for_each_vector(
      g, input, packed, bias, workspace, [&](int64_t o, int64_t channels, const T* sums) {
        for (int64_t i = 0; i < pooled; ++i) {
          const T* const window =
              sums + i / p.out_width * p.window_height * row + i % p.out_width * p.window_width * L;
          relu_pool_channels<T, L>(
              p, window, row, L, [](const T* at) { return load<kLanes<T>>(at); },
              [&](Vec<T> best, Mask<T, L> index) {
                store<L>(maxima + i * L, best);
                store<L>(maximum_indices + i * L, index);
              });
        }
        deinterleave<T>(maxima, pooled, pooled, channels, output + o * pooled);
        deinterleave_bytes<T>(maximum_indices, pooled, pooled, channels, indices + o * pooled);
      });
}

template <typename T>
void forward(const ConvForwardParams<T>& params) {
  forward_images(params, forward_image<T>, forward_relu_pool_image<T>);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.channel_tile_vectors = kTileVectors;
  table.conv.channel_tile_columns = kTileColumns;
  table.conv.channel_lanes_forward = {memory<T>, pack<T>, forward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
