// The gradients of the direct convolution with respect to its weight and bias.
//
//   dw[o, i, t] = sum over images, p of dy[o, p] x[i, p + t]
//
// A tile is several output channels x the taps of one kernel row, a vector of sums each, over all
// pixels of a block of images that fits the first-level cache; lanes are added once a block.
#include "conv.h"
#include "entries.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileTaps = 5;
// Registers for sums, and channels that share them with this many taps.
inline constexpr int kSums = kManyRegisters ? 24 : 10;
inline constexpr int kMostChannels = kManyRegisters ? 8 : 4;
inline constexpr int tile_channels(int taps) { return smaller(kSums / taps, kMostChannels); }

inline constexpr int64_t kBlockBytes = 32 * 1024;

// The vectors of a row one after the other, each of its elements once, with zero in the lanes that
// are left over. All by the same instructions, so that the loop has one body: with a second one for
// the row's end its sums would change registers between them, through memory.
template <typename T, int L, bool IsWhole>
class RowVector {
 public:
  RowVector(int64_t width, int64_t j) : at_(j), n_(smaller(width - j, L)) {
    if constexpr (!IsWhole && !kMasksLoads) {
      is_short_ = width < L;
      if (!is_short_) {  // the last one ends where the row ends, without what was counted
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
// image. Where dy's row has ended x is taken for zero too: an infinity that lies there times zero
// would be NaN.
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
    // One loop over all vectors: were there one over rows around another, the sums would be kept in
    // memory between the two.
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

// Images whose gradients and one input channel stay in the first-level cache together.
template <typename T>
inline int64_t images_per_block(const ConvGeometry& g) {
  const int64_t bytes =
      (tile_channels(kTileTaps) * g.out_height * g.out_width + padded_plane<T>(g)) *
      int64_t(sizeof(T));
  return larger(kBlockBytes / bytes, 1);
}

template <typename T>
void conv_backward_weight(const ConvGeometry& g, int64_t images, const T* grad_output,
                          const T* input, T* grad_weight, T* workspace) {
  with_lanes<T>(g.out_width, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const bool copies = g.out_width < L || g.pad_height != 0 || g.pad_width != 0;
    const int64_t in_image = g.in_channels * g.in_height * g.in_width,
                  plane = g.out_height * g.out_width;
    const int64_t taps = g.kernel_height * g.kernel_width, out_image = g.out_channels * plane;
    const int64_t most = images_per_block<T>(g);
    const Parts tap_blocks(g.kernel_width, kTileTaps);
    for (int64_t n0 = 0; n0 < images; n0 += most) {
      const int64_t count = images - n0 < most ? images - n0 : most;
      Image<T> image{};
      const int64_t x_image = copies ? g.in_channels * padded_plane<T>(g) : in_image;
      for (int64_t n = 0; n < count; ++n) {
        const auto one =
            padded_image<T, L>(g, input + (n0 + n) * in_image, copies, workspace + n * x_image);
        if (n == 0) image = one;
      }
      for (int64_t t = 0; t < tap_blocks.count; ++t) {
        const int64_t tap = tap_blocks.begin(t);
        with_constant<kTileTaps>(tap_blocks.begin(t + 1) - tap, [&](auto tap_count) {
          constexpr int K = decltype(tap_count)::value, most_channels = tile_channels(K);
          const Parts channel_blocks(g.out_channels, most_channels);
          for (int64_t b = 0; b < channel_blocks.count; ++b) {
            const int64_t o = channel_blocks.begin(b);
            with_constant<most_channels>(channel_blocks.begin(b + 1) - o, [&](auto channels) {
              constexpr int O = decltype(channels)::value;
              const auto tile = g.out_width % L == 0 ? weight_tile<T, L, O, K, true>
                                                     : weight_tile<T, L, O, K, false>;
              for (int64_t i = 0; i < g.in_channels; ++i) {
                for (int64_t r = 0; r < g.kernel_height; ++r) {
                  tile(g, count, grad_output + n0 * out_image + o * plane, out_image,
                       image.data + i * image.plane + r * g.dilation_height * image.pitch +
                           tap * g.dilation_width,
                       x_image, image.pitch,
                       grad_weight + (o * g.in_channels + i) * taps + r * g.kernel_width + tap,
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

// In double, several sums in turn, so that an addition need not wait for the one before.
template <typename T>
void conv_backward_bias(const ConvGeometry& g, int64_t images, const T* grad_output,
                        double* grad_bias) {
  constexpr int L = kLanes<double>, kSums = 4;
  const int64_t plane = g.out_height * g.out_width, channels = g.out_channels;
  for (int64_t n = 0; n < images; ++n) {
    for (int64_t o = 0; o < channels; ++o, grad_output += plane) {
      Vec<double, L> sums[kSums] = {};
      int64_t j = 0;
      for (; j + kSums * L <= plane; j += kSums * L) {
#pragma GCC unroll 4
        for (int s = 0; s < kSums; ++s)
          sums[s] += to_double<T, L>(load<L>(grad_output + j + s * L));
      }
      for (; j + L <= plane; j += L) sums[0] += to_double<T, L>(load<L>(grad_output + j));
      if (j < plane) sums[1] += to_double<T, L>(load_first<L>(grad_output + j, plane - j));
      grad_bias[o] += horizontal_sum<double, L>((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
  }
}

template <typename T>
int64_t backward_weight_workspace(const ConvGeometry& g) {
  return images_per_block<T>(g) * g.in_channels * padded_plane<T>(g);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv_backward_weight_workspace = backward_weight_workspace<T>;
  table.conv_backward_weight = conv_backward_weight<T>;
  table.conv_backward_bias = conv_backward_bias<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
