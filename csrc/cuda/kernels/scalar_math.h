// Functions of one number. tests/cuda/test_math.py compares them on the host with double precision,
// over all floats. Multiply-adds are explicit, so that host and device round alike.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "host_device.h"
#include "launches.h"

namespace inkgrad::cuda {

INKGRAD_HD int32_t bits_of(float value) {
#if defined(__CUDA_ARCH__)
  return __float_as_int(value);
#else
  int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
#endif
}

INKGRAD_HD float float_of(int32_t bits) {
#if defined(__CUDA_ARCH__)
  return __int_as_float(bits);
#else
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
#endif
}

// The parts of log(p) and log(1 - p) of p in [0, 1].
//
// With q = min(p, 1 - p), which is exact (as 1 - p is for p >= 1/2), one of the two is log(q), far
// from 0: an exponent and a polynomial with a small absolute error. The other is log(1 - q), near
// 0: a polynomial with a small relative error. The hardware's logarithm is less accurate than the
// two ulps allowed, and logf and log1pf together take twice the instructions.
struct LogParts {
  bool p_is_small;  // q is p
  float q;
  // log(q) = exponent ln 2 + f + f^2 far, with 1 + f in [sqrt(1/2), sqrt(2)); the polynomial's
  // absolute error is 6.5e-9.
  float exponent, f, far;
  float near;  // log(1 - q) = -q - q^2 near, relative error 3.7e-9
};

// (-log(1 - q) - q) / q^2 for 0 <= q <= 1/2.
INKGRAD_HD float near_zero(float q) {
  float near = 1.7459429667125703f;
  near = fmaf(near, q, -2.4823214963928715f);
  near = fmaf(near, q, 1.9767139226166921f);
  near = fmaf(near, q, -0.59536773607163906f);
  near = fmaf(near, q, 0.34104736221044862f);
  near = fmaf(near, q, 0.17569008698198663f);
  near = fmaf(near, q, 0.25188852577559873f);
  near = fmaf(near, q, 0.3332621527911282f);
  return fmaf(near, q, 0.50000091681346748f);
}

INKGRAD_HD LogParts log_parts(float p) {
  LogParts parts;
  parts.p_is_small = p < 0.5f;
  const float q = parts.q = parts.p_is_small ? p : 1.0f - p;

  // The exponent is read after a multiplication by 2^24, which is exact and normalizes denormals.
  // Zero gets the exponent -151, so the logarithm is -104 or less.
  constexpr int32_t root_of_half = 0x3f3504f3;
  const int32_t above = bits_of(q * 16777216.0f) - (root_of_half + (24 << 23));
  parts.exponent = static_cast<float>(above >> 23);
  const float f = parts.f = float_of((above & 0x7fffff) + root_of_half) - 1.0f;
  float far = 0.087336366340321187f;
  far = fmaf(far, f, -0.14441861207789197f);
  far = fmaf(far, f, 0.14979281083507504f);
  far = fmaf(far, f, -0.16552338478572706f);
  far = fmaf(far, f, 0.19953613984384949f);
  far = fmaf(far, f, -0.25002490707058067f);
  far = fmaf(far, f, 0.33334225432749909f);
  parts.far = fmaf(far, f, -0.49999981991860837f);

  parts.near = near_zero(q);
  return parts;
}

// log(p) and log(1 - p); below -100 where the argument is 0.
template <typename T>
struct LogPair {
  T log_p, log_1mp;
};

INKGRAD_HD LogPair<float> log_pair(float p) {
  const LogParts parts = log_parts(p);
  const float f = parts.f, q = parts.q;
  const float far = fmaf(parts.exponent, 0.69314718055994531f, fmaf(f * f, parts.far, f));
  const float near = -fmaf(q * q, parts.near, q);
  return {parts.p_is_small ? far : near, parts.p_is_small ? near : far};
}

INKGRAD_HD LogPair<double> log_pair(double p) { return {log(p), log1p(-p)}; }

// The hardware's base-2 logarithm: relative error 2^-22.6, absolute between 1/2 and 2.
template <bool kDenormals>
INKGRAD_HD float coarse_log2(float x) {
#if defined(__CUDA_ARCH__)
  float y;
  if constexpr (kDenormals) {
    asm("lg2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  } else {
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  }
  return y;
#else
  return log2f(x);
#endif
}

// For terms of a sum, whose errors average out: the logarithm far from 0 is the hardware's, up to 3
// ulps.
INKGRAD_HD LogPair<float> coarse_log_pair(float p) {
  const bool p_is_small = p < 0.5f;
  const float q = p_is_small ? p : 1.0f - p;
  const float far = coarse_log2<true>(q) * 0.69314718055994531f;
  const float near = -fmaf(q * q, near_zero(q), q);
  return {p_is_small ? far : near, p_is_small ? near : far};
}

// For the half types: relative error below 2^-15.
INKGRAD_HD LogPair<float> half_log_pair(float p) {
  constexpr float kLn2 = 0.69314718055994531f, kNear = 0.015625f;
  const float q = 1.0f - p, least = p < q ? p : q;
  // The factor normalizes denormals.
  const float log_p = fmaf(coarse_log2<false>(p * 16777216.0f), kLn2, -24 * kLn2);
  const float log_q = coarse_log2<false>(q) * kLn2;
  const float near = -fmaf(least * least, fmaf(least, 1.0f / 3, 0.5f), least);
  return {q < kNear ? near : log_p, p < kNear ? near : log_q};
}

// log(1 - p) - log(p) for 0 < p < 1: the large terms are added exactly, for a single rounding.
INKGRAD_HD float log_odds_against(float p) {
  const LogParts parts = log_parts(p);
  const float f = parts.f, q = parts.q;
  const float power = parts.exponent * 0.693145751953125f;  // exact: a factor of few bits
  const float log_q = power + f;
  const float odds = log_q + q;
  const float lost = (f - (log_q - power)) + (q - (odds - log_q));
  const float bends =
      fmaf(f * f, parts.far, fmaf(q * q, parts.near, parts.exponent * 1.428606820e-6f));
  const float sum = odds + (lost + bends);
  return parts.p_is_small ? -sum : sum;
}

INKGRAD_HD double log_odds_against(double p) { return log1p(-p) - log(p); }

template <typename T>
INKGRAD_HD bool in_unit_interval(T value) {
  return value >= T(0) && value <= T(1);  // false for NaN
}

// Whether all values that it sees are in [0, 1]. For floats it keeps the largest bits: those of
// negative numbers and NaN are above those of 1. (The addition turns -0 into 0.)
template <typename T>
struct UnitInterval {
  uint32_t most = 0;
  INKGRAD_HD void see(float value) {
    const uint32_t bits = uint32_t(bits_of(value + 0.0f));
    most = bits > most ? bits : most;
  }
  INKGRAD_HD bool holds() const { return most <= 0x3f800000u; }
};
template <>
struct UnitInterval<double> {
  bool all = true;
  INKGRAD_HD void see(double value) { all = all && in_unit_interval(value); }
  INKGRAD_HD bool holds() const { return all; }
};

// Binary cross entropy of one element and its derivatives, clamped as in torch: the logarithms of
// the loss at -100, the variance in its derivative at 1e-12, the target's derivative not at all.
template <typename T>
INKGRAD_HD T bce_loss(LogPair<T> logs, T target) {
  const T log_x = fmax(logs.log_p, T(-100)), log_1mx = fmax(logs.log_1mp, T(-100));
  return (target - T(1)) * log_1mx - target * log_x;
}

template <typename T>
INKGRAD_HD T bce_variance(T x) {
  const T variance = (T(1) - x) * x;
  const T floor = T(1e-12f);
  return variance < floor ? floor : variance;
}

template <typename T>
INKGRAD_HD T bce_grad_input(T x, T target, T grad_output = T(1)) {
  return grad_output * (x - target) / bce_variance(x);
}

// For the half types: with the hardware's reciprocal, 1 ulp of a float.
INKGRAD_HD float half_bce_grad_input(float x, float target, float grad_output) {
#if defined(__CUDA_ARCH__)
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(bce_variance(x)));
  return grad_output * (x - target) * r;
#else
  return bce_grad_input(x, target, grad_output);
#endif
}

template <typename T>
INKGRAD_HD T bce_grad_target(T x) {
  if (x == T(0)) return static_cast<T>(INFINITY);
  if (x == T(1)) return static_cast<T>(-INFINITY);
  if (x == T(0.5)) return T(0);
  return log_odds_against(x);
}

// 1 / (1 + exp(-z)), from exp(-|z|) so that nothing overflows and small values keep their relative
// accuracy.
INKGRAD_HD double sigmoid(double z) {
  const double e = exp(z > 0 ? -z : z);
  return (z > 0 ? 1 : e) / (1 + e);
}

// 1 / d of 1 <= d <= 2: the hardware's reciprocal and one Newton step, 0.8 ulp. A division takes
// three times the instructions.
INKGRAD_HD float reciprocal(float d) {
#if defined(__CUDA_ARCH__)
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(d));
  return fmaf(fmaf(-d, r, 1.0f), r, r);
#else
  return 1.0f / d;
#endif
}

