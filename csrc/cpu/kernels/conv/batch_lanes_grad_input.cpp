// The gradient of the direct convolution with respect to its input, with the batch in lanes
// (lanes.h).
//
//   dx[i, p + t] += w[o, i, t] dy[o, p]        p a pixel, t a tap (row, column)
//
// A tile is all taps of some kernel rows of one input channel. It slides along a row of dy, stored
// as [row][column][channel][image]: at each pixel it sums over the channels, adds its first column,
// now complete, to dx, and shifts the others by one. No arithmetic on zeros around dy, and no sum
// leaves the registers before it is complete.
#include "../entries.h"
#include "direct.h"
#include "lanes.h"
#include "pool.h"

namespace inkgrad::cpu {
namespace {

// Sums of a tile. The weight of a tap and the pixel need two more registers.
inline constexpr int kTileSums = kManyRegisters ? 28 : 12;
inline constexpr int kMaxTileRows = 5;

// The kernel rows of a tile of KW columns.
template <int KW>
inline constexpr int kTileRows = kTileSums / KW < kMaxTileRows ? kTileSums / KW : kMaxTileRows;

template <typename F>
inline void with_sliding_width(int64_t width, F f) {
  if (width == 3) {
    f(std::integral_constant<int, 3>{});
  } else {
    f(std::integral_constant<int, 5>{});
  }
}

// [in channel][tile][out channel][kernel row of the tile][column]
template <typename T>
void pack(const ConvGeometry& g, const T* weight, T* packed) {
  with_sliding_width(g.kernel_width, [&](auto width) {
    const Parts tiles(g.kernel_height, kTileRows<decltype(width)::value>);
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t tile = 0; tile < tiles.count; ++tile) {
        const int64_t first = tiles.begin(tile) * g.kernel_width,
                      end = tiles.begin(tile + 1) * g.kernel_width;
        for (int64_t o = 0; o < g.out_channels; ++o) {
          const T* taps = weight + (o * g.in_channels + i) * g.kernel_height * g.kernel_width;
          for (int64_t t = first; t < end; ++t) *packed++ = taps[t];
        }
      }
    }
  });
}

// The contribution of one row of dy to R rows, dx_row apart, of one channel of dx.
template <typename T, int R, int KW>
void slide_tile(int64_t pixels, int64_t out_channels, const T* dy, const T* weights, T* dx,
                int64_t dx_row) {
  constexpr int L = kLanes<T>;
  Vec<T> sums[R][KW];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < KW; ++c) sums[r][c] = Vec<T>{};
  }
  const auto add_to_memory = [&](int r, int c) __attribute__((always_inline)) {
    T* const to = dx + r * dx_row + c * L;
    store<L>(to, load<L>(to) + sums[r][c]);
  };
  for (int64_t p = 0; p < pixels; ++p, dx += L) {
    const T* w = weights;
    for (int64_t o = 0; o < out_channels; ++o, dy += L, w += R * KW) {
      const Vec<T> pixel = load<L>(dy);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
        for (int c = 0; c < KW; ++c) sums[r][c] += w[r * KW + c] * pixel;
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      add_to_memory(r, 0);
#pragma GCC unroll 8
      for (int c = 0; c < KW; ++c)
        sums[r][c] = c + 1 < KW ? sums[r][c + 1 < KW ? c + 1 : c] : Vec<T>{};
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int c = 0; c < KW - 1; ++c) add_to_memory(r, c);
  }
}

// Rows of dy that are interleaved at a time, a multiple of `step`: enough for whole squares, few
// enough for the L1 cache.
template <typename T>
inline int64_t rows_per_band(const ConvGeometry& g, int64_t step) {
  constexpr int64_t kBandBytes = 16 * 1024, kMinPixels = 4 * kLanes<T>;
  const int64_t row_bytes = g.out_width * g.out_channels * kVectorBytes;
  const int64_t rows = larger(kBandBytes / row_bytes, divide_up(kMinPixels, g.out_width));
  return smaller(round_up(rows, step), round_up(g.out_height, step));
}

template <typename T>
inline int64_t band_size(const ConvGeometry& g, int64_t step) {
  return rows_per_band<T>(g, step) * g.out_width * g.out_channels * kLanes<T>;
}
template <typename T>
inline int64_t sums_size(const ConvGeometry& g) {
  return g.in_channels * padded_height(g) * padded_width(g) * kLanes<T>;
}
template <typename T>
ConvMemory memory(const ConvGeometry& g, const PoolGeometry& p) {
  return {band_size<T>(g, larger(p.window_height, 1)) + sums_size<T>(g),
          g.out_channels * g.in_channels * g.kernel_height * g.kernel_width};
}

// The contribution of rows row0 .. row0 + rows of dy to dx.
template <typename T>
void slide_over_rows(const ConvGeometry& g, int64_t row0, int64_t rows, const T* dy,
                     const T* packed, T* dx) {
  constexpr int L = kLanes<T>;
  const int64_t row = padded_width(g) * L, plane = padded_height(g) * row;
  with_sliding_width(g.kernel_width, [&](auto width) {
    constexpr int KW = decltype(width)::value, max_rows = kTileRows<KW>;
    const Parts tiles(g.kernel_height, max_rows);
    for (int64_t h = row0; h < row0 + rows; ++h, dy += g.out_width * g.out_channels * L) {
      const T* w = packed;
      for (int64_t i = 0; i < g.in_channels; ++i) {
        for (int64_t tile = 0; tile < tiles.count; ++tile) {
          const int64_t first = tiles.begin(tile), count = tiles.begin(tile + 1) - first;
          T* const to = dx + i * plane + (h + first * g.dilation_height) * row;
          with_constant<max_rows>(count, [&](auto tile_rows) {
            slide_tile<T, decltype(tile_rows)::value, KW>(g.out_width, g.out_channels, dy, w, to,
                                                          g.dilation_height * row);
          });
          w += count * KW * g.out_channels;
        }
      }
    }
  });
}

