// What this processor can do at most, for benchmarks to compare with: independent chains of
// multiply-adds, as many as hide their latency.
#include "entries.h"
#include "vec.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kChains = 12;

template <typename T>
T multiply_add_chains(int64_t rounds) {
  Vec<T> sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = Vec<T>{} + T(i);
  const Vec<T> factor = Vec<T>{} + T(0.999), term = Vec<T>{} + T(0.001);
  for (; rounds > 0; --rounds) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = sums[i] * factor + term;
  }
  for (int i = 1; i < kChains; ++i) sums[0] += sums[i];
  return horizontal_sum<T, kLanes<T>>(sums[0]);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.multiply_add_chains = multiply_add_chains<T>;
  table.chain_operations = 2 * kChains * kLanes<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
