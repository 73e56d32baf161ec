// The convolution by Winograd's minimal filtering (winograd.h), for images abreast (abreast.h):
// stride 1, kernels of 3 x 3 or 5 x 5, alone or with a pool over 2 x 2 windows behind it.
//
// A patch is what four outputs, a window, depend on. Rows of windows are taken one after the other,
// kTileWindows of them at once:
//
//   v[product][channel]   = the patches' inputs of the products
//   sums[sum][out channel] = products of v and of the filters' u, over products and channels
//   y                     = the sums put together, four outputs of each channel
//
// Results that are not finite may be NaN where they should be infinite: the caller is told of which
// images.
#include "conv_winograd.h"

#include "entries.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTileChannels = 5;
inline constexpr int kTileWindows = kManyRegisters ? 4 : 2;
// Channels whose products are added one by one.
template <int Taps>
inline constexpr int64_t kChainChannels = Taps == 3 ? 16 : 12;
// What is turned round at once stays in the second-level cache.
inline constexpr int64_t kBandBytes = 256 * 1024;
inline constexpr int64_t kFewestInChannels = 6, kFewestOutChannels = 8;

bool winograd_takes(const ConvGeometry& g, const PoolGeometry& p) {
  if (!has_filter(g) || g.in_channels < kFewestInChannels || g.out_channels < kFewestOutChannels ||
      (p.window_height > 0 && (p.window_height != 2 || p.window_width != 2))) {
    return false;
  }
  // Windows that are cut off, and rows of nothing but padding, cost what whole ones do.
  return saves_a_third(g, window_rows(g, p) * window_columns(g, p),
                       smaller(g.in_height * g.in_width, g.out_height * g.out_width));
}

// All where three quarters of the lanes are filled, else those that fill them.
template <typename T>
int64_t winograd_images(int64_t images) {
  constexpr int64_t least = kHalves ? kLanes<T> / 2 : kLanes<T>;
  return 3 * round_up(images, least) <= 4 * images ? images : images / least * least;
}

// ---- filters

int64_t winograd_packed_size(const ConvGeometry& g) {
  return g.out_channels * g.in_channels * products_of_kernel(g);
}

// u of the filters of O output channels for one input channel, [product][filter], the products
// u_step apart. In double: once a call, and then exact but for one rounding.
template <typename T, int Taps>
void transform_filters(const T* weight, int64_t out_step, bool flipped, int64_t O, T* u,
                       int64_t u_step) {
  constexpr int L = 8, N = Filter<Taps>::products;
  Vec<double, L> taps[Taps][Taps], rows[Taps][N];
#pragma GCC unroll 8
  for (int r = 0; r < Taps; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < Taps; ++c) {
      const int t = r * Taps + c, from = flipped ? Taps * Taps - 1 - t : t;
      taps[r][c] = Vec<double, L>{};
      for (int64_t o = 0; o < O; ++o) taps[r][c][o] = double(weight[o * out_step + from]);
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
      store_first<L>(u + product_place<Taps>(i, j) * u_step,
                     __builtin_convertvector(products[i], Vec<T, L>), O);
    }
  }
}

int64_t winograd_tiles(const ConvGeometry& g) { return Parts(g.out_channels, kTileChannels).count; }

// [tile of output channels][chain][product][channel of the chain][output channel]
template <typename T>
void winograd_pack(const ConvGeometry& g, Filters<T> filters, int64_t first_tile, int64_t tiles,
                   T* packed) {
  with_taps(g, [&](auto width) {
    constexpr int Taps = decltype(width)::value;
    const Parts parts(g.out_channels, kTileChannels), chains(g.in_channels, kChainChannels<Taps>);
    for (int64_t tile = first_tile; tile < first_tile + tiles; ++tile) {
      const int64_t first = parts.begin(tile), O = parts.begin(tile + 1) - first;
      T* to = packed + first * g.in_channels * kProducts<Taps>;
      for (int64_t chain = 0; chain < chains.count; ++chain) {
        const int64_t begin = chains.begin(chain), end = chains.begin(chain + 1);
        for (int64_t i = begin; i < end; ++i) {
          transform_filters<T, Taps>(filters.data + first * filters.out_step + i * filters.in_step,
                                     filters.out_step, filters.flipped, O, to + (i - begin) * O,
                                     (end - begin) * O);
        }
        to += (end - begin) * O * kProducts<Taps>;
      }
    }
  });
}

