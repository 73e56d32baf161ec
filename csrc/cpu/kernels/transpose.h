// Transposition of blocks in registers.
#pragma once

#include "vec.h"

namespace inkgrad::cpu {

// A square of L vectors, transposed in log2(L) rounds: in each, vectors that lie `distance` apart
// exchange the halves of their groups of 2 * distance elements.
template <typename T, int L>
inline void transpose_square(Vec<T, L> (&rows)[L]) {
#pragma GCC unroll 4
  for (int distance = 1; distance < L; distance *= 2) {
    Mask<T, L> first, second;
    for (int i = 0; i < L; ++i) {
      const bool upper = i & distance;
      first[i] = upper ? L + i - distance : i;
      second[i] = upper ? L + i : i + distance;
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      if (i & distance) continue;
      const Vec<T, L> a = rows[i], b = rows[i + distance];
      rows[i] = __builtin_shuffle(a, b, first);
      rows[i + distance] = __builtin_shuffle(a, b, second);
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
