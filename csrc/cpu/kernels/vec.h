// SIMD vectors in the compiler's vector extension: one source for SSE2, AVX2, AVX-512 and NEON, one
// library for each set of flags. a * b + c becomes a fused multiply-add where the flags allow it.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>  // masked moves and movemask, which the extension cannot express
#endif

namespace inkgrad::cpu {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr int kVectorRegisters = 32;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
inline constexpr int kVectorRegisters = 16;
#elif defined(__aarch64__)
inline constexpr int kVectorBytes = 16;
inline constexpr int kVectorRegisters = 32;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr int kVectorRegisters = 16;
#endif

template <typename T>
inline constexpr int kLanes = kVectorBytes / int(sizeof(T));

template <typename T>
struct IntegerOf;
template <>
struct IntegerOf<float> {
  using type = int32_t;
};
template <>
struct IntegerOf<double> {
  using type = int64_t;
};

template <typename T, int L>
struct VecOf {
  typedef T type __attribute__((vector_size(L * sizeof(T))));
  typedef T unaligned __attribute__((vector_size(L * sizeof(T)), aligned(sizeof(T)), may_alias));
};

template <typename T, int L = kLanes<T>>
using Vec = typename VecOf<T, L>::type;
// Vector of integers as wide as T's: what comparisons of Vec<T, L> give (-1 where true).
template <typename T, int L = kLanes<T>>
using Mask = typename VecOf<typename IntegerOf<T>::type, L>::type;

// True in the first n lanes.
template <typename T, int L>
inline Mask<T, L> first_lanes(int64_t n) {
  Mask<T, L> lane;
  for (int i = 0; i < L; ++i) lane[i] = i;
  return lane < typename IntegerOf<T>::type(n);
}

// Hides from the compiler how p was computed. For the addresses p + r * row + v * L of a tile, it
// would keep every r * row + v * L in a register, and spill.
template <typename T>
inline T* opaque(T* p) {
  asm("" : "+r"(p));
  return p;
}

template <int L, typename T>
inline Vec<T, L> load(const T* p) {
  return *reinterpret_cast<const typename VecOf<T, L>::unaligned*>(p);
}
template <int L, typename T>
inline void store(T* p, Vec<T, L> v) {
  *reinterpret_cast<typename VecOf<T, L>::unaligned*>(p) = v;
}
// Load and store the first n < L elements and touch nothing else; other lanes are loaded as zero.
// Masked moves where the machine has them: a memcpy of unknown size is a function call.
template <int L, typename T>
inline Vec<T, L> load_first(const T* p, int64_t n) {
  using V = Vec<T, L>;
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512VL__)
  const unsigned mask = (1u << n) - 1;
  if constexpr (sizeof(V) == 64) {
    if constexpr (is_float) return V(_mm512_maskz_loadu_ps(mask, p));
    if constexpr (!is_float) return V(_mm512_maskz_loadu_pd(mask, p));
  } else if constexpr (sizeof(V) == 32) {
    if constexpr (is_float) return V(_mm256_maskz_loadu_ps(mask, p));
    if constexpr (!is_float) return V(_mm256_maskz_loadu_pd(mask, p));
  } else if constexpr (sizeof(V) == 16) {
    if constexpr (is_float) return V(_mm_maskz_loadu_ps(mask, p));
    if constexpr (!is_float) return V(_mm_maskz_loadu_pd(mask, p));
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(V) == 32) {
    if constexpr (is_float) return V(_mm256_maskload_ps(p, __m256i(first_lanes<T, L>(n))));
    if constexpr (!is_float) return V(_mm256_maskload_pd(p, __m256i(first_lanes<T, L>(n))));
  } else if constexpr (sizeof(V) == 16) {
    if constexpr (is_float) return V(_mm_maskload_ps(p, __m128i(first_lanes<T, L>(n))));
    if constexpr (!is_float) return V(_mm_maskload_pd(p, __m128i(first_lanes<T, L>(n))));
  }
#endif
  V v{};
  std::memcpy(&v, p, n * sizeof(T));
  return v;
}
template <int L, typename T>
inline void store_first(T* p, Vec<T, L> v, int64_t n) {
  using V [[maybe_unused]] = Vec<T, L>;
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512VL__)
  const unsigned mask = (1u << n) - 1;
  if constexpr (sizeof(V) == 64) {
    if constexpr (is_float) return _mm512_mask_storeu_ps(p, mask, __m512(v));
    if constexpr (!is_float) return _mm512_mask_storeu_pd(p, mask, __m512d(v));
  } else if constexpr (sizeof(V) == 32) {
    if constexpr (is_float) return _mm256_mask_storeu_ps(p, mask, __m256(v));
    if constexpr (!is_float) return _mm256_mask_storeu_pd(p, mask, __m256d(v));
  } else if constexpr (sizeof(V) == 16) {
    if constexpr (is_float) return _mm_mask_storeu_ps(p, mask, __m128(v));
    if constexpr (!is_float) return _mm_mask_storeu_pd(p, mask, __m128d(v));
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(V) == 32) {
    if constexpr (is_float) return _mm256_maskstore_ps(p, __m256i(first_lanes<T, L>(n)), __m256(v));
    if constexpr (!is_float)
      return _mm256_maskstore_pd(p, __m256i(first_lanes<T, L>(n)), __m256d(v));
  } else if constexpr (sizeof(V) == 16) {
    if constexpr (is_float) return _mm_maskstore_ps(p, __m128i(first_lanes<T, L>(n)), __m128(v));
    if constexpr (!is_float) return _mm_maskstore_pd(p, __m128i(first_lanes<T, L>(n)), __m128d(v));
  }