INKGRAD_HD float sigmoid(float z) {
  const float e = expf(z > 0 ? -z : z);
  const float r = reciprocal(1.0f + e);
  return z > 0 ? r : e * r;
}

// For the half types: 1 / (1 + e) by a polynomial, to 2^-16. The hardware's reciprocals would take
// half of the epilogue of a matrix product.
INKGRAD_HD float half_sigmoid(float z) {
  const float scaled = (z > 0 ? z : -z) * -1.4426950408889634f;
#if defined(__CUDA_ARCH__)
  float e;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(e) : "f"(scaled));
#else
  const float e = exp2f(scaled);
#endif
  float r = 0.07170681655406952f;
  r = fmaf(r, e, -0.32268068194389343f);
  r = fmaf(r, e, 0.667769730091095f);
  r = fmaf(r, e, -0.9030576348304749f);
  r = fmaf(r, e, 0.985408365726471f);
  r = fmaf(r, e, -0.9991334080696106f);
  r = fmaf(r, e, 0.999991238117218f);
  return z > 0 ? r : e * r;
}

template <typename T>
INKGRAD_HD T activate(T z, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return sigmoid(z);
    case Activation::relu:
      return z < T(0) ? T(0) : z;  // keeps NaN
    case Activation::none:
      break;
  }
  return z;
}

// The derivative, from the output y = activation(z).
template <typename T>
INKGRAD_HD T activate_backward(T grad, T y, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return grad * (y * (T(1) - y));
    case Activation::relu:
      return y <= T(0) ? T(0) : grad;
    case Activation::none:
      break;
  }
  return grad;
}

// Whether v replaces the maximum so far. The first of equal values stays and the last NaN wins, as
// in torch's max_pool2d.
template <typename T>
INKGRAD_HD bool beats(T v, T best) {
  return v > best || v != v;
}

}  // namespace inkgrad::cuda
