// The register tile of the forward pass: O output channels x P vectors, summed over all taps.
//
// A vector is L adjacent values: neighboring pixels of one image (Step = 1), or one pixel of L
// images (Step = L). Step is the distance between the vectors of neighboring pixels. The order in
// which an output is summed does not depend on the tile.
#pragma once

#include "direct.h"

namespace inkgrad::cpu {

inline constexpr int kTileChannels = 5;
inline constexpr int kTilePixels = kManyRegisters ? 4 : 2;
inline constexpr int64_t kAccumulatedTaps = 125;

// acc[O][P] += one tap of the pixels at x.
template <typename T, int L, int O, int P>
inline void add_tap(const T* const (&x)[P], int64_t tap, const T* w, Vec<T, L> (&acc)[O][P]) {
  Vec<T, L> v[P];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) v[p] = load<L>(x[p] + tap);
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) acc[o][p] += w[o] * v[p];
  }
}

// acc[O][P] = the taps of channels i .. end; returns the weights that follow. Width: of the kernel,
// whose row is then unrolled, or 0 for any. Always inlined: to a caller's acc, which might be where
// the weights are, each product would be stored.
template <typename T, int L, int O, int P, int Step, int Width>
__attribute__((always_inline)) inline const T* sum_taps(const ConvGeometry& g,
                                                        const Image<T>& image,
                                                        const T* const (&x)[P], const T* w,
                                                        int64_t i, int64_t end,
                                                        Vec<T, L> (&acc)[O][P]) {
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) acc[o][p] = Vec<T, L>{};
  }
  for (; i < end; ++i) {
    int64_t row = i * image.plane;
    for (int64_t r = 0; r < g.kernel_height; ++r, row += g.dilation_height * image.pitch) {
      if constexpr (Width > 0) {
#pragma GCC unroll 8
        for (int c = 0; c < Width; ++c) add_tap<T, L, O, P>(x, row + c * Step, w + c * O, acc);
        w += Width * O;
      } else {
        int64_t tap = row;
        for (int64_t c = 0; c < g.kernel_width; ++c, tap += g.dilation_width * Step, w += O)
          add_tap<T, L, O, P>(x, tap, w, acc);
      }
    }
  }
  return w;
}

// sums[O][P] += the same. Not inlined: the sums of the blocks before must not compete for
// registers.
template <typename T, int L, int O, int P, int Step, int Width>
__attribute__((noinline)) const T* add_block(const ConvGeometry& g, const Image<T>& image,
                                             const T* const (&x)[P], const T* w, int64_t i,
                                             int64_t end, Vec<T, L> (&sums)[O][P]) {
  Vec<T, L> acc[O][P];
  w = sum_taps<T, L, O, P, Step, Width>(g, image, x, w, i, end, acc);
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) sums[o][p] += acc[o][p];
  }
  return w;
}

// Input channels of an accumulation block. The sums of blocks are added in order, because longer
// accumulation chains lose accuracy.
inline int64_t accumulated_channels(const ConvGeometry& g) {
  return larger(kAccumulatedTaps / (g.kernel_height * g.kernel_width), 1);
}

// sums[O][P] = all taps. x[p]: the first tap of the p-th vector.
template <typename T, int L, int O, int P, int Step, int Width>
inline void sum_window(const ConvGeometry& g, int64_t channels_per_block, const Image<T>& image,
                       const T* const (&x)[P], const T* w, Vec<T, L> (&sums)[O][P]) {
  if (g.in_channels <= channels_per_block) {  // stays in registers
    sum_taps<T, L, O, P, Step, Width>(g, image, x, w, 0, g.in_channels, sums);
    return;
  }
  Vec<T, L> first[O][P];
  w = sum_taps<T, L, O, P, Step, Width>(g, image, x, w, 0, channels_per_block, first);
  std::memcpy(&sums, &first, sizeof(sums));
  for (int64_t i = channels_per_block; i < g.in_channels; i += channels_per_block) {
    w = add_block<T, L, O, P, Step, Width>(g, image, x, w, i,
                                           smaller(i + channels_per_block, g.in_channels), sums);
  }
}

// Calls f with the width of a kernel whose rows are unrolled, or 0.
template <typename F>
inline void with_kernel_width(const ConvGeometry& g, F f) {
  const int64_t width = g.dilation_width == 1 ? g.kernel_width : 0;
  if (width == 3) {
    f(std::integral_constant<int, 3>{});
  } else if (width == 5) {
    f(std::integral_constant<int, 5>{});
  } else {
    f(std::integral_constant<int, 0>{});
  }
}

// [block of output channels][tap][output channel]
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

// Calls f(first channel, constant number of channels, packed weights) for each block of output
// channels.
template <typename T, typename F>
inline void for_each_channel_block(const ConvGeometry& g, const T* packed, F f) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  const Parts blocks(g.out_channels, kTileChannels);
  for (int64_t b = 0; b < blocks.count; ++b) {
    const int64_t o = blocks.begin(b);
    with_constant<kTileChannels>(blocks.begin(b + 1) - o,
                                 [&](auto size) { f(o, size, packed + o * taps); });
  }
}

// One image after the other, by plain(...) or by pooled(...).
template <typename T, typename Plain, typename Pooled>
inline void forward_images(const ConvForwardParams<T>& p, Plain plain, Pooled pooled) {
  const ConvGeometry& g = p.conv;
  for (int64_t n = 0; n < p.images; ++n) {
    const T* const input = p.input + n * g.in_channels * g.in_height * g.in_width;
    T* const output = p.output + n * p.out_image;
    if (p.pool.window_height > 0) {
      pooled(g, p.pool, input, p.packed, p.bias, output, p.indices + n * p.out_image, p.workspace);
    } else {
      plain(g, input, p.packed, p.bias, output, p.workspace);
    }
  }
}

}  // namespace inkgrad::cpu
