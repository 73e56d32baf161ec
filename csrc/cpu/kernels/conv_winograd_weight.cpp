// The gradient of the convolution by Winograd's filtering with respect to its weight: the same
// scheme backwards.
//
//   ds[sum][out channel]              = the gradients of a window's outputs, taken apart
//   du[product][out channel][channel] = sum over windows and images of ds and of the patches' v
//   dw                                = what the taps get of du
//
// A tile is kTile output channels x kTile channels of one product, a vector of sums each, over the
// windows of a block; its lanes, one for each image, are added behind it.
#include "conv_winograd.h"
#include "entries.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTile = kManyRegisters ? 5 : 3;
// Bands of images, and the blocks of what is made of them, stay in the second-level cache.
inline constexpr int64_t kBandBytes = 256 * 1024, kBlockBytes = 640 * 1024;
// Adding the lanes of all sums has to be worth the windows between.
inline constexpr int64_t kFewestWindows = 12, kMostWindows = 64;
inline constexpr int64_t kFewestChannels = 6;

bool winograd_weight_takes(const ConvGeometry& g) {
  const int64_t windows = window_rows(g, {}) * window_columns(g, {});
  return has_filter(g) && smaller(g.in_channels, g.out_channels) >= kFewestChannels &&
         windows >= kFewestWindows && saves_a_third(g, windows, g.out_height * g.out_width);
}

// Into how many parts of rows an image may be cut for threads.
int64_t winograd_weight_parts(const ConvGeometry& g) {
  return smaller(window_rows(g, {}), window_rows(g, {}) * window_columns(g, {}) / kFewestWindows);
}

// For each output channel.
int64_t winograd_weight_sums(const ConvGeometry& g) {
  return g.in_channels * products_of_kernel(g);
}

// Bands of window rows, and blocks of windows of a band.
template <typename T, int L>
struct Blocks {
  int64_t columns, band_rows, windows;
  Image<T> input, grad;  // what a band is of each

  Blocks(const ConvGeometry& g, T* memory) : columns(window_columns(g, {})) {
    const int64_t lane_bytes = L * int64_t(sizeof(T)), kept = g.kernel_height - 1;
    const int64_t input_row = (2 * columns + kept) * L, grad_row = 2 * columns * L;
    const int64_t row_bytes =
        (g.in_channels * input_row + g.out_channels * grad_row) * int64_t(sizeof(T));
    band_rows = larger(smaller((kBandBytes / row_bytes - kept) / 2, window_rows(g, {})), 1);
    const int64_t window_bytes =
        (products_of_kernel(g) * g.in_channels + kSums * kSums * g.out_channels) * lane_bytes;
    windows = smaller(larger(kBlockBytes / window_bytes, kFewestWindows), kMostWindows);
    windows = smaller(windows, band_rows * columns);
    input = {memory, input_row, (2 * band_rows + kept) * input_row};
    grad = {memory + g.in_channels * input.plane, grad_row, 2 * band_rows * grad_row};
  }
  int64_t bands_size(const ConvGeometry& g) const {
    return g.in_channels * input.plane + g.out_channels * grad.plane;
  }
};

template <typename T>
int64_t winograd_weight_workspace(const ConvGeometry& g) {
  const auto size = [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const Blocks<T, L> blocks(g, nullptr);
    return blocks.bands_size(g) +
           blocks.windows * L *
               (products_of_kernel(g) * g.in_channels + kSums * kSums * g.out_channels);
  };
  constexpr int L = kLanes<T>;
  return larger(with_image_lanes<T>(1, size), with_image_lanes<T>(L, size));
}

// a's sums of lanes D apart in the lanes without the bit D, b's in those with it.
template <typename T, int L, int D, int... I>
inline Vec<T, L> add_lanes(Vec<T, L> a, Vec<T, L> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I & D ? L + (I ^ D) : I)...) +
         __builtin_shufflevector(a, b, (I & D ? L + I : I ^ D)...);
}
// Lane n of the result: the sum of all lanes of v[n].
template <typename T, int L, int D = 1>
inline Vec<T, L> sums_of_lanes(Vec<T, L> (&v)[L]) {
  if constexpr (D == L) {
    return v[0];
  } else {
#pragma GCC unroll 16
    for (int n = 0; n < L; n += 2 * D)
      v[n] = add_lanes<T, L, D>(v[n], v[n + D], std::make_integer_sequence<int, L>{});
    return sums_of_lanes<T, L, 2 * D>(v);
  }
}

