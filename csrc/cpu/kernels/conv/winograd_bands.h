// Shared by the Winograd convolution and its weight gradient: the batch in lanes (lanes.h), in
// bands of rows, and the patches of inputs of their windows of 2 x 2 outputs.
#pragma once

#include "direct.h"
#include "lanes.h"
#include "pool.h"
#include "winograd.h"

namespace inkgrad::cpu {

// Where a long vector takes two cycles, half vectors of half of the images cost half.
inline constexpr bool kHalves = kVectorBytes == 64;

// Calls f with the number of lanes for a group of images.
template <typename T, typename F>
inline auto with_image_lanes(int64_t images, F f) {
  constexpr int L = kLanes<T>;
  if constexpr (kHalves) {
    if (images <= L / 2) return f(std::integral_constant<int, L / 2>{});
  }
  return f(std::integral_constant<int, L>{});
}

// Interleaves rows first .. first + rows of the padded images, which are `image` elements apart, as
// rows at .. at + rows of the band. Columns of padding are not written.
template <typename T, int L>
void fill_rows(const ConvGeometry& g, int64_t images, const T* input, int64_t image, int64_t first,
               int64_t at, int64_t rows, const Image<T>& band) {
  const int64_t plane = g.in_height * g.in_width;
  const int64_t columns = smaller(g.in_width, band.pitch / L - g.pad_width);
  const bool contiguous = columns * L == band.pitch && columns == g.in_width &&
                          first >= g.pad_height && first + rows <= g.pad_height + g.in_height;
  for (int64_t i = 0; i < g.in_channels; ++i) {
    T* to = const_cast<T*>(band.data) + i * band.plane + at * band.pitch;
    const T* const from = input + i * plane + (first - g.pad_height) * g.in_width;
    if (contiguous) {
      interleave_images<T, L>(from, image, images, rows * columns, to);
      continue;
    }
    for (int64_t r = 0; r < rows; ++r, to += band.pitch) {
      const int64_t h = first + r - g.pad_height;
      if (h < 0 || h >= g.in_height) {
        std::memset(to, 0, band.pitch * sizeof(T));
      } else if (columns > 0) {
        interleave_images<T, L>(from + r * g.in_width, image, images, columns,
                                to + g.pad_width * L);
      }
    }
  }
}

// v of P neighboring windows, whose first patch begins at `corner`. In v channels are `channel` and
// products `product` elements apart.
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
          store<L>(v + product_index<Taps>(i, j) * product + p * L, products[i]);
      }
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
    transform_sums(columns, left[row], right[row]);
  }
  transform_sums(left, y[0], y[2]);
  transform_sums(right, y[1], y[3]);
}

// A bit for each lane that is not zero.
template <typename T, int L>
inline uint64_t lanes_not_zero(Vec<T, L> v) {
  uint64_t bits = 0;
  for (int n = 0; n < L; ++n) bits |= uint64_t(v[n] != T(0)) << n;
  return bits;
}

}  // namespace inkgrad::cpu
