// The weight gradient of the Winograd convolution: the transposes of its transforms.
//
//   ds[sum][out channel]              = the gradients of a window's outputs, transformed
//   du[product][out channel][channel] = sum over windows and images of ds times the patches' v
//   dw                                = du transformed
//
// A tile is kTile output channels x kTile channels of one product, a vector of sums each, over the
// windows of a block. Lanes, one for each image, are added after a block.
#include "../entries.h"
#include "winograd_bands.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTile = kManyRegisters ? 5 : 3;
// Bands of images, and the blocks of their ds and v, stay in the L2 cache.
inline constexpr int64_t kBandBytes = 256 * 1024, kBlockBytes = 640 * 1024;
inline constexpr int64_t kMaxWindows = 64;

// Bands of rows of windows, and blocks of windows of a band.
template <typename T, int L>
struct Blocks {
  int64_t columns, band_rows, windows;
  Image<T> input, grad;  // the band of each

  Blocks(const ConvGeometry& g, T* memory) : columns(window_columns(g, {})) {
    const int64_t lane_bytes = L * int64_t(sizeof(T)), kept = g.kernel_height - 1;
    const int64_t input_row = (2 * columns + kept) * L, grad_row = 2 * columns * L;
    const int64_t row_bytes =
        (g.in_channels * input_row + g.out_channels * grad_row) * int64_t(sizeof(T));
    band_rows = larger(smaller((kBandBytes / row_bytes - kept) / 2, window_rows(g, {})), 1);
    const int64_t window_bytes =
        (products_of_kernel(g) * g.in_channels + kSums * kSums * g.out_channels) * lane_bytes;
    windows = smaller(larger(kBlockBytes / window_bytes, kMinWindows), kMaxWindows);
    windows = smaller(windows, band_rows * columns);
    input = {memory, input_row, (2 * band_rows + kept) * input_row};
    grad = {memory + g.in_channels * input.plane, grad_row, 2 * band_rows * grad_row};
  }
  int64_t bands_size(const ConvGeometry& g) const {
    return g.in_channels * input.plane + g.out_channels * grad.plane;
  }
};

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry&) {
  const auto workspace = [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const Blocks<T, L> blocks(g, nullptr);
    return blocks.bands_size(g) +
           blocks.windows * L *
               (products_of_kernel(g) * g.in_channels + kSums * kSums * g.out_channels);
  };
  constexpr int L = kLanes<T>;
  return {larger(with_image_lanes<T>(1, workspace), with_image_lanes<T>(L, workspace)),
          g.out_channels * g.in_channels * products_of_kernel(g)};
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

// du += a block's part, as [product][tile of output channels][tile of channels][output channel]
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

// ds of the window whose gradients begin at `corner`, [sum][output channel]; channels are `channel`
// elements apart.
template <typename T, int L>
void transform_window_gradients(int64_t channels, const Image<T>& band, const T* corner, T* ds,
                                int64_t channel) {
  for (int64_t o = 0; o < channels; ++o, corner += band.plane, ds += channel) {
    Vec<T, L> rows[2][kSums];
#pragma GCC unroll 2
    for (int r = 0; r < 2; ++r) {
      const T* const row = corner + r * band.pitch;
      transform_gradients(load<L>(row), load<L>(row + L), rows[r]);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kSums; ++j) {
      Vec<T, L> column[kSums];
      transform_gradients(rows[0][j], rows[1][j], column);
#pragma GCC unroll 4
      for (int i = 0; i < kSums; ++i)
        store<L>(ds + (i * kSums + j) * channels * channel, column[i]);
    }
  }
}

// `channels` channels of the output as the input image of a band.
ConvGeometry output_of(const ConvGeometry& g, int64_t channels) {
  ConvGeometry output{};
  output.in_channels = channels;
  output.in_height = g.out_height;
  output.in_width = g.out_width;
  return output;
}

template <typename T, int L, int Taps>
void backward_rows(const ConvGradWeightParams<T>& params, ChannelRange outs, RowRange range) {
  const ConvGeometry& g = params.conv;
  // By all channels: the order of a sum must not depend on the range.
  const Blocks<T, L> blocks(g, params.workspace);
  const ConvGeometry output = output_of(g, outs.count);
  const int64_t in_image = g.in_channels * g.in_height * g.in_width,
                plane = g.out_height * g.out_width, out_image = g.out_channels * plane;
  const T* const grad = params.grad + outs.first * plane;
  const int64_t end = range.first + range.count;
  T* const v = params.workspace + blocks.bands_size(g);
  std::memset(params.workspace, 0, blocks.bands_size(g) * sizeof(T));
  for (int64_t row = range.first; row < end; row += blocks.band_rows) {
    const int64_t band_rows = smaller(blocks.band_rows, end - row);
    fill_rows<T, L>(g, params.images, params.input, in_image, 2 * row, 0, 2 * band_rows + Taps - 1,
                    blocks.input);
    fill_rows<T, L>(output, params.images, grad, out_image, 2 * row, 0, 2 * band_rows, blocks.grad);
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
        transform_window_gradients<T, L>(outs.count, blocks.grad, corner_of(blocks.grad),
                                         ds + w * L, windows * L);
      }
      add_block<T, L, Taps>(outs.count, g.in_channels, windows, ds, v, params.sums);
    }
  }
}

template <typename T>
void backward(const ConvGradWeightParams<T>& params, ChannelRange outs, RowRange rows) {
  with_image_lanes<T>(params.images, [&](auto lanes) {
    with_taps(params.conv, [&](auto taps) {
      backward_rows<T, decltype(lanes)::value, decltype(taps)::value>(params, outs, rows);
    });
  });
}

// The weight's gradient from sums in the order of add_block: filters of a tile in lanes.
template <typename T>
void unpack(const ConvGeometry& g, ChannelRange range, const T* sums, T* grad_weight) {
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
              const T* const from = sums + first + product_index<Taps>(a, b) * product;
              products[b] =
                  to_double<T, L>(count == L ? load<L>(from) : load_first<L>(from, count));
            }
            taps_gradient<Taps>(products, rows[a]);
          }
          for (int c = 0; c < Taps; ++c) {
            V column[N];
            for (int a = 0; a < N; ++a) column[a] = rows[a][c];
            taps_gradient<Taps>(column, taps[c]);
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
  table.conv.winograd_grad_weight = {memory<T>, backward<T>, unpack<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
