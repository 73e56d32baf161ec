// The Winograd convolution (winograd.h) with the batch in lanes (lanes.h): kernels of 3 x 3 or 5 x
// 5, alone or with a pool over 2 x 2 windows.
//
// A patch holds the inputs of a window of 2 x 2 outputs. kTileWindows windows of a row are computed
// at a time:
//
//   v[product][channel]    = the patches' inputs of the products
//   sums[sum][out channel] = products of v and of the filters' u, over products and channels
//   y                      = four outputs of each channel from their sums
//
// NaN may stand for infinity in a result, so images with a result that is not finite are reported.
#include "../entries.h"
#include "pool.h"
#include "winograd_bands.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileChannels = 5;  // transform_filters lists its elements
inline constexpr int kTileWindows = kManyRegisters ? 4 : 2;
// Input channels of an accumulation block.
template <int Taps>
inline constexpr int64_t kAccumulatedChannels = Taps == 3 ? 16 : 12;
// Rows that are interleaved at a time stay in the L2 cache.
inline constexpr int64_t kBandBytes = 256 * 1024;
// So do the products' inputs of a tile: 16x512x7->512 k3 took 41 ms with tiles of 4 windows (2 MB),
// 29 with tiles of 2.
inline constexpr int64_t kMaxPatchBytes = 1024 * 1024;

// ---- filters

// u of the filters of O output channels for one input channel, [product][filter], the products
// u_step apart. In double, rounded once: it costs little, once a call.
template <typename T, int Taps, int O>
void transform_filters(const T* weight, int64_t out_step, bool flipped, T* u, int64_t u_step) {
  constexpr int L = 8, N = Filter<Taps>::products;
  Vec<double, L> taps[Taps][Taps], rows[Taps][N];
#pragma GCC unroll 8
  for (int r = 0; r < Taps; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < Taps; ++c) {
      const int t = r * Taps + c, from = flipped ? Taps * Taps - 1 - t : t;
      // Assigning elements of a vector one by one would be stores and a load that waits for them.
      const auto tap = [&](int o) { return o < O ? double(weight[o * out_step + from]) : 0.0; };
      taps[r][c] = Vec<double, L>{tap(0), tap(1), tap(2), tap(3), tap(4)};
    }
    transform_taps<Taps>(taps[r], rows[r]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    Vec<double, L> column[Taps], products[N];
#pragma GCC unroll 8
    for (int r = 0; r < Taps; ++r) column[r] = rows[r][j];
    transform_taps<Taps>(column, products);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) {
      store_first<L>(u + product_index<Taps>(i, j) * u_step,
                     __builtin_convertvector(products[i], Vec<T, L>), O);
    }
  }
}

// [tile of output channels][block][product][channel of the block][output channel]
template <typename T>
void pack(const ConvGeometry& g, Filters<T> filters, int64_t first_tile, int64_t tiles, T* packed) {
  with_taps(g, [&](auto width) {
    constexpr int Taps = decltype(width)::value;
    const Parts parts(g.out_channels, kTileChannels),
        blocks(g.in_channels, kAccumulatedChannels<Taps>);
    for (int64_t tile = first_tile; tile < first_tile + tiles; ++tile) {
      const int64_t first = parts.begin(tile);
      T* to = packed + first * g.in_channels * kProducts<Taps>;
      with_constant<kTileChannels>(parts.begin(tile + 1) - first, [&](auto channels) {
        constexpr int O = decltype(channels)::value;
        for (int64_t block = 0; block < blocks.count; ++block) {
          const int64_t begin = blocks.begin(block), end = blocks.begin(block + 1);
          for (int64_t i = begin; i < end; ++i) {
            transform_filters<T, Taps, O>(
                filters.data + first * filters.out_step + i * filters.in_step, filters.out_step,
                filters.flipped, to + (i - begin) * O, (end - begin) * O);
          }
          to += (end - begin) * O * kProducts<Taps>;
        }
      });
    }
  });
}

// ---- images

// `rows` x `columns` windows of an image, in bands of band_rows rows.
struct Windows {
  int64_t rows, columns, width, band_rows;

  int64_t height(int64_t taps) const { return 2 * band_rows + taps - 1; }
};

template <typename T>
Windows windows_of(const ConvGeometry& g, const PoolGeometry& p) {
  Windows w{};
  w.rows = window_rows(g, p);
  w.columns = window_columns(g, p);
  w.width = 2 * w.columns + g.kernel_width - 1;
  const int64_t row = g.in_channels * w.width * kVectorBytes;
  w.band_rows = larger(smaller((kBandBytes / row - g.kernel_height + 1) / 2, w.rows), 1);
  return w;
}

// Elements of a window of one output channel: 2 x 2 outputs, or a maximum and its index.
inline int64_t results_of(const PoolGeometry& p) { return p.window_height > 0 ? 2 : 4; }

// Elements of a band's results, the last part of the workspace.
template <typename T>
int64_t results_size(const ConvGeometry& g, const PoolGeometry& p) {
  const Windows w = windows_of<T>(g, p);
  return kLanes<T> * g.out_channels * w.band_rows * w.columns * results_of(p);
}

