// The gradients of the direct convolution with respect to its weight and bias.
//
//   dw[o, i, t] = sum over images, p of dy[o, p] x[i, p + t]
//
// A tile is several output channels x the taps of one kernel row, a vector of sums each, over all
// pixels of a block of images that fits the L1 cache. Lanes are added once a block.
#include "../entries.h"
#include "direct.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileTaps = 5;
// Registers for sums, and the output channels of a tile of so many taps.
inline constexpr int kSums = kManyRegisters ? 24 : 10;
inline constexpr int kMaxTileChannels = kManyRegisters ? 8 : 4;
inline constexpr int tile_channels(int taps) { return smaller(kSums / taps, kMaxTileChannels); }

inline constexpr int64_t kBlockBytes = 32 * 1024;

// A vector of a row, each element of the row once, zero in the remaining lanes. The same
// instructions for all vectors: with a second loop body for the end of a row, the compiler moves
// the sums between registers through memory.
template <typename T, int L, bool IsWhole>
class RowVector {
 public:
  RowVector(int64_t width, int64_t j) : at_(j), n_(smaller(width - j, L)) {
    if constexpr (!IsWhole && !kMasksLoads) {
      is_short_ = width < L;
      if (!is_short_) {  // the last one ends with the row and skips elements already counted
        at_ = smaller(j, width - L);
        counts_ = ~first_lanes<T, L>(j - at_);
      }
    }
  }
  Vec<T, L> of(const T* row) const {
    if constexpr (IsWhole) return load<L>(row + at_);
    if (kMasksLoads || is_short_) return load_first<L>(row + at_, n_);
    return Vec<T, L>(Mask<T, L>(load<L>(row + at_)) & counts_);
  }

 private:
  int64_t at_, n_;
  Mask<T, L> counts_{};
  bool is_short_ = false;
};

// dw of O channels x K taps of one kernel row, over a block of images. dy, x: the block's first
// image. Past the end of dy's row x is zero as well, because an infinity there times zero is NaN.
template <typename T, int L, int O, int K, bool IsWhole>
void weight_tile(const ConvGeometry& g, int64_t images, const T* dy, int64_t dy_image, const T* x,
                 int64_t x_image, int64_t x_pitch, T* dw, int64_t dw_channel) {
  const int64_t plane = g.out_height * g.out_width, width = g.out_width,
                steps = g.out_height * divide_up(width, L), dilation = g.dilation_width;
  Vec<T, L> acc[O][K];
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) acc[o][k] = Vec<T, L>{};
  }
  for (int64_t n = 0; n < images; ++n, dy += dy_image, x += x_image) {
    const T *dy_row = dy, *x_row = x;
    int64_t j = 0;
    // One loop over all vectors: with nested loops the compiler keeps the sums in memory.
    for (int64_t step = 0; step < steps; ++step) {
      const RowVector<T, L, IsWhole> at(width, j);
      Vec<T, L> v[O];
#pragma GCC unroll 8
      for (int o = 0; o < O; ++o) v[o] = at.of(dy_row + o * plane);
#pragma GCC unroll 8
      for (int k = 0; k < K; ++k) {
        const Vec<T, L> u = at.of(x_row + k * dilation);
#pragma GCC unroll 8
        for (int o = 0; o < O; ++o) acc[o][k] += v[o] * u;
      }
      const bool ends = j + L >= width;
      j = ends ? 0 : j + L;
      dy_row += ends ? width : 0;
      x_row += ends ? x_pitch : 0;
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int k = 0; k < K; ++k) dw[o * dw_channel + k] += horizontal_sum<T, L>(acc[o][k]);
  }
}

// Images in a block: their gradients and one input channel fit the L1 cache together.
template <typename T>
inline int64_t images_per_block(const ConvGeometry& g) {
  const int64_t bytes =
      (tile_channels(kTileTaps) * g.out_height * g.out_width + padded_plane<T>(g)) *
      int64_t(sizeof(T));
  return larger(kBlockBytes / bytes, 1);
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry&) {
  return {images_per_block<T>(g) * g.in_channels * padded_plane<T>(g),
          g.out_channels * g.in_channels * g.kernel_height * g.kernel_width};
}

template <typename T>
void backward(const ConvGradWeightParams<T>& params) {
  const ConvGeometry& g = params.conv;
  with_lanes<T>(g.out_width, kLongCostOfGradient, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const bool copies = g.out_width < L || g.pad_height != 0 || g.pad_width != 0;
    const int64_t in_image = g.in_channels * g.in_height * g.in_width,
                  plane = g.out_height * g.out_width;
    const int64_t taps = g.kernel_height * g.kernel_width, out_image = g.out_channels * plane;
    const int64_t block = images_per_block<T>(g);
    const Parts tap_blocks(g.kernel_width, kTileTaps);
    for (int64_t n0 = 0; n0 < params.images; n0 += block) {
      const int64_t count = smaller(params.images - n0, block);
      Image<T> image{};
      const int64_t x_image = copies ? g.in_channels * padded_plane<T>(g) : in_image;
      for (int64_t n = 0; n < count; ++n) {
        const auto one = padded_image<T, L>(g, params.input + (n0 + n) * in_image, copies,
                                            params.workspace + n * x_image);
        if (n == 0) image = one;
      }
      for (int64_t t = 0; t < tap_blocks.count; ++t) {
        const int64_t tap = tap_blocks.begin(t);
        with_constant<kTileTaps>(tap_blocks.begin(t + 1) - tap, [&](auto tap_count) {
          constexpr int K = decltype(tap_count)::value, max_channels = tile_channels(K);
          const Parts channel_blocks(g.out_channels, max_channels);
          for (int64_t b = 0; b < channel_blocks.count; ++b) {
            const int64_t o = channel_blocks.begin(b);
            with_constant<max_channels>(channel_blocks.begin(b + 1) - o, [&](auto channels) {
              constexpr int O = decltype(channels)::value;
              const auto tile = g.out_width % L == 0 ? weight_tile<T, L, O, K, true>
                                                     : weight_tile<T, L, O, K, false>;
              for (int64_t i = 0; i < g.in_channels; ++i) {
                for (int64_t r = 0; r < g.kernel_height; ++r) {
                  tile(g, count, params.grad + n0 * out_image + o * plane, out_image,
                       image.data + i * image.plane + r * g.dilation_height * image.pitch +
                           tap * g.dilation_width,
                       x_image, image.pitch,
                       params.sums + (o * g.in_channels + i) * taps + r * g.kernel_width + tap,
                       g.in_channels * taps);
                }
              }
            });
          }
        });
      }
    }
  });
}

// In double, with several independent sums, so that additions need not wait for each other.
template <typename T>
void grad_bias(const T* grad, int64_t images, int64_t channels, int64_t plane, double* db) {
  constexpr int L = kLanes<double>, kSums = 4;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t o = 0; o < channels; ++o, grad += plane) {
      Vec<double, L> sums[kSums] = {};
      int64_t j = 0;
      for (; j + kSums * L <= plane; j += kSums * L) {
#pragma GCC unroll 4
        for (int s = 0; s < kSums; ++s) sums[s] += to_double<T, L>(load<L>(grad + j + s * L));
      }
      for (; j + L <= plane; j += L) sums[0] += to_double<T, L>(load<L>(grad + j));
      if (j < plane) sums[1] += to_double<T, L>(load_first<L>(grad + j, plane - j));
      db[o] += horizontal_sum<double, L>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
  }
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.direct_grad_weight = {memory<T>, backward<T>, nullptr};
  table.conv.grad_bias = grad_bias<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
