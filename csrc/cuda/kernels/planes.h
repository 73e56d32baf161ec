// A float as a sum of 16-bit numbers, whose products on the tensor cores are exact.
//
//   two halves   x = 2^-s (h + 2^-11 l): 11 + 11 bits and the sign of l, with an error of at most
//                2^-23 x. The products are h h, h l and l h; l l, at most 2^-22 of h h and of
//                either sign, is dropped. A half has 5 bits of exponent: s scales the largest
//                element of the matrix to just below 2^15, and l, scaled separately, keeps all of
//                its bits down to 2^-27 of the largest element. At 2^-32, the smallest for which
//                this is used, x keeps 18 bits.
//   three bf16   x = h + m + l, 8 bits each, with all of a float's exponents: for everything else.
//                The products are h h, h m, m h, m m, h l and l h.
//
// (Ootomo and Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the
// FP32 theoretical peak performance", 2022, scale the low half in the same way.)
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "scalar_math.h"

namespace inkgrad::cuda {

inline constexpr float kLowScale = 2048.0f;  // of the low half
inline constexpr int kMaxPlanes = 3;
inline constexpr int kMaxOperands = 3;  // that are split together

// How the matrices of a product are split, and the scale of the result.
struct Scheme {
  int planes;
  float scale[kMaxOperands], unscale[kMaxOperands];
};

// The bits of the largest magnitude of a matrix and of the smallest nonzero one. Bits are ordered
// as magnitudes, with NaN above all.
struct Extremes {
  uint32_t largest, smallest;
};
inline constexpr Extremes kNoExtremes{0, 0xffffffffu};

INKGRAD_HD Extremes extremes_of(float value) {
  const uint32_t bits = uint32_t(bits_of(value)) & 0x7fffffffu;
  return {bits, bits == 0 ? kNoExtremes.smallest : bits};
}
INKGRAD_HD Extremes both(Extremes a, Extremes b) {
  return {a.largest > b.largest ? a.largest : b.largest,
          a.smallest < b.smallest ? a.smallest : b.smallest};
}

// The s with which halves can hold a matrix; false if there is none. Any will do for zeros.
INKGRAD_HD bool fits_halves(Extremes e, int* s) {
  constexpr int kWidest = 32, kFarthest = 100, kTop = 14;
  *s = 0;
  if (e.largest == 0) return true;
  const int top = int(e.largest >> 23) - 127, bottom = int(e.smallest >> 23) - 127;
  *s = kTop - top;
  return top <= kFarthest && top >= -kFarthest && top - bottom <= kWidest;
}

INKGRAD_HD float power_of_two(int exponent) { return float_of((exponent + 127) << 23); }

// All matrices are split alike.
INKGRAD_HD Scheme scheme_of(const Extremes* operands, int count) {
  Scheme scheme{2, {1, 1, 1}, {1, 1, 1}};
  for (int i = 0; i < count; ++i) {
    int s;
    if (!fits_halves(operands[i], &s)) return {3, {1, 1, 1}, {1, 1, 1}};
    scheme.scale[i] = power_of_two(s);
    scheme.unscale[i] = power_of_two(-s);
  }
  return scheme;
}

struct Halves {
  __half high, low;
};
__host__ __device__ __forceinline__ Halves two_halves(float scaled) {
  const __half high = __float2half_rn(scaled);
  return {high, __float2half_rn((scaled - __half2float(high)) * kLowScale)};
}

struct Thirds {
  __nv_bfloat16 high, middle, low;
};
// Non-finite numbers have only a high part: inf - inf would make NaN of inf.
__host__ __device__ __forceinline__ Thirds three_bf16(float x) {
  const bool finite = (bits_of(x) & 0x7f800000) != 0x7f800000;
  // Does not round up to infinity.
  constexpr int32_t kLargest = 0x7f7f0000;
  const bool huge = finite && (bits_of(x) & 0x7fffffff) > kLargest;
  const float rounded = huge ? float_of(kLargest | (bits_of(x) & int32_t(0x80000000))) : x;
  const __nv_bfloat16 high = __float2bfloat16_rn(rounded);
  if (!finite) return {high, __float2bfloat16_rn(0.0f), __float2bfloat16_rn(0.0f)};
  const float rest = x - __bfloat162float(high);
  const __nv_bfloat16 middle = __float2bfloat16_rn(rest);
  return {high, middle, __float2bfloat16_rn(rest - __bfloat162float(middle))};
}

}  // namespace inkgrad::cuda
