// exp, sigmoid and the pair log(p), log(1 - p) on vectors.
//
// Polynomials are minimax fits (Remez, weighted by the relative error of the result). The errors
// below are those of the polynomial in exact arithmetic; tests/functional/test_accuracy.py measures
// the functions against float64.
#pragma once

#include <limits>

#include "vec.h"

namespace inkgrad::cpu {

template <typename T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  static constexpr float log2e = 1.44269504088896341f;
  // ln 2 = high + low; high has few bits, so that n * high is exact.
  static constexpr float ln2_high = 0.693145751953125f, ln2_low = 1.42860682030941723e-6f;
  // 1.5 * 2^23: adding and subtracting it rounds to an integer.
  static constexpr float round_magic = 12582912.0f;
  static constexpr int mantissa_bits = 23, exponent_bias = 127;
  // exp(bound) is infinite, and exp(-bound) is less than half the smallest subnormal.
  static constexpr float bound = 104.0f;
  // exp(r) = 1 + r + r^2 P(r), |r| <= ln(2) / 2, relative error 3.2e-9.
  static constexpr float p[] = {0.49999993339055882f, 0.16666519004275521f, 0.041668406979482799f,
                                0.008368913830323111f, 0.0013814200976035224f};
};

template <>
struct ExpConstants<double> {
  static constexpr double log2e = 1.44269504088896341;
  static constexpr double ln2_high = 0.69314718036912381649, ln2_low = 1.90821492927058770002e-10;
  static constexpr double round_magic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr int mantissa_bits = 52, exponent_bias = 1023;
  static constexpr double bound = 746.0;
  // Relative error 5.5e-20.
  static constexpr double p[] = {0.5,
                                 0.16666666666666685,
                                 0.041666666666666081,
                                 0.0083333333333166695,
                                 0.0013888888889120722,
                                 0.00019841269897307806,
                                 2.4801586920333754e-05,
                                 2.7557233921085942e-06,
                                 2.7557584780646632e-07,
                                 2.51123703212862e-08,
                                 2.0826348529487435e-09};
};

// Even and odd powers separately, with square = x x: as many operations as Horner's rule at half
// the latency. (A core's scheduler holds the waiting operations of few vectors.)
template <typename V, typename T, int N>
inline V polynomial(V x, V square, const T (&coefficients)[N]) {
  V sums[2] = {V{} + coefficients[(N - 1) / 2 * 2], V{} + coefficients[N / 2 * 2 - 1]};
#pragma GCC unroll 16
  for (int i = N - 3; i >= 0; --i) sums[i % 2] = sums[i % 2] * square + coefficients[i];
  return sums[1] * x + sums[0];
}

// x 2^n for integers n down to -2^(exponent bits). Results below the normal range are rounded to
// subnormals once.
template <typename T, int L>
inline Vec<T, L> times_power_of_2(Vec<T, L> x, Vec<T, L> n) {
  using V = Vec<T, L>;
#if defined(__AVX512VL__)
  [[maybe_unused]] constexpr bool is_float = sizeof(T) == 4;
  if constexpr (sizeof(V) == 64 && is_float) return V(_mm512_scalef_ps(x, n));
  if constexpr (sizeof(V) == 64 && !is_float) return V(_mm512_scalef_pd(x, n));
  if constexpr (sizeof(V) == 32 && is_float) return V(_mm256_scalef_ps(x, n));
  if constexpr (sizeof(V) == 32 && !is_float) return V(_mm256_scalef_pd(x, n));
  if constexpr (sizeof(V) == 16 && is_float) return V(_mm_scalef_ps(x, n));
  if constexpr (sizeof(V) == 16 && !is_float) return V(_mm_scalef_pd(x, n));
#endif
  // In two factors: n reaches below the smallest normal exponent, each half of it does not.
  using C = ExpConstants<T>;
  using I = Mask<T, L>;
  const I exponent = I(n + C::round_magic) - I(V{} + C::round_magic);
  const I half = exponent >> 1;
  const V scale1 = V((half + C::exponent_bias) << C::mantissa_bits);
  const V scale2 = V((exponent - half + C::exponent_bias) << C::mantissa_bits);
  return (x * scale1) * scale2;
}

