// The 3 x 3 Winograd convolution (winograd.h) of one image with channels in lanes (a vector holds
// one element of kLanes channels), alone or with a pool over 2 x 2 windows.
//
// A few images leave lanes of a batch idle; channels fill them. Each product of the scheme is a
// matrix product over the windows of a band of rows:
//
//   v[product][window][channel]         = the patches' inputs of the products
//   sums[product][window][out channel]  = v u, with u[product][channel][out channel] of the filters
//   y                                   = four outputs of each channel from their sums
//
// NaN may stand for infinity in a result, so an image with a result that is not finite is reported.
#include "../entries.h"
#include "winograd_bands.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kTaps = 3, kFilterTaps = kTaps * kTaps;
// A register tile: 7 x 3 sums, 3 vectors of u and an element of v; or 6 x 2 sums.
inline constexpr int kTileVectors = kManyRegisters ? 3 : 2, kTileWindows = kManyRegisters ? 7 : 6;
// Input channels that a register sums. A sum has as many terms as channels, a ninth of those of
// direct summation.
inline constexpr int64_t kAccumulatedChannels = 32;
// v and the sums of a band stay in the L2 cache.
inline constexpr int64_t kBandBytes = 512 * 1024;
// Channels whose filters are interleaved at a time, in the L1 cache.
inline constexpr int64_t kPackedChannels = 16;

struct Sizes {
  int64_t in_vectors, out_vectors;  // of kLanes channels
  int64_t rows, columns, width;     // windows; padded width of an image
  int64_t band_rows;
  int64_t band_plane, v_product, sums_product, results;  // elements

  int64_t band() const { return in_vectors * band_plane; }
  int64_t v() const { return kProducts<kTaps> * v_product; }
  int64_t sums() const { return kProducts<kTaps> * sums_product; }
};

template <typename T>
Sizes sizes_of(const ConvGeometry& g, const PoolGeometry& p) {
  constexpr int64_t L = kLanes<T>;
  Sizes s{};
  s.in_vectors = divide_up(g.in_channels, L);
  s.out_vectors = divide_up(g.out_channels, L);
  s.rows = window_rows(g, p);
  s.columns = window_columns(g, p);
  s.width = 2 * s.columns + kTaps - 1;
  const int64_t row_bytes =
      kProducts<kTaps> * s.columns * (s.in_vectors + s.out_vectors) * kVectorBytes;
  s.band_rows = larger(smaller(kBandBytes / row_bytes, s.rows), 1);
  const int64_t windows = s.band_rows * s.columns;
  s.band_plane = (2 * s.band_rows + kTaps - 1) * s.width * L;
  // A vector more, or the products of a window could share a set of the L1 cache.
  s.v_product = (windows * s.in_vectors + 1) * L;
  s.sums_product = (windows * s.out_vectors + 1) * L;
  s.results = windows * s.out_vectors * L * (p.window_height > 0 ? 2 : kWindow);
  return s;
}

// Elements of a product's u in a tile.
template <typename T>
int64_t filters_product(const ConvGeometry& g, int64_t vectors) {
  return (g.in_channels * vectors + 1) * kLanes<T>;
}

template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  const Sizes s = sizes_of<T>(g, p);
  const int64_t tiles = divide_up(s.out_vectors, kTileVectors);
  return {s.band() + s.v() + s.sums() + s.results,
          kProducts<kTaps> * (g.in_channels * s.out_vectors + tiles) * kLanes<T>};
}

// Where the u of a tile begin, [product][channel][output channel].
template <typename T>
int64_t tile_begin(const ConvGeometry& g, const Parts& tiles, int64_t tile) {
  return kProducts<kTaps> * (g.in_channels * tiles.begin(tile) + tile) * kLanes<T>;
}

// ---- filters

// u of kLanes filters from their taps, [tap][filter].
template <typename T>
void transform_filters(const T* taps, bool flipped, T* u, int64_t product) {
  constexpr int L = kLanes<T>, N = Filter<kTaps>::products;
  Vec<T> rows[kTaps][N];
#pragma GCC unroll 8
  for (int r = 0; r < kTaps; ++r) {
    Vec<T> row[kTaps];
#pragma GCC unroll 8
    for (int c = 0; c < kTaps; ++c) {
      const int t = r * kTaps + c;
      row[c] = load<L>(taps + (flipped ? kFilterTaps - 1 - t : t) * L);
    }
    transform_taps<kTaps>(row, rows[r]);
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) {
    Vec<T> column[kTaps], products[N];
#pragma GCC unroll 8
    for (int r = 0; r < kTaps; ++r) column[r] = rows[r][j];
    transform_taps<kTaps>(column, products);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) store<L>(u + product_index<kTaps>(i, j) * product, products[i]);
  }
}

