// Binary cross entropy, elementwise:
//
//   loss(x, t)  = -w (t max(log x, -100) + (1 - t) max(log(1 - x), -100))
//   dloss/dx    =  w (x - t) / max(x (1 - x), 1e-12)
//   dloss/dt    =  w (log(1 - x) - log x)
//
// the clamps (1e-12 in float, for doubles too) and their absence as in
// torch.nn.functional.binary_cross_entropy. Both logarithms come from one pass (math.h: log_pair);
// sums are accumulated in double.
#include "entries.h"
#include "math.h"

namespace inkgrad::cpu {
namespace {

// Calls step(load, store, n) for every vector of a range: load(p) gives elements i.. of p, store(p,
// v) puts them.
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

// The loss of ordinary elements only: x and 1 - x normal numbers above 0, so that no logarithm is
// clamped. With q the smaller of x and 1 - x and u what multiplies its logarithm in the loss,
//
//   loss = -u log(q) - (1 - u) log(1 - q)
//
// which is one far and one near logarithm (math.h) and nothing to choose between. Rounding of
// floats is not compensated as in log_pair: it is random, and summed away.
template <typename T, int L>
inline Vec<T, L> ordinary_loss(Vec<T, L> q, Vec<T, L> u) {
  return (T(1) - u) * minus_near_log<L>(q) - u * far_log<L>(q);
}

template <typename T>
double bce_sum(const T* input, const T* target, const T* weight, int64_t n,
               unsigned* out_of_range) {
  // A few hundred elements are added in T, lane by lane, before they join the double: their
  // rounding stays below one ulp of the mean, and the conversions do not count.
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
      // Of the ordinary doubles, log(q) may be below -100.
      constexpr T least = sizeof(T) == sizeof(float) ? std::numeric_limits<T>::min() : T(1e-43);
      if (!any_not_at_least<T, kLanes<T>>(q, least)) {
        loss = ordinary_loss<T, kLanes<T>>(q, select(x < rest, t, T(1) - t));
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
void bce_each(const T* input, const T* target, const T* weight, T* loss_out, int64_t n,
              unsigned* out_of_range) {
  Mask<T> bad_input{}, bad_target{};
  for_each_vector<T>(n, [&](auto get, auto put) {
    const Vec<T> x = get(input), t = get(target);
    bad_input |= outside_unit_interval<T>(x);
    bad_target |= outside_unit_interval<T>(t);
    Vec<T> loss = loss_of<T>(x, t);
    if (weight) loss *= get(weight);
    put(loss_out, loss);
  });
  if (any(bad_input)) *out_of_range |= kInputOutOfRange;
  if (any(bad_target)) *out_of_range |= kTargetOutOfRange;
}

template <typename T>
void bce_backward(const T* grad_output, double uniform, const T* input, const T* target,
                  const T* weight, T* grad_input, T* grad_target, int64_t n) {
  // What rounding takes from a gradient that all share would be missing from every one.
  const T shared = T(uniform), lost = T(uniform - double(shared));
  for_each_vector<T>(n, [&](auto get, auto put) {
    const Vec<T> x = get(input);
    // Times the gradient of the output.
    const auto scaled = [&](Vec<T> v) {
      if (weight) v *= get(weight);
      if (grad_output) return v * get(grad_output);
      return v * shared + select(v - v == T(0), v * lost, Vec<T>{});  // what is infinite stays so
    };
    if (grad_input) {
      const Vec<T> floor = Vec<T>{} + T(1e-12f);
      Vec<T> variance = (T(1) - x) * x;
      variance = select(variance < floor, floor, variance);
      put(grad_input, scaled((x - get(target)) / variance));
    }
    if (grad_target) put(grad_target, scaled(log_odds_against<T, kLanes<T>>(x)));
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.bce_sum = bce_sum<T>;
  table.bce_each = bce_each<T>;
  table.bce_backward = bce_backward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
