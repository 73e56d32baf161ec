// Winograd's minimal filtering: two neighbouring outputs of a filter for fewer multiplications.
//
// Of three taps, F(2, 3): four products instead of six.
//
//   y0 = g0 d0 + g1 d1 + g2 d2    =  first + sum + difference
//   y1 = g0 d1 + g1 d2 + g2 d3    =  second + sum - difference
//
//   first = g0 (d0 - d2)    sum        = (g0 + g1 + g2) / 2 (d1 + d2)
//   second = g2 (d3 - d1)   difference = (g0 - g1 + g2) / 2 (d2 - d1)
//
// Of five, seven instead of ten: three taps as above and F(2, 2) for the other two, whose products
// fall into the same sums. In two dimensions the scheme is applied to rows and columns: four
// outputs for 16 products instead of 36, or 49 instead of 100. Over the channels of an image each
// sum becomes one of a matrix product, and sums are put together once, behind all channels.
//
// No other numbers than 1 and 1/2 occur, and y0 never sees what only y1 depends on, nor y1 what
// only y0 does. Errors are small multiples of the rounding of max |g| max |d|; sums are short, so
// that they stay below those of adding up all taps. What is not finite may come out as NaN.
//
// Winograd, Arithmetic Complexity of Computations (1980); Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks (arXiv:1509.09308).
#pragma once

#include "vec.h"

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

// The inputs of the products from Taps + 1 neighbours.
template <int Taps, typename V>
inline void transform_inputs(const V (&d)[Taps + 1], V (&to)[Filter<Taps>::products]) {
  if constexpr (Taps == 3) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[3] - d[1];
  } else {
    to[0] = d[0] - d[2];
    to[1] = d[3] - d[4];
    to[2] = d[1] + d[2];
    to[3] = d[4];
    to[4] = d[2] - d[1];
    to[5] = d[3] - d[1];
    to[6] = d[5] - d[4];
  }
}

// What the inputs are multiplied with.
template <int Taps, typename V>
inline void transform_taps(const V (&g)[Taps], V (&to)[Filter<Taps>::products]) {
  const V sum = (g[0] + g[1] + g[2]) * 0.5, difference = (g[0] - g[1] + g[2]) * 0.5;
  if constexpr (Taps == 3) {
    to[0] = g[0];
    to[1] = sum;
    to[2] = difference;
    to[3] = g[2];
  } else {
    to[0] = g[0];
    to[1] = g[3];
    to[2] = sum;
    to[3] = g[3] + g[4];
    to[4] = difference;
    to[5] = g[2];
    to[6] = g[4];
  }
}

// The opposite: what the taps get of gradients with respect to what the inputs are multiplied with.
template <int Taps, typename V>
inline void taps_of_products(const V (&from)[Filter<Taps>::products], V (&g)[Taps]) {
  constexpr int sum = Filter<Taps>::begin[1], difference = Filter<Taps>::begin[2],
                second = Filter<Taps>::begin[3];
  const V half_sum = from[sum] * 0.5, half_difference = from[difference] * 0.5;
  g[0] = from[0] + half_sum + half_difference;
  g[1] = half_sum - half_difference;
  g[2] = from[second] + half_sum + half_difference;
  if constexpr (Taps == 5) {
    g[3] = from[1] + from[3];
    g[4] = from[6] + from[3];
  }
}

template <typename V>
inline void put_together(const V (&sums)[kSums], V& y0, V& y1) {
  y0 = sums[0] + sums[1] + sums[2];
  y1 = sums[3] + sums[1] - sums[2];
}

// The opposite: what the sums get of the gradients of both outputs.
template <typename V>
inline void take_apart(V y0, V y1, V (&sums)[kSums]) {
  sums[0] = y0;
  sums[1] = y0 + y1;
  sums[2] = y0 - y1;
  sums[3] = y1;
}

// Products of the sum (row, column) in two dimensions.
template <int Taps>
constexpr int products_of(int row, int column) {
  using F = Filter<Taps>;
  return (F::begin[row + 1] - F::begin[row]) * (F::begin[column + 1] - F::begin[column]);
}

// The place of the product (i, j) among all of two dimensions, those of a sum together.
template <int Taps>
constexpr int product_place(int i, int j) {
  using F = Filter<Taps>;
  int row = 0, column = 0;
  while (i >= F::begin[row + 1]) ++row;
  while (j >= F::begin[column + 1]) ++column;
  int place =
      (i - F::begin[row]) * (F::begin[column + 1] - F::begin[column]) + j - F::begin[column];
  for (int k = 0; k < row * kSums + column; ++k) place += products_of<Taps>(k / kSums, k % kSums);
  return place;
}

}  // namespace inkgrad::cpu