// du[O][P] += the sums over so many windows of ds, whose channels are `pitch` apart, and v.
template <typename T, int L, int O, int P>
void add_windows(int64_t windows, const T* ds, const T* v, int64_t pitch, T* du) {
  constexpr int N = O * P;
  Vec<T, L> acc[N];
#pragma GCC unroll 32
  for (int n = 0; n < N; ++n) acc[n] = Vec<T, L>{};
  for (int64_t w = 0; w < windows; ++w, ds += L, v += L) {
    Vec<T, L> x[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) x[p] = load<L>(v + p * pitch);
#pragma GCC unroll 8
    for (int o = 0; o < O; ++o) {
      const Vec<T, L> y = load<L>(ds + o * pitch);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) acc[o * P + p] += y * x[p];
    }
  }
#pragma GCC unroll 32
  for (int first = 0; first < N; first += L) {
    const int count = smaller(N - first, L);
    Vec<T, L> some[L];
#pragma GCC unroll 16
    for (int n = 0; n < L; ++n) some[n] = n < count ? acc[n < count ? first + n : 0] : Vec<T, L>{};
    const Vec<T, L> sums = sums_of_lanes<T, L>(some);
    if (count == L) {
      store<L>(du + first, load<L>(du + first) + sums);
    } else {
      store_first<L>(du + first, load_first<L>(du + first, count) + sums, count);
    }
  }
}

// du += a block's part, [product][tile of output channels][tile of channels][output channel]
// [channel], from ds [sum][output channel][window] and v [product][channel][window].
template <typename T, int L, int Taps>
void add_block(int64_t out_channels, int64_t in_channels, int64_t windows, const T* ds, const T* v,
               T* du) {
  const int64_t pitch = windows * L;
  const Parts outs(out_channels, kTile), ins(in_channels, kTile);
  for (int sum = 0; sum < kSums * kSums; ++sum, ds += out_channels * pitch) {
    for (int k = 0; k < products_of<Taps>(sum / kSums, sum % kSums); ++k) {
      for (int64_t tile = 0; tile < outs.count; ++tile) {
        const int64_t o = outs.begin(tile);
        with_constant<kTile>(outs.begin(tile + 1) - o, [&](auto height) {
          constexpr int O = decltype(height)::value;
          for (int64_t part = 0; part < ins.count; ++part) {
            const int64_t i = ins.begin(part);
            with_constant<kTile>(ins.begin(part + 1) - i, [&](auto width) {
              constexpr int P = decltype(width)::value;
              add_windows<T, L, O, P>(windows, ds + o * pitch, v + i * pitch, pitch, du);
              du += O * P;
            });
          }
        });
      }
      v += in_channels * pitch;
    }
  }
}

