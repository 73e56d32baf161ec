// relu(max_pool2d(x)) of one plane over non-overlapping windows, and the backward of the pool.
//
// The index of a maximum in its window fits a byte; kNoGradient replaces it where the relu's
// derivative is zero, so that backward does not need the output. As in torch, the first maximum in
// row-major order wins, and NaN wins over all numbers. Windows of two columns, the common case, are
// vectorized: a shuffle separates even from odd columns.
#pragma once

#include <type_traits>

#include "../bytes.h"
#include "../vec.h"
#include "kernels.h"

namespace inkgrad::cpu {

// The even (odd = 0) or the odd columns of a, then those of b.
template <typename T, int L, int odd, int... I>
inline Vec<T, L> every_other(Vec<T, L> a, Vec<T, L> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (2 * I + odd)...);
}

// The inverse: the columns of the lower (half = 0) or the upper halves.
template <typename T, int L, int half, int... I>
inline Vec<T, L> alternate(Vec<T, L> even, Vec<T, L> odd, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(even, odd, ((half * L + I) / 2 + I % 2 * L)...);
}

// Calls f with the number of outputs of a vector step in rows of n windows. False for rows that are
// too narrow.
template <typename T, typename F>
inline bool with_window_lanes(int64_t n, F f) {
  constexpr int long_step = kLanes<T> >= 4 ? kLanes<T> / 2 : 2,
                short_step = long_step >= 4 ? long_step / 2 : 2;
  if (n >= long_step) {
    f(std::integral_constant<int, long_step>{});
  } else if (n >= short_step) {
    f(std::integral_constant<int, short_step>{});
  } else {
    return false;
  }
  return true;
}

// From the maxima of windows and their indices to the outputs and the indices that are kept.
template <typename T, int L>
inline void relu(Vec<T, L>& best, Mask<T, L>& index) {
  index = select(best <= T(0), Mask<T, L>{} + kNoGradient, index);
  best = select(best < T(0), Vec<T, L>{}, best);
}

// L outputs of windows of 2 columns from x on.
template <int L, typename T>
inline void relu_pool_pairs(const T* x, int64_t row_stride, int64_t window_height, T* output,
                            uint8_t* indices) {
  constexpr std::make_integer_sequence<int, L> all;
  Vec<T, L> best{};
  Mask<T, L> index{};
  for (int64_t r = 0; r < window_height; ++r, x += row_stride) {
    const Vec<T, L> a = load<L>(x), b = load<L>(x + L);
    const Vec<T, L> even = every_other<T, L, 0>(a, b, all), odd = every_other<T, L, 1>(a, b, all);
    const auto replace = [&](Vec<T, L> v, int here) {
      const Mask<T, L> better = (v > best) | (v != v);
      best = select(better, v, best);
      index = select(better, Mask<T, L>{} + here, index);
    };
    if (r == 0) {
      best = even;
    } else {
      replace(even, int(2 * r));
    }
    replace(odd, int(2 * r + 1));
  }
  relu<T, L>(best, index);
  store<L>(output, best);
  store_bytes<L, T>(indices, index);
}

template <typename T>
inline void relu_pool_window(const T* x, int64_t row_stride, const PoolGeometry& p, T* output,
                             uint8_t* index) {
  T best = x[0];
  int64_t best_index = 0;
  for (int64_t r = 0; r < p.window_height; ++r) {
    for (int64_t c = 0; c < p.window_width; ++c) {
      const T v = x[r * row_stride + c];
      if (v > best || v != v) {
        best = v;
        best_index = r * p.window_width + c;
      }
    }
  }
  *output = best < T(0) ? T(0) : best;
  *index = uint8_t(best <= T(0) ? kNoGradient : best_index);
}

// One row of p.out_width outputs from window_height rows of x.
template <typename T>
inline void relu_pool_row(const T* x, int64_t row_stride, const PoolGeometry& p, T* output,
                          uint8_t* indices) {
  const int64_t n = p.out_width;
  const auto vectors = [&](auto lanes) {
    constexpr int W = decltype(lanes)::value;
    for (int64_t j = 0; j < n; j += W) {
      const int64_t at = j + W <= n ? j : n - W;  // the last vector overlaps the one before
      relu_pool_pairs<W>(x + 2 * at, row_stride, p.window_height, output + at, indices + at);
    }
  };
  if (p.window_width == 2 && with_window_lanes<T>(n, vectors)) return;
  for (int64_t j = 0; j < n; ++j)
    relu_pool_window(x + j * p.window_width, row_stride, p, output + j, indices + j);
}

