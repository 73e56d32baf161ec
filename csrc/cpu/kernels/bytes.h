// Lanes that hold small integers, stored as bytes.
#pragma once

#include "vec.h"

namespace inkgrad::cpu {

// Integers as wide as T to bytes and back, in intrinsics: compilers convert such narrow vectors
// element by element.
template <int L, typename T>
inline void store_bytes(uint8_t* to, Mask<T, L> values) {
#if defined(__AVX512VL__)
  __m128i bytes;
  if constexpr (sizeof(T) == 4 && L == 8) {
    bytes = _mm256_cvtepi32_epi8(__m256i(values));
  } else if constexpr (sizeof(T) == 4 && L == 4) {
    bytes = _mm_cvtepi32_epi8(__m128i(values));
  } else if constexpr (sizeof(T) == 4 && L == 16) {
    bytes = _mm512_cvtepi32_epi8(__m512i(values));
  } else if constexpr (sizeof(T) == 8 && L == 4) {
    bytes = _mm256_cvtepi64_epi8(__m256i(values));
  } else if constexpr (sizeof(T) == 8 && L == 8) {
    bytes = _mm512_cvtepi64_epi8(__m512i(values));
  } else {
    static_assert(sizeof(T) == 8 && L == 2);
    bytes = _mm_cvtepi64_epi8(__m128i(values));
  }
#else
  const auto bytes = __builtin_convertvector(values, typename VecOf<uint8_t, L>::type);
#endif
  std::memcpy(to, &bytes, L);
}
template <int L, typename T>
inline Mask<T, L> load_bytes(const uint8_t* from) {
#if defined(__AVX2__)
  __m128i wide{};
  std::memcpy(&wide, from, L);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4 && L == 16) return Mask<T, L>(_mm512_cvtepu8_epi32(wide));
  if constexpr (sizeof(T) == 8 && L == 8) return Mask<T, L>(_mm512_cvtepu8_epi64(wide));
#endif
  if constexpr (sizeof(T) == 4 && L == 8) return Mask<T, L>(_mm256_cvtepu8_epi32(wide));
  if constexpr (sizeof(T) == 4 && L == 4) return Mask<T, L>(_mm_cvtepu8_epi32(wide));
  if constexpr (sizeof(T) == 8 && L == 4) return Mask<T, L>(_mm256_cvtepu8_epi64(wide));
  if constexpr (sizeof(T) == 8 && L == 2) return Mask<T, L>(_mm_cvtepu8_epi64(wide));
#endif
  typename VecOf<uint8_t, L>::type bytes;
  std::memcpy(&bytes, from, L);
  return __builtin_convertvector(bytes, Mask<T, L>);
}

}  // namespace inkgrad::cpu