template <typename T>
void pack(const ConvGeometry& g, Filters<T> filters, int64_t first_tile, int64_t tile_count,
          T* packed) {
  constexpr int L = kLanes<T>;
  const Parts tiles(divide_up(g.out_channels, L), kTileVectors);
  // Filters of neighboring channels are interleaved together if they follow each other.
  const int64_t step = filters.in_step == kFilterTaps ? kPackedChannels : 1;
  Vec<T> taps[kPackedChannels * kFilterTaps];
  T* const interleaved = reinterpret_cast<T*>(taps);
  for (int64_t tile = first_tile; tile < first_tile + tile_count; ++tile) {
    const int64_t vectors = tiles.begin(tile + 1) - tiles.begin(tile),
                  product = filters_product<T>(g, vectors);
    T* const u = packed + tile_begin<T>(g, tiles, tile);
    for (int64_t vector = 0; vector < vectors; ++vector) {
      const int64_t o = (tiles.begin(tile) + vector) * L, count = smaller(g.out_channels - o, L);
      for (int64_t i = 0; i < g.in_channels; i += step) {
        const int64_t channels = smaller(g.in_channels - i, step);
        interleave_images<T>(filters.data + o * filters.out_step + i * filters.in_step,
                             filters.out_step, count, channels * kFilterTaps, interleaved);
        for (int64_t k = 0; k < channels; ++k) {
          transform_filters<T>(interleaved + k * kFilterTaps * L, filters.flipped,
                               u + ((i + k) * vectors + vector) * L, product);
        }
      }
    }
  }
}

// ---- products

// sums[P][V] = (or, if Adds, +=) v u over `channels` channels.
template <typename T, int P, int V, bool Adds>
void multiply(int64_t channels, const T* v, int64_t v_window, const T* u, T* sums,
              int64_t sums_window) {
  constexpr int L = kLanes<T>;
  Vec<T> acc[P][V];
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int k = 0; k < V; ++k) acc[p][k] = Vec<T>{};
  }
  for (int64_t i = 0; i < channels; ++i, u += V * L) {
    Vec<T> factors[V];
#pragma GCC unroll 8
    for (int k = 0; k < V; ++k) factors[k] = load<L>(u + k * L);
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      const T x = v[p * v_window + i];
#pragma GCC unroll 8
      for (int k = 0; k < V; ++k) acc[p][k] += x * factors[k];
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int k = 0; k < V; ++k) {
      T* const to = sums + p * sums_window + k * L;
      store<L>(to, Adds ? load<L>(to) + acc[p][k] : acc[p][k]);
    }
  }
}

// The sums of all products and `windows` windows.
template <typename T>
void multiply_all(const ConvGeometry& g, const Sizes& s, int64_t windows, const T* v,
                  const T* packed, T* sums) {
  constexpr int L = kLanes<T>;
  const Parts tiles(s.out_vectors, kTileVectors), groups(windows, kTileWindows),
      blocks(g.in_channels, kAccumulatedChannels);
  for (int64_t tile = 0; tile < tiles.count; ++tile) {
    const int64_t first = tiles.begin(tile);
    with_constant<kTileVectors>(tiles.begin(tile + 1) - first, [&](auto vectors) {
      constexpr int V = decltype(vectors)::value;
      const T* const filters = packed + tile_begin<T>(g, tiles, tile);
      for (int64_t product = 0; product < kProducts<kTaps>; ++product) {
        const T* const u = filters + product * filters_product<T>(g, V);
        for (int64_t group = 0; group < groups.count; ++group) {
          const int64_t window = groups.begin(group);
          const T* const x = v + product * s.v_product + window * s.in_vectors * L;
          T* const to = sums + product * s.sums_product + (window * s.out_vectors + first) * L;
          with_constant<kTileWindows>(groups.begin(group + 1) - window, [&](auto count) {
            constexpr int P = decltype(count)::value;
            for (int64_t block = 0; block < blocks.count; ++block) {
              const int64_t i = blocks.begin(block), n = blocks.begin(block + 1) - i;
              const auto run = block == 0 ? multiply<T, P, V, false> : multiply<T, P, V, true>;
              run(n, x + i, s.in_vectors * L, u + i * V * L, to, s.out_vectors * L);
            }
          });
        }
      }
    });
  }
}

// ---- the image