// ds of one window, whose gradients begin at `corner`: [sum][output channel], a channel so many
// elements from the next.
template <typename T, int L>
void take_window_apart(int64_t channels, const Image<T>& band, const T* corner, T* ds,
                       int64_t channel) {
  for (int64_t o = 0; o < channels; ++o, corner += band.plane, ds += channel) {
    Vec<T, L> rows[2][kSums];
#pragma GCC unroll 2
    for (int r = 0; r < 2; ++r) {
      const T* const row = corner + r * band.pitch;
      take_apart(load<L>(row), load<L>(row + L), rows[r]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kSums; ++j) {
      Vec<T, L> column[kSums];
      take_apart(rows[0][j], rows[1][j], column);
#pragma GCC unroll 4
      for (int i = 0; i < kSums; ++i)
        store<L>(ds + (i * kSums + j) * channels * channel, column[i]);
    }
  }
}

// Channels of the convolution's output as an image of its own.
ConvGeometry output_of(const ConvGeometry& g, int64_t channels) {
  ConvGeometry output{};
  output.in_channels = channels;
  output.in_height = g.out_height;
  output.in_width = g.out_width;
  return output;
}

template <typename T, int L, int Taps>
void backward_weight(const ConvGeometry& g, ChannelRange outs, int64_t first_row, int64_t rows,
                     int64_t images, const T* grad_output, const T* input, T* sums, T* workspace) {
  // Of all channels, for sums must not depend on the range.
  const Blocks<T, L> blocks(g, workspace);
  const ConvGeometry output = output_of(g, outs.count);
  const int64_t in_image = g.in_channels * g.in_height * g.in_width,
                plane = g.out_height * g.out_width, out_image = g.out_channels * plane;
  grad_output += outs.first * plane;
  T* const v = workspace + blocks.bands_size(g);
  std::memset(workspace, 0, blocks.bands_size(g) * sizeof(T));
  for (int64_t row = first_row; row < first_row + rows; row += blocks.band_rows) {
    const int64_t band_rows = smaller(blocks.band_rows, first_row + rows - row);
    fill_rows<T, L>(g, images, input, in_image, 2 * row, 0, 2 * band_rows + Taps - 1, blocks.input);
    fill_rows<T, L>(output, images, grad_output, out_image, 2 * row, 0, 2 * band_rows, blocks.grad);
    const Parts parts(band_rows * blocks.columns, blocks.windows);
    for (int64_t part = 0; part < parts.count; ++part) {
      const int64_t first = parts.begin(part), windows = parts.begin(part + 1) - first;
      T* const ds = v + kProducts<Taps> * g.in_channels * windows * L;
      for (int64_t w = 0; w < windows; ++w) {
        const int64_t i = (first + w) / blocks.columns, j = (first + w) % blocks.columns;
        const auto corner_of = [&](const Image<T>& band) {
          return band.data + 2 * i * band.pitch + 2 * j * L;
        };
        transform_patches<T, L, Taps, 1>(g.in_channels, blocks.input, corner_of(blocks.input),
                                         v + w * L, windows * L, g.in_channels * windows * L);
        take_window_apart<T, L>(outs.count, blocks.grad, corner_of(blocks.grad), ds + w * L,
                                windows * L);
      }
      add_block<T, L, Taps>(outs.count, g.in_channels, windows, ds, v, sums);
    }
  }
}

template <typename T>
void winograd_backward_weight(const ConvGeometry& g, ChannelRange outs, int64_t first_row,
                              int64_t rows, int64_t images, const T* grad_output, const T* input,
                              T* sums, T* workspace) {
  with_image_lanes<T>(images, [&](auto lanes) {
    with_taps(g, [&](auto taps) {
      backward_weight<T, decltype(lanes)::value, decltype(taps)::value>(
          g, outs, first_row, rows, images, grad_output, input, sums, workspace);
    });
  });
}

// The weight's gradient from the sums, as add_block left them: some filters of a tile at a time, a
// lane each.
template <typename T>
void winograd_unpack_weight(const ConvGeometry& g, ChannelRange range, const T* sums,
                            T* grad_weight) {
  constexpr int L = 8;
  using V = Vec<double, L>;
  with_taps(g, [&](auto width) {
    constexpr int Taps = decltype(width)::value, N = Filter<Taps>::products;
    const Parts outs(range.count, kTile), ins(g.in_channels, kTile);
    const int64_t product = range.count * g.in_channels;
    for (int64_t tile = 0; tile < outs.count; ++tile) {
      const int64_t begin = outs.begin(tile), O = outs.begin(tile + 1) - begin;
      for (int64_t part = 0; part < ins.count; ++part) {
        const int64_t in = ins.begin(part), P = ins.begin(part + 1) - in;
        for (int64_t first = 0; first < O * P; first += L) {
          const int64_t count = smaller(O * P - first, L);
          V rows[N][Taps], taps[Taps][Taps];
          for (int a = 0; a < N; ++a) {
            V products[N];
            for (int b = 0; b < N; ++b) {
              const T* const from = sums + first + product_place<Taps>(a, b) * product;
              products[b] =
                  to_double<T, L>(count == L ? load<L>(from) : load_first<L>(from, count));
            }
            taps_of_products<Taps>(products, rows[a]);
          }
          for (int c = 0; c < Taps; ++c) {
            V column[N];
            for (int a = 0; a < N; ++a) column[a] = rows[a][c];
            taps_of_products<Taps>(column, taps[c]);
          }
          for (int64_t n = 0; n < count; ++n) {
            const int64_t o = range.first + begin + (first + n) / P, i = in + (first + n) % P;
            T* const to = grad_weight + (o * g.in_channels + i) * Taps * Taps;
            for (int t = 0; t < Taps * Taps; ++t) to[t] = T(taps[t % Taps][t / Taps][n]);
          }
        }
        sums += O * P;
      }
    }
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.winograd_weight_takes = winograd_weight_takes;
  table.winograd_weight_parts = winograd_weight_parts;
  table.winograd_weight_sums = winograd_weight_sums;
  table.winograd_weight_workspace = winograd_weight_workspace<T>;
  table.winograd_backward_weight = winograd_backward_weight<T>;
  table.winograd_unpack_weight = winograd_unpack_weight<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