// ---- images

// How the images are gone through: `rows` x `columns` windows, band_rows rows of them at a time.
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

// Elements that a window's outputs of one channel become.
inline int64_t results_of(const PoolGeometry& p) { return p.window_height > 0 ? 2 : 4; }

template <typename T>
int64_t winograd_workspace(const ConvGeometry& g, const PoolGeometry& p) {
  const Windows w = windows_of<T>(g, p);
  return kLanes<T> * (g.in_channels * (w.height(g.kernel_height) * w.width +
                                       products_of_kernel(g) * kTileWindows) +
                      kSums * kSums * kTileChannels * kTileWindows +
                      g.out_channels * w.band_rows * w.columns * results_of(p));
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

// The part of one chain of channels in all sums, [sum row][sum column][O][P].
template <typename T, int L, int Taps, int O, int P, bool Adds>
void add_chain(int64_t channels, const T* u, const T* v, T* sums) {
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

// y: the outputs of a window in row-major order, from its sums, `step` apart.
template <typename T, int L>
inline void window_outputs(const T* sums, int64_t step, Vec<T, L> (&y)[kWindow]) {
  Vec<T, L> left[kSums], right[kSums];
#pragma GCC unroll 4
  for (int row = 0; row < kSums; ++row) {
    Vec<T, L> columns[kSums];
#pragma GCC unroll 4
    for (int column = 0; column < kSums; ++column)
      columns[column] = load<L>(sums + (row * kSums + column) * step);
    put_together(columns, left[row], right[row]);
  }
  put_together(left, y[0], y[2]);
  put_together(right, y[1], y[3]);
}

// Calls put(output channel, window, y) for all channels of `count` windows of a row, the first
// patch of which begins at `corner`.
template <typename T, int L, int Taps, typename Put>
void window_tile(const ConvGeometry& g, const Image<T>& band, const T* corner, int64_t count,
                 const T* packed, const T* bias, T* v, Put put) {
  const Parts tiles(g.out_channels, kTileChannels), chains(g.in_channels, kChainChannels<Taps>);
  with_constant<kTileWindows>(count, [&](auto windows) {
    constexpr int P = decltype(windows)::value;
    constexpr int64_t kProductStep = kProducts<Taps> * P * L;
    for (int64_t chain = 0; chain < chains.count; ++chain) {
      const int64_t i = chains.begin(chain);
      const int64_t n = chains.begin(chain + 1) - i;
      transform_patches<T, L, Taps, P>(n, band, corner + i * band.plane, v + i * kProductStep,
                                       P * L, n * P * L);
    }
    T* const sums = v + g.in_channels * kProductStep;
    const T* u = packed;
    for (int64_t tile = 0; tile < tiles.count; ++tile) {
      const int64_t first = tiles.begin(tile);
      with_constant<kTileChannels>(tiles.begin(tile + 1) - first, [&](auto channels) {
        constexpr int O = decltype(channels)::value;
        for (int64_t chain = 0; chain < chains.count; ++chain) {
          const int64_t i = chains.begin(chain), n = chains.begin(chain + 1) - i;
          const auto add =
              chain == 0 ? add_chain<T, L, Taps, O, P, false> : add_chain<T, L, Taps, O, P, true>;
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

// A bit for every lane that is not zero.
template <typename T, int L>
inline uint64_t lanes_not_zero(Vec<T, L> v) {
  uint64_t bits = 0;
  for (int n = 0; n < L; ++n) bits |= uint64_t(v[n] != T(0)) << n;
  return bits;
}

// Calls put(output channel, row of windows within the band, column of windows, y) for all windows
// of a band, and end_band(first row, rows) behind it, from row `begin` to row `end`. A bit for
// every image with a y that is not finite.
template <typename T, int L, int Taps, typename Put, typename EndBand>
uint64_t for_each_window(const ConvGeometry& g, const Windows& w, int64_t begin, int64_t end,
                         int64_t images, const T* input, const T* packed, const T* bias, T* memory,
                         Put put, EndBand end_band) {
  const int64_t pitch = w.width * L, height = w.height(Taps), kept = Taps - 1;
  const int64_t image = g.in_channels * g.in_height * g.in_width;
  const Image<T> band{memory, pitch, height * pitch};
  T* const v = memory + g.in_channels * band.plane;
  std::memset(memory, 0, g.in_channels * band.plane * sizeof(T));
  const Parts groups(w.columns, kTileWindows);
  Vec<T, L> not_finite{};
  for (int64_t row = begin; row < end; row += w.band_rows) {
    const int64_t rows = smaller(w.band_rows, end - row);
    if (row == begin) {
      fill_rows<T, L>(g, images, input, image, 2 * row, 0, 2 * rows + kept, band);
    } else {  // whose first rows are the last ones of the band before
      for (int64_t i = 0; i < g.in_channels; ++i) {
        T* const plane = memory + i * band.plane;
        std::memmove(plane, plane + 2 * w.band_rows * pitch, kept * pitch * sizeof(T));
      }
      fill_rows<T, L>(g, images, input, image, 2 * row + kept, kept, 2 * rows, band);
    }
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t group = 0; group < groups.count; ++group) {
        const int64_t column = groups.begin(group);
        window_tile<T, L, Taps>(g, band, memory + 2 * r * pitch + 2 * column * L,
                                groups.begin(group + 1) - column, packed, bias, v,
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
T* results_in(const ConvGeometry& g, const PoolGeometry& p, T* workspace) {
  const Windows w = windows_of<T>(g, p);
  return workspace + winograd_workspace<T>(g, p) -
         kLanes<T> * g.out_channels * w.band_rows * w.columns * results_of(p);
}

template <typename T>
uint64_t winograd_forward(const ConvGeometry& g, int64_t first_row, int64_t rows, int64_t images,
                          const T* input, const T* packed, const T* bias, T* output,
                          int64_t out_image, T* workspace) {
  const PoolGeometry none{};
  const Windows w = windows_of<T>(g, none);
  const int64_t plane = g.out_height * g.out_width;
  T* const results = results_in(g, none, workspace);
  return with_image_lanes<T>(images, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const int64_t row = g.out_width * L, channel = 2 * w.band_rows * row;
    return with_taps(g, [&](auto taps) {
      return for_each_window<T, L, decltype(taps)::value>(
          g, w, first_row, first_row + rows, images, input, packed, bias, workspace,
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
              set_apart<T, L>(results + o * channel, pixels, out_image, images,
                              output + o * plane + 2 * first * g.out_width);
            }
          });
    });
  });
}

template <typename T>
uint64_t winograd_relu_pool_forward(const ConvGeometry& g, const PoolGeometry& p, int64_t first_row,
                                    int64_t rows, int64_t images, const T* input, const T* packed,
                                    const T* bias, T* output, uint8_t* indices, int64_t out_image,
                                    T* workspace) {
  const Windows w = windows_of<T>(g, p);
  const int64_t pooled = p.out_height * p.out_width;
  T* const maxima = results_in(g, p, workspace);
  return with_image_lanes<T>(images, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const int64_t channel = w.band_rows * w.columns * L;
    T* const places = maxima + g.out_channels * channel;
    return with_taps(g, [&](auto taps) {
      return for_each_window<T, L, decltype(taps)::value>(
          g, w, first_row, first_row + rows, images, input, packed, bias, workspace,
          [&](int64_t o, int64_t r, int64_t column, const Vec<T, L>(&y)[kWindow]) {
            const int64_t at = o * channel + (r * w.columns + column) * L;
            Vec<T, L> best;
            Mask<T, L> place;
            relu_max<T, L>(y, best, place);
            store<L>(maxima + at, best);
            store<L>(reinterpret_cast<typename IntegerOf<T>::type*>(places) + at, place);
          },
          [&](int64_t first, int64_t count) {
            for (int64_t o = 0; o < g.out_channels; ++o) {
              const int64_t to = o * pooled + first * p.out_width;
              set_apart<T, L>(maxima + o * channel, count * w.columns, out_image, images,
                              output + to);
              set_bytes_apart<T, L>(places + o * channel, count * w.columns, out_image, images,
                                    indices + to);
            }
          });
    });
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.winograd_takes = winograd_takes;
  table.winograd_images = winograd_images<T>;
  table.winograd_packed_size = winograd_packed_size;
  table.winograd_tiles = winograd_tiles;
  table.winograd_pack = winograd_pack<T>;
  table.winograd_workspace = winograd_workspace<T>;
  table.winograd_forward = winograd_forward<T>;
  table.winograd_relu_pool_forward = winograd_relu_pool_forward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