template <typename T>
int64_t band_size(const ConvGeometry& g, const PoolGeometry& p) {
  const Windows w = windows_of<T>(g, p);
  return kLanes<T> * (g.in_channels * (w.height(g.kernel_height) * w.width +
                                       products_of_kernel(g) * kTileWindows) +
                      kSums * kSums * kTileChannels * kTileWindows);
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  return {band_size<T>(g, p) + results_size<T>(g, p),
          g.out_channels * g.in_channels * products_of_kernel(g)};
}

// ---- tiles

// sums[O][P] = (or, if Adds, +=) the first k products of u and v.
template <typename T, int L, int O, int P, bool Adds>
inline void add_products(int64_t k, const T* u, const T* v, T* sums) {
  Vec<T, L> acc[O][P];
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) acc[o][p] = Vec<T, L>{};
  }
  for (; k > 0; --k, u += O, v += P * L) {
    Vec<T, L> x[P];
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) x[p] = load<L>(v + p * L);
#pragma GCC unroll 8
    for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) acc[o][p] += u[o] * x[p];
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < O; ++o) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      T* const to = sums + (o * P + p) * L;
      store<L>(to, Adds ? load<L>(to) + acc[o][p] : acc[o][p]);
    }
  }
}

// The part of one block of channels in all sums, [sum row][sum column][O][P].
template <typename T, int L, int Taps, int O, int P, bool Adds>
void add_channels(int64_t channels, const T* u, const T* v, T* sums) {
#pragma GCC unroll 4
  for (int row = 0; row < kSums; ++row) {
#pragma GCC unroll 4
    for (int column = 0; column < kSums; ++column) {
      const int64_t k = products_of<Taps>(row, column) * channels;
      add_products<T, L, O, P, Adds>(k, u, v, sums);
      u += k * O;
      v += k * P * L;
      sums += O * P * L;
    }
  }
}

// Calls put(output channel, window, y) for all channels of `count` windows of a row, whose first
// patch begins at `corner`.
template <typename T, int L, int Taps, typename Put>
void window_tile(const ConvGeometry& g, const Image<T>& band, const T* corner, int64_t count,
                 const T* packed, const T* bias, T* v, Put put) {
  const Parts tiles(g.out_channels, kTileChannels),
      blocks(g.in_channels, kAccumulatedChannels<Taps>);
  with_constant<kTileWindows>(count, [&](auto windows) {
    constexpr int P = decltype(windows)::value;
    constexpr int64_t kProductStep = kProducts<Taps> * P * L;
    for (int64_t block = 0; block < blocks.count; ++block) {
      const int64_t i = blocks.begin(block);
      const int64_t n = blocks.begin(block + 1) - i;
      transform_patches<T, L, Taps, P>(n, band, corner + i * band.plane, v + i * kProductStep,
                                       P * L, n * P * L);
    }
    T* const sums = v + g.in_channels * kProductStep;
    const T* u = packed;
    for (int64_t tile = 0; tile < tiles.count; ++tile) {
      const int64_t first = tiles.begin(tile);
      with_constant<kTileChannels>(tiles.begin(tile + 1) - first, [&](auto channels) {
        constexpr int O = decltype(channels)::value;
        for (int64_t block = 0; block < blocks.count; ++block) {
          const int64_t i = blocks.begin(block), n = blocks.begin(block + 1) - i;
          const auto add = block == 0 ? add_channels<T, L, Taps, O, P, false>
                                      : add_channels<T, L, Taps, O, P, true>;
          add(n, u, v + i * kProductStep, sums);
          u += n * O * kProducts<Taps>;
        }
        for (int o = 0; o < O; ++o) {
          const T b = bias ? bias[first + o] : T(0);
          for (int p = 0; p < P; ++p) {
            Vec<T, L> y[kWindow];
            window_outputs<T, L>(sums + (o * P + p) * L, O * P * L, y);
#pragma GCC unroll 4
            for (int k = 0; k < kWindow; ++k) y[k] += b;
            put(first + o, p, y);
          }
        }
      });
    }
  });
}