#endif
  std::memcpy(p, &v, n * sizeof(T));
}
template <int L, typename T>
inline Vec<T, L> broadcast(T x) {
  return Vec<T, L>{} + x;
}
template <typename V, typename M>
inline V select(M mask, V a, V b) {
  return mask ? a : b;
}
template <typename T, int L>
inline T horizontal_sum(Vec<T, L> v) {
  if constexpr (L == 1) {
    return v[0];
  } else {
    // Through a copy in memory: halves of v itself would keep v in memory, also in the loop that
    // computes it.
    T copy[L];
    store<L>(copy, v);
    return horizontal_sum<T, L / 2>(load<L / 2>(copy) + load<L / 2>(copy + L / 2));
  }
}
template <typename T, int L>
inline Vec<double, L> to_double(Vec<T, L> v) {
  return __builtin_convertvector(v, Vec<double, L>);
}
// Joins two vectors into one of twice the length, and splits it.
template <typename T, int L, int... I>
inline Vec<T, 2 * L> joined(Vec<T, L> low, Vec<T, L> high, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(low, high, I...);
}
template <typename T, int L>
inline Vec<T, 2 * L> join(Vec<T, L> low, Vec<T, L> high) {
  return joined<T, L>(low, high, std::make_integer_sequence<int, 2 * L>{});
}
template <typename T, int L, int... I>
inline void split(Vec<T, 2 * L> v, Vec<T, L>& low, Vec<T, L>& high,
                  std::integer_sequence<int, I...>) {
  low = __builtin_shufflevector(v, v, I...);
  high = __builtin_shufflevector(v, v, (I + L)...);
}
template <typename T, int L>
inline void split(Vec<T, 2 * L> v, Vec<T, L>& low, Vec<T, L>& high) {
  split<T, L>(v, low, high, std::make_integer_sequence<int, L>{});
}

// max(v, bound) and min(v, bound) that keep NaN. Compilers need two instructions for the
// comparison, because they do not know which operand may be NaN.
template <typename T, int L>
inline Vec<T, L> at_least(Vec<T, L> v, T bound) {
  const Vec<T, L> b = broadcast<L>(bound);
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512F__)
  if constexpr (sizeof(v) == 64 && is_float) return Vec<T, L>(_mm512_max_ps(b, v));
  if constexpr (sizeof(v) == 64 && !is_float) return Vec<T, L>(_mm512_max_pd(b, v));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(v) == 32 && is_float) return Vec<T, L>(_mm256_max_ps(b, v));
  if constexpr (sizeof(v) == 32 && !is_float) return Vec<T, L>(_mm256_max_pd(b, v));
#endif
  return select(v < b, b, v);
}
template <typename T, int L>
inline Vec<T, L> at_most(Vec<T, L> v, T bound) {
  const Vec<T, L> b = broadcast<L>(bound);
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512F__)
  if constexpr (sizeof(v) == 64 && is_float) return Vec<T, L>(_mm512_min_ps(b, v));
  if constexpr (sizeof(v) == 64 && !is_float) return Vec<T, L>(_mm512_min_pd(b, v));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(v) == 32 && is_float) return Vec<T, L>(_mm256_min_ps(b, v));
  if constexpr (sizeof(v) == 32 && !is_float) return Vec<T, L>(_mm256_min_pd(b, v));
#endif
  return select(v > b, b, v);
}

// Whether a lane of a Mask is true.
template <typename M>
inline bool any(M mask) {
#if defined(__AVX512F__)
  if constexpr (sizeof(M) == 64) return _mm512_movepi32_mask(__m512i(mask)) != 0;
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(M) == 32) return _mm256_movemask_epi8(__m256i(mask)) != 0;
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(M) == 16) return _mm_movemask_epi8(__m128i(mask)) != 0;
#endif
  bool found = false;
  for (unsigned i = 0; i < sizeof(M) / sizeof(mask[0]); ++i) found |= mask[i] != 0;
  return found;
}

// Whether a lane of v is below the bound, or NaN; without the vector that compilers make of a Mask.
template <typename T, int L>
inline bool any_not_at_least(Vec<T, L> v, T bound) {
  [[maybe_unused]] const Vec<T, L> b = broadcast<L>(bound);
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
#if defined(__AVX512F__)
  if constexpr (sizeof(v) == 64 && is_float) return _mm512_cmp_ps_mask(v, b, _CMP_NGE_UQ) != 0;
#endif
#if defined(__AVX__)
  if constexpr (sizeof(v) == 32 && is_float)
    return _mm256_movemask_ps(_mm256_cmp_ps(v, b, _CMP_NGE_UQ)) != 0;
#endif
  return any(~(v >= b));
}

}  // namespace inkgrad::cpu