// Calls put(vector of output channels, row of windows within the band, column of windows, y) for
// all windows of a band, then end_band(first row, rows). Returns whether a y is not finite.
template <typename T, typename Put, typename EndBand>
bool for_each_window(const ConvForwardParams<T>& params, const Sizes& s, RowRange range, Put put,
                     EndBand end_band) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const int64_t plane = g.in_height * g.in_width, end = range.first + range.count;
  T *const memory = params.workspace, *const v = memory + s.band(), *const sums = v + s.v();
  const Image<T> band{memory, s.width * L, s.band_plane};
  std::memset(memory, 0, s.band() * sizeof(T));
  ConvGeometry channel = g;
  channel.in_channels = 1;
  Vec<T> not_finite{};
  for (int64_t row = range.first; row < end; row += s.band_rows) {
    const int64_t rows = smaller(s.band_rows, end - row);
    for (int64_t i = 0; i < s.in_vectors; ++i) {
      fill_rows<T, L>(channel, smaller(g.in_channels - i * L, L), params.input + i * L * plane,
                      plane, 2 * row, 0, 2 * rows + kTaps - 1,
                      {memory + i * s.band_plane, band.pitch, s.band_plane});
    }
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < s.columns; ++c) {
        transform_patches<T, L, kTaps, 1>(
            s.in_vectors, band, memory + 2 * r * band.pitch + 2 * c * L,
            v + (r * s.columns + c) * s.in_vectors * L, L, s.v_product);
      }
    }
    multiply_all(g, s, rows * s.columns, v, params.packed, sums);
    for (int64_t o = 0; o < s.out_vectors; ++o) {
      const int64_t count = smaller(g.out_channels - o * L, L);
      Vec<T> bias{};
      if (params.bias) {
        bias =
            count == L ? load<L>(params.bias + o * L) : load_first<L>(params.bias + o * L, count);
      }
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < s.columns; ++c) {
          Vec<T> y[kWindow];
          window_outputs<T, L>(sums + ((r * s.columns + c) * s.out_vectors + o) * L, s.sums_product,
                               y);
#pragma GCC unroll 4
          for (int k = 0; k < kWindow; ++k) y[k] += bias;
          const Vec<T> all = (y[0] + y[1]) + (y[2] + y[3]);
          not_finite += all - all;
          put(o, r, c, y);
        }
      }
    }
    end_band(row, rows);
  }
  return lanes_not_zero<T, L>(not_finite) != 0;
}

template <typename T>
uint64_t forward(const ConvForwardParams<T>& params, RowRange range) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const Sizes s = sizes_of<T>(g, params.pool);
  T* const results = params.workspace + s.band() + s.v() + s.sums();
  // Calls f(vector of output channels, their number) for each.
  const auto for_each_vector = [&](auto f) {
    for (int64_t o = 0; o < s.out_vectors; ++o) f(o, smaller(g.out_channels - o * L, L));
  };
  if (params.pool.window_height > 0) {
    const PoolGeometry& p = params.pool;
    const int64_t pooled = p.out_height * p.out_width, channels = s.band_rows * s.columns * L;
    auto* const indices =
        reinterpret_cast<typename IntegerOf<T>::type*>(results + s.out_vectors * channels);
    return for_each_window<T>(
        params, s, range,
        [&](int64_t o, int64_t r, int64_t column, const Vec<T>(&y)[kWindow]) {
          const int64_t at = o * channels + (r * s.columns + column) * L;
          Vec<T> best;
          Mask<T, L> index;
          relu_max<T, L>(y, best, index);
          store<L>(results + at, best);
          store<L>(indices + at, index);
        },
        [&](int64_t first, int64_t count) {
          for_each_vector([&](int64_t o, int64_t n) {
            const int64_t to = o * L * pooled + first * p.out_width;
            deinterleave<T>(results + o * channels, count * s.columns, pooled, n,
                            params.output + to);
            deinterleave_bytes<T>(indices + o * channels, count * s.columns, pooled, n,
                                  params.indices + to);
          });
        });
  }
  const int64_t plane = g.out_height * g.out_width, row = g.out_width * L,
                channels = 2 * s.band_rows * row;
  return for_each_window<T>(
      params, s, range,
      [&](int64_t o, int64_t r, int64_t column, const Vec<T>(&y)[kWindow]) {
        T* const to = results + o * channels + 2 * r * row + 2 * column * L;
        const bool has_right = 2 * column + 1 < g.out_width;
        store<L>(to, y[0]);
        if (has_right) store<L>(to + L, y[1]);
        store<L>(to + row, y[2]);
        if (has_right) store<L>(to + row + L, y[3]);
      },
      [&](int64_t first, int64_t count) {
        const int64_t pixels = smaller(2 * count, g.out_height - 2 * first) * g.out_width;
        for_each_vector([&](int64_t o, int64_t n) {
          deinterleave<T>(results + o * channels, pixels, plane, n,
                          params.output + o * L * plane + 2 * first * g.out_width);
        });
      });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.winograd_channel_lanes = {memory<T>, kTileVectors * kLanes<T>, pack<T>, forward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
