// Binary cross entropy, elementwise:
//
//   loss(x, t)  = -w (t max(log x, -100) + (1 - t) max(log(1 - x), -100))
//   dloss/dx    =  w (x - t) / max(x (1 - x), 1e-12)
//   dloss/dt    =  w (log(1 - x) - log x)
//
// Clamps (1e-12 in float, for doubles too) as in torch.nn.functional.binary_cross_entropy. Both
// logarithms are computed together (vec_math.h: log_pair); sums are accumulated in double.
#include "entries.h"
#include "vec_math.h"

namespace inkgrad::cpu {
namespace {

// Calls step(load, store) for every vector of n elements: load(p) returns its elements of p,
// store(p, v) writes them.
template <typename T, typename Step>
inline void for_each_vector(int64_t n, Step step) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    step([i](const T* p) { return load<L>(p + i); }, [i](T* p, Vec<T> v) { store<L>(p + i, v); });
  }
  if (i < n) {
    step([i, n](const T* p) { return load_first<L>(p + i, n - i); },
         [i, n](T* p, Vec<T> v) { store_first<L>(p + i, v, n - i); });
  }
}

template <typename T>
inline Mask<T> outside_unit_interval(Vec<T> v) {
  return ~((v >= T(0)) & (v <= T(1)));  // true for NaN too
}

template <typename T>
inline Vec<T> loss_of(Vec<T> x, Vec<T> t) {
  const auto logs = log_pair<T, kLanes<T>>(x);
  const Vec<T> floor = Vec<T>{} + T(-100);
  const Vec<T> log_x = select(logs.log_p < floor, floor, logs.log_p);
  const Vec<T> log_1mx = select(logs.log_1mp < floor, floor, logs.log_1mp);
  return (t - T(1)) * log_1mx - t * log_x;
}

// The loss in the common case: x and 1 - x are normal numbers above 0, so that no logarithm is
// clamped. With q the smaller of x and 1 - x and u the factor of its logarithm in the loss,
//
//   loss = -u log(q) - (1 - u) log(1 - q)
//
// which is one far and one near logarithm (vec_math.h), without a choice. Rounding of floats is not
// compensated as in log_pair: it is random, and averages out in the sum.
template <typename T, int L>
inline Vec<T, L> common_loss(Vec<T, L> q, Vec<T, L> u) {
  return (T(1) - u) * minus_near_log<L>(q) - u * far_log<L>(q);
}

template <typename T>
double bce_sum(const BceOperands<T>& operands, unsigned* out_of_range) {
  const auto [input, target, weight, n] = operands;
  // A few hundred elements are added in T before they join the double: their rounding stays below
  // one ulp of the mean, and the conversions cost nothing.
  constexpr int64_t kBlock = 16 * kLanes<T>;
  double sum = 0;
  Mask<T> bad_input{}, good_target = ~Mask<T>{};
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = n - begin < kBlock ? n - begin : kBlock;
    Vec<T> part{};
    for_each_vector<T>(count, [&](auto get, auto) {
      const Vec<T> x = get(input + begin), t = get(target + begin);
      good_target &= t * (t - T(1)) <= T(0);  // neither outside [0, 1] nor NaN
      Vec<T> loss;
      const Vec<T> rest = T(1) - x;
      const Vec<T> q = select(x < rest, x, rest);
      // For normal doubles log(q) may be below -100.
      constexpr T min_q = sizeof(T) == sizeof(float) ? std::numeric_limits<T>::min() : T(1e-43);
      if (!any_not_at_least<T, kLanes<T>>(q, min_q)) {
        loss = common_loss<T, kLanes<T>>(q, select(x < rest, t, T(1) - t));
      } else {
        bad_input |= outside_unit_interval<T>(x);
        loss = loss_of<T>(x, t);
      }
      if (weight) loss *= get(weight + begin);
      part += loss;
    });
    sum += horizontal_sum<double, kLanes<T>>(to_double<T, kLanes<T>>(part));
  }
  if (any(bad_input)) *out_of_range |= kInputOutOfRange;
  if (any(~good_target)) *out_of_range |= kTargetOutOfRange;
  return sum;
}

template <typename T>
void bce_each(const BceOperands<T>& operands, T* losses, unsigned* out_of_range) {
  const auto [input, target, weight, n] = operands;
  Mask<T> bad_input{}, bad_target{};
  for_each_vector<T>(n, [&](auto get, auto put) {
    const Vec<T> x = get(input), t = get(target);
    bad_input |= outside_unit_interval<T>(x);
    bad_target |= outside_unit_interval<T>(t);
    Vec<T> loss = loss_of<T>(x, t);
    if (weight) loss *= get(weight);
    put(losses, loss);
  });
  if (any(bad_input)) *out_of_range |= kInputOutOfRange;
  if (any(bad_target)) *out_of_range |= kTargetOutOfRange;
}

// Factors are multiplied in torch's order, on which it depends what overflows.
template <typename T>
void bce_backward(const BceOperands<T>& operands, const T* grad_output, T uniform, double scale,
                  T* grad_input, T* grad_target) {
  const auto [input, target, weight, n] = operands;
  // Rounding of the scale would be the same error in every element.
  const T rounded = T(scale), lost = T(scale - double(rounded));
  for_each_vector<T>(n, [&](auto get, auto put) {
    const Vec<T> x = get(input), grad = grad_output ? get(grad_output) : Vec<T>{} + uniform;
    const auto scaled = [&](Vec<T> v) {
      if (weight) v *= get(weight);
      return v * rounded + select(v - v == T(0), v * lost, Vec<T>{});  // infinities stay infinite
    };
    if (grad_input) {
      const Vec<T> floor = Vec<T>{} + T(1e-12f);
      Vec<T> variance = (T(1) - x) * x;
      variance = select(variance < floor, floor, variance);
      put(grad_input, scaled(grad * (x - get(target)) / variance));
    }
    if (grad_target) put(grad_target, scaled(grad * log_odds_against<T, kLanes<T>>(x)));
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.bce_sum = bce_sum<T>;
  table.bce_each = bce_each<T>;
  table.bce_backward = bce_backward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
