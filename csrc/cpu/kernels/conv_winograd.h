// What the convolution by Winograd's filtering (winograd.h) and its gradient share: images abreast
// (abreast.h) in bands of rows, and the patches of their windows of 2 x 2 outputs.
#pragma once

#include "abreast.h"
#include "conv.h"
#include "winograd.h"

namespace inkgrad::cpu {

// Where a long vector takes two cycles, half of the images take half of the time.
inline constexpr bool kHalves = kVectorBytes == 64;

// Calls f with the number of lanes for so many images.
template <typename T, typename F>
inline auto with_image_lanes(int64_t images, F f) {
  constexpr int L = kLanes<T>;
  if constexpr (kHalves) {
    if (images <= L / 2) return f(std::integral_constant<int, L / 2>{});
  }
  return f(std::integral_constant<int, L>{});
}

template <int Taps>
inline constexpr int kProducts = Filter<Taps>::products * Filter<Taps>::products;

// Calls f with the width of the kernel.
template <typename F>
inline auto with_taps(const ConvGeometry& g, F f) {
  return g.kernel_width == 3 ? f(std::integral_constant<int, 3>{})
                             : f(std::integral_constant<int, 5>{});
}

// Products of a window and a pair of channels.
inline int64_t products_of_kernel(const ConvGeometry& g) {
  return with_taps(g, [](auto taps) { return int64_t(kProducts<decltype(taps)::value>); });
}

// Windows of 2 x 2 outputs, those of the pool if there is one.
inline int64_t window_rows(const ConvGeometry& g, const PoolGeometry& p) {
  return p.window_height > 0 ? p.out_height : divide_up(g.out_height, 2);
}
inline int64_t window_columns(const ConvGeometry& g, const PoolGeometry& p) {
  return p.window_height > 0 ? p.out_width : divide_up(g.out_width, 2);
}

// Whether the products of so many windows are a third fewer than those of every tap with so many
// pixels, which is what has to be saved for all that is not multiplying.
inline bool saves_a_third(const ConvGeometry& g, int64_t windows, int64_t pixels) {
  return 3 * products_of_kernel(g) * windows <= 2 * pixels * g.kernel_height * g.kernel_width;
}

// Whether the kernel is one of those that are filtered: with so many products, one for every pair
// of channels, that they stay in the last-level cache.
inline bool has_filter(const ConvGeometry& g) {
  constexpr int64_t kMostProducts = 1 << 22;
  return g.kernel_height == g.kernel_width && (g.kernel_width == 3 || g.kernel_width == 5) &&
         g.dilation_height == 1 && g.dilation_width == 1 &&
         products_of_kernel(g) * g.in_channels * g.out_channels <= kMostProducts;
}

// Rows first .. first + rows of the padded images, which lie `image` elements apart, as rows at ..
// at + rows of the band. What lies beside the images is not touched.
template <typename T, int L>
void fill_rows(const ConvGeometry& g, int64_t images, const T* input, int64_t image, int64_t first,
               int64_t at, int64_t rows, const Image<T>& band) {
  const int64_t plane = g.in_height * g.in_width;
  const int64_t columns = smaller(g.in_width, band.pitch / L - g.pad_width);
  const bool at_once = columns * L == band.pitch && columns == g.in_width &&
                       first >= g.pad_height && first + rows <= g.pad_height + g.in_height;
  for (int64_t i = 0; i < g.in_channels; ++i) {
    T* to = const_cast<T*>(band.data) + i * band.plane + at * band.pitch;
    const T* const from = input + i * plane + (first - g.pad_height) * g.in_width;
    if (at_once) {
      set_abreast<T, L>(from, image, images, rows * columns, to);
      continue;
    }
    for (int64_t r = 0; r < rows; ++r, to += band.pitch) {
      const int64_t h = first + r - g.pad_height;
      if (h < 0 || h >= g.in_height) {
        std::memset(to, 0, band.pitch * sizeof(T));
      } else if (columns > 0) {
        set_abreast<T, L>(from + r * g.in_width, image, images, columns, to + g.pad_width * L);
      }
    }
  }
}

// v of P neighbouring windows, the first patch of which begins at `corner`, for some channels; from
// channel to channel and from product to product so many elements of v.
template <typename T, int L, int Taps, int P>
void transform_patches(int64_t channels, const Image<T>& band, const T* corner, T* v,
                       int64_t channel, int64_t product) {
  constexpr int N = Filter<Taps>::products;
  for (int64_t i = 0; i < channels; ++i, corner += band.plane, v += channel) {
    for (int p = 0; p < P; ++p) {
      const T* const patch = corner + 2 * p * L;
      Vec<T, L> rows[Taps + 1][N];
#pragma GCC unroll 8
      for (int r = 0; r <= Taps; ++r) {
        Vec<T, L> row[Taps + 1];
#pragma GCC unroll 8
        for (int c = 0; c <= Taps; ++c) row[c] = load<L>(patch + r * band.pitch + c * L);
        transform_inputs<Taps>(row, rows[r]);
      }
#pragma GCC unroll 8
      for (int j = 0; j < N; ++j) {
        Vec<T, L> column[Taps + 1], products[N];
#pragma GCC unroll 8
        for (int r = 0; r <= Taps; ++r) column[r] = rows[r][j];
        transform_inputs<Taps>(column, products);
#pragma GCC unroll 8
        for (int i = 0; i < N; ++i)
          store<L>(v + product_place<Taps>(i, j) * product + p * L, products[i]);
      }
    }
  }
}

}  // namespace inkgrad::cpu
