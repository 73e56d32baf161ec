// The register tile of the forward pass: O output channels x P vectors, summed over all taps.
//
// A vector is L values that lie side by side: neighbouring pixels of one image (Step = 1), or one
// pixel of L images (Step = L). Step is what lies between a pixel's vector and the next pixel's.
// Whatever the tile, an output is summed in the same order.
#pragma once

#include "conv.h"

namespace inkgrad::cpu {

inline constexpr int kTileChannels = 5;
inline constexpr int kTilePixels = kManyRegisters ? 4 : 2;
inline constexpr int64_t kChain = 125;

// acc[O][P] += one tap; x: where its pixels lie.
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

// acc[O][P] = the taps of channels i .. end; returns where the next weights lie. Width: of the
// kernel, whose row is then one piece of code, or 0 for any.
template <typename T, int L, int O, int P, int Step, int Width>
inline const T* sum_taps(const ConvGeometry& g, const Image<T>& image, const T* const (&x)[P],
                         const T* w, int64_t i, int64_t end, Vec<T, L> (&acc)[O][P]) {
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

// sums[O][P] += the same. A function of its own, so that the sums of the chains before it do not
// compete for registers.
template <typename T, int L, int O, int P, int Step, int Width>
__attribute__((noinline)) const T* add_chain(const ConvGeometry& g, const Image<T>& image,
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

// Input channels whose taps are added one by one; these sums are added in order. Long chains of
// additions lose accuracy.
inline int64_t channels_of_chain(const ConvGeometry& g) {
  return larger(kChain / (g.kernel_height * g.kernel_width), 1);
}

// sums[O][P] = all taps. x[p]: where the p-th vector's window begins.
template <typename T, int L, int O, int P, int Step, int Width>
inline void sum_window(const ConvGeometry& g, int64_t channels_per_chain, const Image<T>& image,
                       const T* const (&x)[P], const T* w, Vec<T, L> (&sums)[O][P]) {
  if (g.in_channels <= channels_per_chain) {  // never leaves the registers
    sum_taps<T, L, O, P, Step, Width>(g, image, x, w, 0, g.in_channels, sums);
    return;
  }
  Vec<T, L> first[O][P];
  w = sum_taps<T, L, O, P, Step, Width>(g, image, x, w, 0, channels_per_chain, first);
  std::memcpy(&sums, &first, sizeof(sums));
  for (int64_t i = channels_per_chain; i < g.in_channels; i += channels_per_chain) {
    w = add_chain<T, L, O, P, Step, Width>(g, image, x, w, i,
                                           smaller(i + channels_per_chain, g.in_channels), sums);
  }
}

// Calls f with the width of the kernel where a row of it is one piece of code, or 0.
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

}  // namespace inkgrad::cpu
