// Batch in lanes: a vector holds one element of L = kLanes images (memory [element][image]), so no
// lane is idle whatever the size of an image, and neighbors need no shuffles.
#pragma once

#include "../bytes.h"
#include "../integers.h"
#include "../transpose.h"
#include "../vec.h"
#include "kernels.h"

namespace inkgrad::cpu {

// square[j] = element j of every image, where get(n) loads L elements of image n.
template <typename T, int L, typename Get>
inline void load_interleaved(int64_t images, Get get, Vec<T, L> (&square)[L]) {
#pragma GCC unroll 16
  for (int n = 0; n < L; ++n) square[n] = n < images ? get(n) : Vec<T, L>{};
  transpose_square<T, L>(square);
}

// to[p * to_step + n] = from[n * image + p] for p < length, n < images; zero for images .. L.
template <typename T, int L = kLanes<T>>
inline void interleave_images(const T* from, int64_t image, int64_t images, int64_t length, T* to,
                              int64_t to_step = L) {
  for (int64_t p = 0; p < length; p += L) {
    const int64_t count = smaller(length - p, L);
    Vec<T, L> square[L];
    if (count == L) {
      load_interleaved<T, L>(images, [&](int n) { return load<L>(from + n * image + p); }, square);
    } else {
      load_interleaved<T, L>(
          images, [&](int n) { return load_first<L>(from + n * image + p, count); }, square);
    }
#pragma GCC unroll 16
    for (int j = 0; j < L; ++j) {
      if (j < count) store<L>(to + (p + j) * to_step, square[j]);
    }
  }
}

// The inverse: calls put(n * image + p, the elements of image n from p on, their number <= L).
template <typename T, int L, typename Put>
inline void deinterleave(const T* from, int64_t length, int64_t image, int64_t images, Put put) {
  for (int64_t p = 0; p < length; p += L) {
    const int64_t count = smaller(length - p, L);
    Vec<T, L> square[L];
    if (count == L) {
#pragma GCC unroll 16
      for (int j = 0; j < L; ++j) square[j] = load<L>(from + (p + j) * L);
    } else {
#pragma GCC unroll 16
      for (int j = 0; j < L; ++j) square[j] = j < count ? load<L>(from + (p + j) * L) : Vec<T, L>{};
    }
    transpose_square<T, L>(square);
#pragma GCC unroll 16
    for (int n = 0; n < L; ++n) {
      if (n < images) put(n * image + p, square[n], count);
    }
  }
}

template <typename T, int L = kLanes<T>>
inline void deinterleave(const T* from, int64_t length, int64_t image, int64_t images, T* to) {
  deinterleave<T, L>(from, length, image, images,
                     [&](int64_t at, Vec<T, L> values, int64_t count)
                         __attribute__((always_inline)) {
                           if (count == L) {
                             store<L>(to + at, values);
                           } else {
                             store_first<L>(to + at, values, count);
                           }
                         });
}

// The same for integers 0 .. 255 as wide as T, which become bytes.
template <typename T, int L = kLanes<T>>
inline void deinterleave_bytes(const typename IntegerOf<T>::type* from, int64_t length,
                               int64_t image, int64_t images, uint8_t* to) {
  deinterleave<T, L>(reinterpret_cast<const T*>(from), length, image, images,
                     [&](int64_t at, Vec<T, L> values, int64_t count)
                         __attribute__((always_inline)) {
                           if (count == L) return store_bytes<L, T>(to + at, Mask<T, L>(values));
                           uint8_t bytes[L];
                           store_bytes<L, T>(bytes, Mask<T, L>(values));
                           for (int64_t k = 0; k < count; ++k) to[at + k] = bytes[k];
                         });
}

}  // namespace inkgrad::cpu