// Deinterleaves dx without its padding.
template <typename T>
void store_input_gradient(const ConvGeometry& g, int64_t images, const T* dx, T* grad_input,
                          int64_t in_image) {
  constexpr int L = kLanes<T>;
  const int64_t row = padded_width(g) * L, plane = padded_height(g) * row;
  const int64_t in_plane = g.in_height * g.in_width;
  if (g.pad_height == 0 && g.pad_width == 0)
    return deinterleave<T>(dx, g.in_channels * in_plane, in_image, images, grad_input);
  for (int64_t i = 0; i < g.in_channels; ++i) {
    for (int64_t h = 0; h < g.in_height; ++h) {
      deinterleave<T>(dx + i * plane + (h + g.pad_height) * row + g.pad_width * L, g.in_width,
                      in_image, images, grad_input + i * in_plane + h * g.in_width);
    }
  }
}

// Calls load_rows(row0, rows, dy), which interleaves a band of dy, for one band after the other.
template <typename T, typename LoadRows>
void backward_by_bands(const ConvGradInputParams<T>& params, int64_t step, LoadRows load_rows) {
  const ConvGeometry& g = params.conv;
  T *const dy = params.workspace, *const dx = dy + band_size<T>(g, step);
  std::memset(dx, 0, sums_size<T>(g) * sizeof(T));
  const int64_t band = rows_per_band<T>(g, step);
  for (int64_t row0 = 0; row0 < g.out_height; row0 += band) {
    const int64_t rows = smaller(band, g.out_height - row0);
    load_rows(row0, rows, dy);
    slide_over_rows<T>(g, row0, rows, dy, params.packed, dx);
  }
  store_input_gradient<T>(g, params.images, dx, params.grad_input, params.in_image);
}

template <typename T>
void backward_dense(const ConvGradInputParams<T>& params) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const int64_t plane = g.out_height * g.out_width, out_image = g.out_channels * plane;
  backward_by_bands<T>(params, 1, [&](int64_t row0, int64_t rows, T* dy) {
    const T* const from = params.grad + row0 * g.out_width;
    for (int64_t o = 0; o < g.out_channels; ++o) {
      interleave_images<T>(from + o * plane, out_image, params.images, rows * g.out_width,
                           dy + o * L, g.out_channels * L);
    }
  });
}

// Rows of dy of one channel from pooled_rows rows of the pooled gradient: each element at its
// maximum, zero elsewhere in its window.
template <typename T>
void unpool_interleaved(const ConvGeometry& g, const PoolGeometry& p, int64_t pooled_rows,
                        int64_t images, const T* pooled, const uint8_t* indices, T* dy) {
  constexpr int L = kLanes<T>;
  const int64_t windows = pooled_rows * p.out_width,
                image = g.out_channels * p.out_height * p.out_width;
  const int64_t pixel = g.out_channels * L, row = g.out_width * pixel;
  int64_t i = 0, j = 0;
  for (int64_t first = 0; first < windows; first += L) {
    const int64_t count = smaller(windows - first, L);
    Vec<T> value[L], index[L];
    if (count == L) {
      load_interleaved<T>(
          images, [&](int n) { return load<L>(pooled + n * image + first); }, value);
      load_interleaved<T>(
          images, [&](int n) { return Vec<T>(load_bytes<L, T>(indices + n * image + first)); },
          index);
    } else {
      const auto bytes = [&](int n) {
        uint8_t copy[L] = {};
        for (int64_t k = 0; k < count; ++k) copy[k] = indices[n * image + first + k];
        return Vec<T>(load_bytes<L, T>(copy));
      };
      load_interleaved<T>(
          images, [&](int n) { return load_first<L>(pooled + n * image + first, count); }, value);
      load_interleaved<T>(images, bytes, index);
    }
    for (int64_t k = 0; k < count; ++k) {
      T* const corner = dy + i * p.window_height * row + j * p.window_width * pixel;
      int here = 0;
      for (int64_t r = 0; r < p.window_height; ++r) {
        for (int64_t c = 0; c < p.window_width; ++c, ++here) {
          store<L>(corner + r * row + c * pixel,
                   select(Mask<T, L>(index[k]) == here, value[k], Vec<T>{}));
        }
      }
      if (++j == p.out_width) {
        j = 0;
        ++i;
      }
    }
  }
}

template <typename T>
void backward_pooled(const ConvGradInputParams<T>& params) {
  constexpr int L = kLanes<T>;
  const ConvGeometry& g = params.conv;
  const PoolGeometry& p = params.pool;
  backward_by_bands<T>(params, p.window_height, [&](int64_t row0, int64_t rows, T* dy) {
    const int64_t first = row0 / p.window_height,
                  pooled_rows = smaller(rows / p.window_height, p.out_height - first);
    if (pooled_rows * p.window_height < rows || p.out_width * p.window_width < g.out_width)
      std::memset(dy, 0, rows * g.out_width * g.out_channels * L * sizeof(T));
    for (int64_t o = 0; o < g.out_channels; ++o) {
      const int64_t from = (o * p.out_height + first) * p.out_width;
      unpool_interleaved<T>(g, p, pooled_rows, params.images, params.grad + from,
                            params.indices + from, dy + o * L);
    }
  });
}

template <typename T>
void backward(const ConvGradInputParams<T>& params) {
  params.pool.window_height > 0 ? backward_pooled(params) : backward_dense(params);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.conv.batch_lanes_grad_input = {memory<T>, pack<T>, backward<T>};
});

}  // namespace
}  // namespace inkgrad::cpu
