// Winograd convolution: two neighboring outputs of a filter with fewer multiplications.
//
// For three taps, F(2, 3) takes four products instead of six:
//
//   y0 = g0 d0 + g1 d1 + g2 d2    =  first + sum + difference
//   y1 = g0 d1 + g1 d2 + g2 d3    =  second + sum - difference
//
//   first = g0 (d0 - d2)    sum        = (g0 + g1 + g2) / 2 (d1 + d2)
//   second = g2 (d3 - d1)   difference = (g0 - g1 + g2) / 2 (d2 - d1)
//
// Five taps take seven instead of ten: F(2, 3) for three of them and F(2, 2) for the other two,
// whose products are added to the same sums. Applied to rows and columns, four outputs take 16
// products instead of 36, or 49 instead of 100. Over the channels of an image, each sum is an entry
// of a matrix product, and outputs are formed once, after all channels.
//
// The only constants are 1 and 1/2; y0 never depends on an input of y1 alone, nor y1 on one of y0.
// Errors are small multiples of the rounding of max |g| max |d|, and since sums are short they are
// below those of direct summation. Where an input is not finite, an output may be NaN instead of
// infinity.
//
// Winograd, Arithmetic Complexity of Computations (1980); Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks (arXiv:1509.09308).
#pragma once

#include "../vec.h"
#include "winograd_scheme.h"

namespace inkgrad::cpu {

// The inputs of the products from Taps + 1 neighbors.
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

// The factors of the inputs.
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

// Its transpose: the gradient of the taps from that of the factors.
template <int Taps, typename V>
inline void taps_gradient(const V (&from)[Filter<Taps>::products], V (&g)[Taps]) {
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

// Two outputs from their sums.
template <typename V>
inline void transform_sums(const V (&sums)[kSums], V& y0, V& y1) {
  y0 = sums[0] + sums[1] + sums[2];
  y1 = sums[3] + sums[1] - sums[2];
}

// Its transpose: the gradients of the sums from those of both outputs.
template <typename V>
inline void transform_gradients(V y0, V y1, V (&sums)[kSums]) {
  sums[0] = y0;
  sums[1] = y0 + y1;
  sums[2] = y0 - y1;
  sums[3] = y1;
}

}  // namespace inkgrad::cpu
