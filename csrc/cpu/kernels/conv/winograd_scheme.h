// The numbers of products and windows of the Winograd convolutions (winograd.h), without vectors:
// algorithms.cpp decides by them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "../../../common/geometry.h"
#include "../integers.h"

namespace inkgrad::cpu {

// The sums that two outputs are made of.
inline constexpr int kSums = 4;

// The products of Taps taps in one dimension, in the order of the sums that they belong to: first,
// sum, difference, second.
template <int Taps>
struct Filter;
template <>
struct Filter<3> {
  static constexpr int products = 4, begin[kSums + 1] = {0, 1, 2, 3, 4};
};
template <>
struct Filter<5> {
  static constexpr int products = 7, begin[kSums + 1] = {0, 2, 4, 5, 7};
};

template <int Taps>
inline constexpr int kProducts = Filter<Taps>::products * Filter<Taps>::products;

// Products of the sum (row, column) in two dimensions.
template <int Taps>
constexpr int products_of(int row, int column) {
  using F = Filter<Taps>;
  return (F::begin[row + 1] - F::begin[row]) * (F::begin[column + 1] - F::begin[column]);
}

// The index of the product (i, j) among all of two dimensions, those of a sum together.
template <int Taps>
constexpr int product_index(int i, int j) {
  using F = Filter<Taps>;
  int row = 0, column = 0;
  while (i >= F::begin[row + 1]) ++row;
  while (j >= F::begin[column + 1]) ++column;
  int index =
      (i - F::begin[row]) * (F::begin[column + 1] - F::begin[column]) + j - F::begin[column];
  for (int k = 0; k < row * kSums + column; ++k) index += products_of<Taps>(k / kSums, k % kSums);
  return index;
}

// Calls f with the width of the kernel, 3 or 5.
template <typename F>
inline auto with_taps(const ConvGeometry& g, F f) {
  return g.kernel_width == 3 ? f(std::integral_constant<int, 3>{})
                             : f(std::integral_constant<int, 5>{});
}

// Products of a window for a pair of channels.
inline int64_t products_of_kernel(const ConvGeometry& g) {
  return with_taps(g, [](auto taps) { return int64_t(kProducts<decltype(taps)::value>); });
}

// Windows of 2 x 2 outputs: the pool's, if there is one.
inline int64_t window_rows(const ConvGeometry& g, const PoolGeometry& p) {
  return p.window_height > 0 ? p.out_height : divide_up(g.out_height, 2);
}
inline int64_t window_columns(const ConvGeometry& g, const PoolGeometry& p) {
  return p.window_height > 0 ? p.out_width : divide_up(g.out_width, 2);
}

// Windows between which the weight's gradient adds the lanes of all its sums: fewer do not pay.
inline constexpr int64_t kMinWindows = 12;

}  // namespace inkgrad::cpu
