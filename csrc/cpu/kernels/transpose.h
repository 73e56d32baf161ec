// Transposes blocks in registers.
#pragma once

#include "vec.h"

namespace inkgrad::cpu {

// Elements in 16 bytes, within which shuffles are cheapest.
template <typename T, int L>
inline constexpr int kGroup = L * int(sizeof(T)) < 16 ? L : 16 / int(sizeof(T));

// Interleaves the lower (half = 0) or the upper half of every group of a and b, `distance` elements
// at a time.
template <typename T, int L, int distance, int half, int... I>
inline Vec<T, L> interleave_groups(Vec<T, L> a, Vec<T, L> b, std::integer_sequence<int, I...>) {
  constexpr int G = kGroup<T, L>;
  return __builtin_shufflevector(a, b,
                                 (I / G * G + half * G / 2 + I % G / distance / 2 * distance +
                                  I % distance + I % G / distance % 2 * L)...);
}

// The even (odd = 0) or the odd groups of a, then those of b.
template <typename T, int L, int odd, int... I>
inline Vec<T, L> every_other_group(Vec<T, L> a, Vec<T, L> b, std::integer_sequence<int, I...>) {
  constexpr int G = kGroup<T, L>, groups = L / G;
  return __builtin_shufflevector(
      a, b, ((I / G % (groups / 2) * 2 + odd) * G + I % G + I / G / (groups / 2) * L)...);
}

// The rounds of transpose_square from the one that exchanges vectors `distance` apart.
template <typename T, int L, int distance>
inline void transpose_rounds(Vec<T, L> (&rows)[L]) {
  if constexpr (distance < L) {
    constexpr std::make_integer_sequence<int, L> all;
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      if (i & distance) continue;
      const Vec<T, L> a = rows[i], b = rows[i + distance];
      if constexpr (distance < kGroup<T, L>) {
        rows[i] = interleave_groups<T, L, distance, 0>(a, b, all);
        rows[i + distance] = interleave_groups<T, L, distance, 1>(a, b, all);
      } else {
        rows[i] = every_other_group<T, L, 0>(a, b, all);
        rows[i + distance] = every_other_group<T, L, 1>(a, b, all);
      }
    }
    transpose_rounds<T, L, 2 * distance>(rows);
  }
}

// Transposes a square of L vectors in log2(L) rounds of L shuffles.
template <typename T, int L>
inline void transpose_square(Vec<T, L> (&rows)[L]) {
  transpose_rounds<T, L, 1>(rows);
  if constexpr (kGroup<T, L> == 4) {  // the rounds have exchanged the middle two of four
#pragma GCC unroll 16
    for (int i = 1; i < L; i += 4) {
      const Vec<T, L> third = rows[i];
      rows[i] = rows[i + 1];
      rows[i + 1] = third;
    }
  }
}

// to[p * to_stride + i] = from[i * from_stride + p] for i < L (zero for i >= columns), p < length.
template <typename T>
inline void transpose_columns(const T* from, int64_t from_stride, int64_t columns, int64_t length,
                              T* to, int64_t to_stride) {
  constexpr int L = kLanes<T>;
  int64_t p = 0;
  if (columns >= L) {
    for (; p + L <= length; p += L) {
      Vec<T> square[L];
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i) square[i] = load<L>(from + i * from_stride + p);
      transpose_square<T, L>(square);
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i) store<L>(to + (p + i) * to_stride, square[i]);
    }
  }
  for (; p < length; ++p) {
    for (int i = 0; i < L; ++i)
      to[p * to_stride + i] = i < columns ? from[i * from_stride + p] : T(0);
  }
}

}  // namespace inkgrad::cpu
