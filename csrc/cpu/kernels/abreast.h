// Images abreast: a vector holds one element of L images, kLanes if not said otherwise,
// [element][image], so that whatever the size of an image no lane is idle and neighbours need no
// shuffles.
#pragma once

#include "bytes.h"
#include "integers.h"
#include "table.h"
#include "transpose.h"
#include "vec.h"

namespace inkgrad::cpu {

// square[j] = element p + j of every image: get(n) gives the elements of image n from p on.
template <typename T, int L, typename Get>
inline void load_abreast(int64_t images, Get get, Vec<T, L> (&square)[L]) {
#pragma GCC unroll 16
  for (int n = 0; n < L; ++n) square[n] = n < images ? get(n) : Vec<T, L>{};
  transpose_square<T, L>(square);
}

// to[p * to_step + n] = from[n * image + p], p < length, of `images` <= L images; zero for the
// missing ones.
template <typename T, int L = kLanes<T>>
inline void set_abreast(const T* from, int64_t image, int64_t images, int64_t length, T* to,
                        int64_t to_step = L) {
  for (int64_t p = 0; p < length; p += L) {
    const int64_t count = smaller(length - p, L);
    Vec<T, L> square[L];
    if (count == L) {
      load_abreast<T, L>(images, [&](int n) { return load<L>(from + n * image + p); }, square);
    } else {
      load_abreast<T, L>(
          images, [&](int n) { return load_first<L>(from + n * image + p, count); }, square);
    }
#pragma GCC unroll 16
    for (int j = 0; j < L; ++j) {
      if (j < count) store<L>(to + (p + j) * to_step, square[j]);
    }
  }
}

// The opposite: calls put(n * image + p, up to L neighbours of image n from its element p on, their
// number).
template <typename T, int L, typename Put>
inline void set_apart(const T* from, int64_t length, int64_t image, int64_t images, Put put) {
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
inline void set_apart(const T* from, int64_t length, int64_t image, int64_t images, T* to) {
  set_apart<T, L>(from, length, image, images,
                  [&](int64_t at, Vec<T, L> values, int64_t count) __attribute__((always_inline)) {
                    if (count == L) {
                      store<L>(to + at, values);
                    } else {
                      store_first<L>(to + at, values, count);
                    }
                  });
}

// The same of numbers in 0 .. 255, which are kept as elements of T's width and become bytes.
template <typename T, int L = kLanes<T>>
inline void set_bytes_apart(const T* from, int64_t length, int64_t image, int64_t images,
                            uint8_t* to) {
  set_apart<T, L>(from, length, image, images,
                  [&](int64_t at, Vec<T, L> values, int64_t count) __attribute__((always_inline)) {
                    if (count == L) return store_bytes<L, T>(to + at, Mask<T, L>(values));
                    uint8_t bytes[L];
                    store_bytes<L, T>(bytes, Mask<T, L>(values));
                    for (int64_t k = 0; k < count; ++k) to[at + k] = bytes[k];
                  });
}

}  // namespace inkgrad::cpu