// exp(x); NaN gives NaN. Results below the normal range are rounded to subnormals once.
template <typename T, int L>
inline Vec<T, L> exp(Vec<T, L> x) {
  using C = ExpConstants<T>;
  using V = Vec<T, L>;
  x = at_most<T, L>(at_least<T, L>(x, -C::bound), C::bound);
  const V shifted = x * C::log2e + C::round_magic;
  const V n = shifted - C::round_magic;
  const V r = (x - n * C::ln2_high) - n * C::ln2_low;
  const V square = r * r;
  const V e = square * polynomial(r, square, C::p) + r + T(1);
  return times_power_of_2<T, L>(e, n);
}

template <typename T, int L>
inline Vec<T, L> sigmoid(Vec<T, L> z) {
  return T(1) / (T(1) + exp<T, L>(-z));
}

// log(p) and log(1 - p) of p in [0, 1]; -inf where the argument is 0.
//
// Let q = min(p, 1 - p), which is exact (as 1 - p is for p >= 1/2). One of the two is log(q) with
// q <= 1/2, far from 0: an exponent and a polynomial with a small absolute error. The other is
// log(1 - q), near 0: a polynomial with a small relative error. Neither loses accuracy to rounding
// of 1 - p. Both are kept as a large and a small part, so that results are rounded once.
template <typename V>
struct LogPair {
  V log_p, log_1mp;
};

inline constexpr float kFarLog[] = {
    -0.49999981991860837f, 0.33334225432749909f, -0.25002490707058067f, 0.19953613984384949f,
    -0.16552338478572706f, 0.14979281083507504f, -0.14441861207789197f, 0.087336366340321187f};
inline constexpr float kNearLog[] = {
    0.50000091681346748f, 0.3332621527911282f,  0.25188852577559873f,
    0.17569008698198663f, 0.34104736221044862f, -0.59536773607163906f,
    1.9767139226166921f,  -2.4823214963928715f, 1.7459429667125703f};

// log(q) of normal q > 0, q = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
template <int L>
inline Vec<float, L> far_log(Vec<float, L> q) {
  using V = Vec<float, L>;
  using I = Mask<float, L>;
  const I exponent = (I(q) - 0x3f3504f3) >> 23;
  const V f = V(I(q) - (exponent << 23)) - 1.0f;
  const V e = __builtin_convertvector(exponent, V);
  const V square = f * f;
  return e * 0.693147180559945f + (square * polynomial(f, square, kFarLog) + f);
}

// -log(1 - q) of q in [0, 1/2].
template <int L>
inline Vec<float, L> minus_near_log(Vec<float, L> q) {
  const Vec<float, L> square = q * q;
  return square * polynomial(q, square, kNearLog) + q;
}

// In double, both are log(1 + f) + exponent ln 2 + rest with 1 + f in [sqrt(1/2), sqrt(2)). With
// s = f / (2 + f),
//
//   log(1 + f) = f - (f^2 / 2 - s (f^2 / 2 + s^2 P(s^2)))
//
// in which only f is large. (The series in s is from Tang, "Table-driven implementation of the
// logarithm function", 1990; keeping f separate is from FreeBSD's log.) Relative error of the part
// with P: 1.8e-18.
inline constexpr double kLogSeries[] = {
    0.6666666666666734,  0.39999999999414676, 0.2857142874238801, 0.22222198573157717,
    0.18183564327007024, 0.15314050539471846, 0.14795949746504108};

template <int L>
inline Vec<double, L> log_from_parts(Vec<double, L> f, Vec<double, L> exponent,
                                     Vec<double, L> rest) {
  using V = Vec<double, L>;
  using C = ExpConstants<double>;
  const V s = f / (f + 2.0), z = s * s, half_square = 0.5 * f * f;
  const V series = z * polynomial(z, z * z, kLogSeries);
  const V small = half_square - (s * (half_square + series) + (exponent * C::ln2_low + rest));
  return exponent * C::ln2_high - (small - f);
}