// One window of L adjacent channels, [row][column][channel], whose rows are `row` and whose columns
// are `channels` apart.
template <typename T, int L, typename Load, typename Store>
inline void relu_pool_channels(const PoolGeometry& p, const T* window, int64_t row,
                               int64_t channels, Load load_channels, Store store_channels) {
  Vec<T, L> best = load_channels(window);
  Mask<T, L> index{};
  int here = 0;
  for (int64_t r = 0; r < p.window_height; ++r) {
    for (int64_t c = 0; c < p.window_width; ++c, ++here) {
      const Vec<T, L> v = load_channels(window + r * row + c * channels);
      const Mask<T, L> better = (v > best) | (v != v);
      best = select(better, v, best);
      index = select(better, Mask<T, L>{} + here, index);
    }
  }
  relu<T, L>(best, index);
  store_channels(best, index);
}

// relu(max) of the values of a 2 x 2 window in row-major order, and the index that is kept, of L
// images or channels.
inline constexpr int kWindow = 4;
template <typename T, int L>
inline void relu_max(const Vec<T, L> (&v)[kWindow], Vec<T, L>& best, Mask<T, L>& index) {
  best = v[0];
  index = Mask<T, L>{};
#pragma GCC unroll 4
  for (int k = 1; k < kWindow; ++k) {
    const Mask<T, L> better = (v[k] > best) | (v[k] != v[k]);
    best = select(better, v[k], best);
    index = select(better, Mask<T, L>{} + k, index);
  }
  relu<T, L>(best, index);
}

// One row of windows of the gradient: window_height rows of out_width * window_width elements, all
// written.
template <typename T>
inline void unpool_row(const T* grad_output, const uint8_t* indices, const PoolGeometry& p, T* grad,
                       int64_t row_stride) {
  const int64_t n = p.out_width;
  const auto vectors = [&](auto lanes) {
    constexpr int W = decltype(lanes)::value;
    constexpr std::make_integer_sequence<int, W> all;
    for (int64_t j = 0; j < n; j += W) {
      const int64_t at = j + W <= n ? j : n - W;
      const Vec<T, W> value = load<W>(grad_output + at);
      const Mask<T, W> index = load_bytes<W, T>(indices + at);
      for (int64_t r = 0; r < p.window_height; ++r) {
        const Vec<T, W> even = select(index == int(2 * r), value, Vec<T, W>{});
        const Vec<T, W> odd = select(index == int(2 * r + 1), value, Vec<T, W>{});
        T* const to = grad + r * row_stride + 2 * at;
        store<W>(to, alternate<T, W, 0>(even, odd, all));
        store<W>(to + W, alternate<T, W, 1>(even, odd, all));
      }
    }
  };
  if (p.window_width == 2 && with_window_lanes<T>(n, vectors)) return;
  for (int64_t j = 0; j < n; ++j) {
    T* window = grad + j * p.window_width;
    for (int64_t r = 0; r < p.window_height; ++r) {
      for (int64_t c = 0; c < p.window_width; ++c) {
        const bool here = indices[j] == r * p.window_width + c;
        window[r * row_stride + c] = here ? grad_output[j] : T(0);
      }
    }
  }
}

// A plane of height x width: each element of grad_output at its maximum, zero elsewhere.
template <typename T>
inline void unpool_plane(const PoolGeometry& p, const T* grad_output, const uint8_t* indices,
                         int64_t height, int64_t width, T* grad_plane) {
  const int64_t covered_rows = p.out_height * p.window_height,
                covered_cols = p.out_width * p.window_width;
  for (int64_t i = 0; i < p.out_height; ++i) {
    const int64_t at = i * p.out_width;
    T* rows = grad_plane + i * p.window_height * width;
    unpool_row(grad_output + at, indices + at, p, rows, width);
    for (int64_t r = 0; r < p.window_height; ++r) {
      for (int64_t c = covered_cols; c < width; ++c) rows[r * width + c] = T(0);
    }
  }
  for (int64_t k = covered_rows * width; k < height * width; ++k) grad_plane[k] = T(0);
}

}  // namespace inkgrad::cpu
