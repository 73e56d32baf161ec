// Gradients of a convolution under a max pool, straight from the pooled gradient. Each of its
// elements touches one pixel of the convolution's output, so there is one product for each window
// instead of one for each pixel, a quarter with 2 x 2 windows, and none where the relu's gradient
// is zero.
//
// Images are channels last, [row][column][channel], so that a kernel row of a patch is contiguous:
// KH x (run / L) vectors of a register tile, for which a nonzero element costs one load and one
// multiply-add a vector.
//
// Elements that are zero are skipped: the other operand has to be finite.
#pragma once

#include "../transpose.h"
#include "direct.h"

namespace inkgrad::cpu {

inline constexpr int kAccumulators = kManyRegisters ? 28 : 14;
inline constexpr int kMaxRows = 7, kMaxVectors = 7;
// Copies of several images share the L1 cache, so that sums seldom leave the registers.
inline constexpr int64_t kImageBytes = 20 * 1024;

// The layout of an image channels last.
template <typename T>
struct Patches {
  int64_t channels;  // between columns
  int64_t pitch;     // between rows
  int64_t image;     // between images
  int64_t run;       // elements of a patch's row

  explicit Patches(const ConvGeometry& g)
      : channels(spaced_channels(g.in_channels)),
        pitch((g.in_width + 2 * g.pad_width) * channels),
        image((g.in_height + 2 * g.pad_height) * pitch),
        run((g.kernel_width - 1) * g.dilation_width * channels + g.in_channels) {}

  // Few channels are packed. More are padded to vectors: loads across two cache lines cost double.
  static bool is_packed(int64_t channels) { return channels <= 4; }
  // Where a long vector takes two cycles, a short one replaces it if half of it would be empty.
  static bool is_half(int64_t channels) {
    constexpr int L = kLanes<T>;
    return kVectorBytes == 64 && (channels - 1) % L < L / 2;
  }
  static int64_t spaced_channels(int64_t channels) {
    if (is_packed(channels)) return channels;
    const int64_t lanes = is_half(channels) ? kLanes<T> / 2 : kLanes<T>;
    return divide_up(channels, lanes) * lanes;
  }
  // The run padded to whole vectors.
  int64_t padded_run() const { return divide_up(run, kLanes<T>) * kLanes<T>; }
  // Elements of so many images, with room to read whole vectors.
  int64_t copies_size(int64_t images) const {
    return divide_up(images * image, kLanes<T>) * kLanes<T> + padded_run();
  }
  int64_t images_per_block() const { return larger(kImageBytes / (image * int64_t(sizeof(T))), 1); }
};

// Calls f with the number of lanes for patches.
template <typename T, typename F>
inline void with_patch_lanes(const ConvGeometry& g, const Patches<T>& patches, F f) {
  if (patches.is_packed(g.in_channels)) {
    with_lanes<T>(patches.run, kLongCostOfGradient, f);
  } else if (patches.is_half(g.in_channels)) {
    f(std::integral_constant<int, kLanes<T> / 2>{});
  } else {
    f(std::integral_constant<int, kLanes<T>>{});
  }
}

// Calls f(index, packed index) for all weights [OC, IC, KH, KW], packed as [OC][KH][padded run].
template <typename T, typename F>
inline void for_each_weight(const ConvGeometry& g, F f) {
  const Patches<T> patches(g);
  const int64_t row = patches.padded_run(), column = g.dilation_width * patches.channels;
  int64_t index = 0;
  for (int64_t o = 0; o < g.out_channels; ++o) {
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t r = 0; r < g.kernel_height; ++r) {
        for (int64_t c = 0; c < g.kernel_width; ++c, ++index)
          f(index, (o * g.kernel_height + r) * row + c * column + i);
      }
    }
  }
}

// Elements of the packed weights.
template <typename T>
inline int64_t packed_weights_size(const ConvGeometry& g) {
  return g.out_channels * g.kernel_height * Patches<T>(g).padded_run();
}

// Calls f(first row, rows, first vector, vectors) for the register tiles of a patch; the numbers of
// rows and vectors are constants.
template <typename F>
inline void for_each_tile(int64_t rows, int64_t vectors, F f) {
  const Parts columns(vectors, kMaxVectors);
  for (int64_t b = 0; b < columns.count; ++b) {
    const int64_t v = columns.begin(b);
    with_constant<kMaxVectors>(columns.begin(b + 1) - v, [&](auto width) {
      constexpr int fit = kAccumulators / decltype(width)::value;
      constexpr int max_rows = fit < kMaxRows ? fit : kMaxRows;
      const Parts blocks(rows, max_rows);
      for (int64_t a = 0; a < blocks.count; ++a) {
        const int64_t r = blocks.begin(a);
        with_constant<max_rows>(blocks.begin(a + 1) - r,
                                [&](auto height) { f(r, height, v, width); });
      }
    });
  }
}

// Elements of T for a list of so many values and offsets and a table of so many windows, with room
// to write whole vectors.
template <typename T>
inline int64_t list_size(int64_t values, int64_t windows) {
  const int64_t bytes = (values + 16) * int64_t(sizeof(int32_t) + sizeof(T)) +
                        (windows + 16) * int64_t(sizeof(int32_t));
  return divide_up(bytes, 64) * 64 / int64_t(sizeof(T));
}

}  // namespace inkgrad::cpu