// log(q) of normal q > 0.
template <int L>
inline Vec<double, L> far_log(Vec<double, L> q) {
  using V = Vec<double, L>;
  using U = typename VecOf<uint64_t, L>::type;
  // Biased by 1023, so that the exponent is positive and a logical shift extracts it. As the low
  // mantissa bits of 2^52 it becomes a double.
  constexpr uint64_t root = 0x3fe6a09e667f3bcd, one = 0x3ff0000000000000;
  const U biased = U(q) + (one - root);
  const V f = V((biased & 0x000fffffffffffff) + root) - 1.0;
  const V exponent = V((biased >> 52) | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
  return log_from_parts<L>(f, exponent, V{});
}

// -log(1 - q) of q in [0, 1/2].
template <int L>
inline Vec<double, L> minus_near_log(Vec<double, L> q) {
  using V = Vec<double, L>;
  const V rest = 1.0 - q, lost = (1.0 - rest) - q;  // exactly the rounding error of 1 - q
  const auto is_low = rest < 0.70710678118654752;
  const V f = select(is_low, rest + rest, rest) - 1.0;
  // lost / (1 - q), to as many digits as matter
  return -log_from_parts<L>(f, select(is_low, V{} - 1.0, V{}), lost * q + lost);
}

template <int L>
struct LogParts {
  using V = Vec<float, L>;
  using I = Mask<float, L>;
  V q, far_large, far_small;  // log(q) = far_large + far_small
  V near_small;               // log(1 - q) = -(q + near_small)
  I p_is_small, q_is_zero;

  explicit LogParts(V p) {
    p_is_small = p < 0.5f;
    q = select(p_is_small, p, 1.0f - p);
    q_is_zero = q == 0.0f;

    // log(q) = exponent ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)); absolute error of the
    // polynomial 6.5e-9.
    const I subnormal = q < std::numeric_limits<float>::min();
    const V scaled = select(subnormal, q * 16777216.0f, q);
    const I exponent = (I(scaled) - 0x3f3504f3) >> 23;
    const V f = V(I(scaled) - (exponent << 23)) - 1.0f;
    const V e = __builtin_convertvector(exponent, V) - select(subnormal, V{} + 24.0f, V{});
    const V e_ln2 = e * ExpConstants<float>::ln2_high;  // exact
    far_large = e_ln2 + f;
    const V lost = f - (far_large - e_ln2);
    const V f2 = f * f, q2 = q * q;
    far_small = lost + (f2 * polynomial(f, f2, kFarLog) + e * ExpConstants<float>::ln2_low);

    // log(1 - q) = -q - q^2 P(q), relative error of the polynomial 3.7e-9.
    near_small = q2 * polynomial(q, q2, kNearLog);
  }
};

template <typename T, int L>
inline LogPair<Vec<T, L>> log_pair(Vec<T, L> p) {
  using V = Vec<T, L>;
  if constexpr (sizeof(T) == sizeof(double)) {
    const auto p_is_small = p < 0.5;
    const V q = select(p_is_small, p, 1.0 - p), near = -minus_near_log<L>(q);
    const auto subnormal = q < std::numeric_limits<double>::min();
    const V scaled = select(subnormal, q * 18014398509481984.0, q);  // times 2^54
    const V unscaled = select(subnormal, V{} + 54 * 0.69314718055994531, V{});
    const V infinity = V{} + std::numeric_limits<double>::infinity();
    const V far = select(q == 0.0, -infinity, far_log<L>(scaled) - unscaled);
    return {select(p_is_small, far, near), select(p_is_small, near, far)};
  } else {
    const LogParts<L> parts(p);
    const V infinity = V{} + std::numeric_limits<float>::infinity();
    const V far = select(parts.q_is_zero, -infinity, parts.far_large + parts.far_small);
    const V near = -(parts.q + parts.near_small);
    return {select(parts.p_is_small, far, near), select(parts.p_is_small, near, far)};
  }
}

// log(1 - p) - log(p), which is exactly 0 for 1/2.
template <typename T, int L>
inline Vec<T, L> log_odds_against(Vec<T, L> p) {
  using V = Vec<T, L>;
  if constexpr (sizeof(T) == sizeof(double)) {
    const auto logs = log_pair<T, L>(p);
    return select(p == T(0.5), V{}, logs.log_1mp - logs.log_p);
  } else {
    const LogParts<L> parts(p);
    const V large = parts.far_large + parts.q;
    const V lost = parts.q - (large - parts.far_large);  // far_large is the larger one
    const V sum = large + (lost + (parts.far_small + parts.near_small));
    const V infinity = V{} + std::numeric_limits<float>::infinity();
    const V odds = select(parts.q_is_zero, infinity, -sum);
    return select(p == 0.5f, V{}, select(parts.p_is_small, odds, -odds));
  }
}

}  // namespace inkgrad::cpu
