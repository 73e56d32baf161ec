// relu(max_pool2d(x)) of one plane over non-overlapping windows, and the backward of the pool.
//
// The index of the maximum within its window fits a byte. As in torch, the first maximum in
// row-major order wins and NaN wins over everything. Windows two columns wide, the usual ones, go
// by vectors: even and odd columns are separated by a shuffle.
#pragma once

#include <type_traits>

#include "bytes.h"
#include "table.h"
#include "vec.h"

namespace inkgrad::cpu {

template <typename T, int L>
struct PairShuffle {
  Mask<T, L> even{}, odd{}, low{}, high{};
  constexpr PairShuffle() {
    for (int i = 0; i < L; ++i) {
      even[i] = 2 * i;
      odd[i] = 2 * i + 1;
      low[i] = i / 2 + (i % 2) * L;
      high[i] = L / 2 + i / 2 + (i % 2) * L;
    }
  }
};

// Calls f with the number of outputs that a vector step makes in rows of n windows, or returns
// false: too narrow.
template <typename T, typename F>
inline bool with_window_lanes(int64_t n, F f) {
  constexpr int most = kLanes<T> >= 4 ? kLanes<T> / 2 : 2, least = most >= 4 ? most / 2 : 2;
  if (n >= most) {
    f(std::integral_constant<int, most>{});
  } else if (n >= least) {
    f(std::integral_constant<int, least>{});
  } else {
    return false;
  }
  return true;
}

// L outputs whose windows, 2 columns wide, begin at x.
template <int L, typename T>
inline void relu_pool_pairs(const T* x, int64_t row_stride, int64_t window_height, T* output,
                            uint8_t* indices) {
  const PairShuffle<T, L> s;
  Vec<T, L> best{};
  Mask<T, L> index{};
  for (int64_t r = 0; r < window_height; ++r, x += row_stride) {
    const Vec<T, L> a = load<L>(x), b = load<L>(x + L);
    const Vec<T, L> even = __builtin_shuffle(a, b, s.even), odd = __builtin_shuffle(a, b, s.odd);
    const auto replace = [&](Vec<T, L> v, int place) {
      const Mask<T, L> better = (v > best) | (v != v);
      best = select(better, v, best);
      index = select(better, Mask<T, L>{} + place, index);
    };
    if (r == 0) {
      best = even;
    } else {
      replace(even, int(2 * r));
    }
    replace(odd, int(2 * r + 1));
  }
  store<L>(output, select(best < T(0), Vec<T, L>{}, best));
  store_bytes<L, T>(indices, index);
}

template <typename T>
inline void relu_pool_window(const T* x, int64_t row_stride, const PoolGeometry& p, T* output,
                             uint8_t* index) {
  T best = x[0];
  int64_t place = 0;
  for (int64_t r = 0; r < p.window_height; ++r) {
    for (int64_t c = 0; c < p.window_width; ++c) {
      const T v = x[r * row_stride + c];
      if (v > best || v != v) {
        best = v;
        place = r * p.window_width + c;
      }
    }
  }
  *output = best < T(0) ? T(0) : best;
  *index = uint8_t(place);
}

// One row of p.out_width outputs from window_height rows of x.
template <typename T>
inline void relu_pool_row(const T* x, int64_t row_stride, const PoolGeometry& p, T* output,
                          uint8_t* indices) {
  const int64_t n = p.out_width;
  const auto by_vectors = [&](auto lanes) {
    constexpr int W = decltype(lanes)::value;
    for (int64_t j = 0; j < n; j += W) {
      const int64_t at = j + W <= n ? j : n - W;  // the last vector overlaps its neighbour
      relu_pool_pairs<W>(x + 2 * at, row_stride, p.window_height, output + at, indices + at);
    }
  };
  if (p.window_width == 2 && with_window_lanes<T>(n, by_vectors)) return;
  for (int64_t j = 0; j < n; ++j)
    relu_pool_window(x + j * p.window_width, row_stride, p, output + j, indices + j);
}

// A whole plane, its rows `width` apart.
template <typename T>
inline void relu_pool_plane(const PoolGeometry& p, const T* plane, int64_t width, T* output,
                            uint8_t* indices) {
  for (int64_t i = 0; i < p.out_height; ++i) {
    relu_pool_row(plane + i * p.window_height * width, width, p, output + i * p.out_width,
                  indices + i * p.out_width);
  }
}

// One window of L channels that lie side by side in memory, [row][column][channel]; `row` and
// `channels`: from row to row and from column to column.
template <typename T, int L, typename Load, typename Store>
inline void relu_pool_channels(const PoolGeometry& p, const T* window, int64_t row,
                               int64_t channels, Load load_channels, Store store_channels) {
  Vec<T, L> best = load_channels(window);
  Mask<T, L> place{};
  int here = 0;
  for (int64_t r = 0; r < p.window_height; ++r) {
    for (int64_t c = 0; c < p.window_width; ++c, ++here) {
      const Vec<T, L> v = load_channels(window + r * row + c * channels);
      const Mask<T, L> better = (v > best) | (v != v);
      best = select(better, v, best);
      place = select(better, Mask<T, L>{} + here, place);
    }
  }
  store_channels(select(best < T(0), Vec<T, L>{}, best), place);
}

// The usual window, 2 x 2, of L images or channels: relu(max) of its values in row-major order, and
// which of them it was.
inline constexpr int kWindow = 4;
template <typename T, int L>
inline void relu_max(const Vec<T, L> (&v)[kWindow], Vec<T, L>& best, Mask<T, L>& place) {
  best = v[0];
  place = Mask<T, L>{};
#pragma GCC unroll 4
  for (int k = 1; k < kWindow; ++k) {
    const Mask<T, L> better = (v[k] > best) | (v[k] != v[k]);
    best = select(better, v[k], best);
    place = select(better, Mask<T, L>{} + k, place);
  }
  best = select(best < T(0), Vec<T, L>{}, best);
}

// One row of windows of the gradient: window_height rows of n_columns = out_width * window_width
// elements, all written.
template <typename T>
inline void pool_backward_row(const T* grad_output, const uint8_t* indices, const PoolGeometry& p,
                              T* grad, int64_t row_stride) {
  const int64_t n = p.out_width;
  const auto by_vectors = [&](auto lanes) {
    constexpr int W = decltype(lanes)::value;
    const PairShuffle<T, W> s;
    for (int64_t j = 0; j < n; j += W) {
      const int64_t at = j + W <= n ? j : n - W;
      const Vec<T, W> value = load<W>(grad_output + at);
      const Mask<T, W> index = load_bytes<W, T>(indices + at);
      for (int64_t r = 0; r < p.window_height; ++r) {
        const Vec<T, W> even = select(index == int(2 * r), value, Vec<T, W>{});
        const Vec<T, W> odd = select(index == int(2 * r + 1), value, Vec<T, W>{});
        store<W>(grad + r * row_stride + 2 * at, __builtin_shuffle(even, odd, s.low));
        store<W>(grad + r * row_stride + 2 * at + W, __builtin_shuffle(even, odd, s.high));
      }
    }
  };
  if (p.window_width == 2 && with_window_lanes<T>(n, by_vectors)) return;
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

}  // namespace inkgrad::cpu