// Calls put(output channel, row of windows within the band, column of windows, y) for all windows
// of a band, then end_band(first row, rows). Returns a bit for each image with a y that is not
// finite.
template <typename T, int L, int Taps, typename Put, typename EndBand>
uint64_t for_each_window(const ConvForwardParams<T>& params, const Windows& w, RowRange range,
                         Put put, EndBand end_band) {
  const ConvGeometry& g = params.conv;
  const int64_t end = range.first + range.count;
  T* const memory = params.workspace;
  const int64_t pitch = w.width * L, height = w.height(Taps), kept = Taps - 1;
  const int64_t image = g.in_channels * g.in_height * g.in_width;
  const Image<T> band{memory, pitch, height * pitch};
  T* const v = memory + g.in_channels * band.plane;
  std::memset(memory, 0, g.in_channels * band.plane * sizeof(T));
  constexpr int64_t kColumnBytes = kProducts<Taps> * L * int64_t(sizeof(T));
  const Parts groups(
      w.columns, larger(smaller(kMaxPatchBytes / (g.in_channels * kColumnBytes), kTileWindows), 1));
  Vec<T, L> not_finite{};
  for (int64_t row = range.first; row < end; row += w.band_rows) {
    const int64_t rows = smaller(w.band_rows, end - row);
    if (row == range.first) {
      fill_rows<T, L>(g, params.images, params.input, image, 2 * row, 0, 2 * rows + kept, band);
    } else {  // its first rows are the last of the band before
      for (int64_t i = 0; i < g.in_channels; ++i) {
        T* const plane = memory + i * band.plane;
        std::memmove(plane, plane + 2 * w.band_rows * pitch, kept * pitch * sizeof(T));
      }
      fill_rows<T, L>(g, params.images, params.input, image, 2 * row + kept, kept, 2 * rows, band);
    }
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t group = 0; group < groups.count; ++group) {
        const int64_t column = groups.begin(group);
        window_tile<T, L, Taps>(g, band, memory + 2 * r * pitch + 2 * column * L,
                                groups.begin(group + 1) - column, params.packed, params.bias, v,
                                [&](int64_t o, int p, const Vec<T, L>(&y)[kWindow])
                                    __attribute__((always_inline)) {
                                      const Vec<T, L> all = (y[0] + y[1]) + (y[2] + y[3]);
                                      not_finite += all - all;
                                      put(o, r, column + p, y);
                                    });
      }
    }
    end_band(row, rows);
  }
  return lanes_not_zero<T, L>(not_finite);
}

template <typename T>
uint64_t forward_rows(const ConvForwardParams<T>& params, RowRange range) {
  const ConvGeometry& g = params.conv;
  const Windows w = windows_of<T>(g, params.pool);
  const int64_t plane = g.out_height * g.out_width;
  T* const results = params.workspace + band_size<T>(g, params.pool);
  return with_image_lanes<T>(params.images, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const int64_t row = g.out_width * L, channel = 2 * w.band_rows * row;
    return with_taps(g, [&](auto taps) {
      return for_each_window<T, L, decltype(taps)::value>(
          params, w, range,
          [&](int64_t o, int64_t r, int64_t column, const Vec<T, L>(&y)[kWindow]) {
            T* const to = results + o * channel + 2 * r * row + 2 * column * L;
            const bool has_right = 2 * column + 1 < g.out_width;
            store<L>(to, y[0]);
            if (has_right) store<L>(to + L, y[1]);
            store<L>(to + row, y[2]);
            if (has_right) store<L>(to + row + L, y[3]);
          },
          [&](int64_t first, int64_t count) {
            const int64_t pixels = smaller(2 * count, g.out_height - 2 * first) * g.out_width;
            for (int64_t o = 0; o < g.out_channels; ++o) {
              deinterleave<T, L>(results + o * channel, pixels, params.out_image, params.images,
                                 params.output + o * plane + 2 * first * g.out_width);
            }
          });
    });
  });
}

template <typename T>
uint64_t forward_relu_pool_rows(const ConvForwardParams<T>& params, RowRange range) {
  const ConvGeometry& g = params.conv;
  const PoolGeometry& p = params.pool;
  const Windows w = windows_of<T>(g, p);
  const int64_t pooled = p.out_height * p.out_width;
  T* const maxima = params.workspace + band_size<T>(g, p);
  return with_image_lanes<T>(params.images, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const int64_t channel = w.band_rows * w.columns * L;
    auto* const indices =
        reinterpret_cast<typename IntegerOf<T>::type*>(maxima + g.out_channels * channel);
    return with_taps(g, [&](auto taps) {
      return for_each_window<T, L, decltype(taps)::value>(
          params, w, range,
          [&](int64_t o, int64_t r, int64_t column, const Vec<T, L>(&y)[kWindow]) {
            const int64_t at = o * channel + (r * w.columns + column) * L;
            Vec<T, L> best;
            Mask<T, L> index;
            relu_max<T, L>(y, best, index);
            store<L>(maxima + at, best);
            store<L>(indices + at, index);
          },
          [&](int64_t first, int64_t count) {
            for (int64_t o = 0; o < g.out_channels; ++o) {
              const int64_t to = o * pooled + first * p.out_width;
              deinterleave<T, L>(maxima + o * channel, count * w.columns, params.out_image,
                                 params.images, params.output + to);
              deinterleave_bytes<T, L>(indices + o * channel, count * w.columns, params.out_image,
                                       params.images, params.indices + to);
            }
          });
    });
  });
}

template <typename T>
uint64_t forward(const ConvForwardParams<T>& params, RowRange rows) {
  return params.pool.window_height > 0 ? forward_relu_pool_rows(params, rows)
                                       : forward_rows(params, rows);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.winograd_lanes = kHalves ? kLanes<T> / 2 : kLanes<T>;
  table.conv.winograd = {memory<T>, kTileChannels, pack<T>, forward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
