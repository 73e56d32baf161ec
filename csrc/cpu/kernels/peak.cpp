// The peak arithmetic rate of this processor, for benchmarks: as many independent multiply-adds as
// hide their latency.
#include "entries.h"
#include "vec.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kSums = 12;

template <typename T>
T fma_rounds(int64_t rounds) {
  Vec<T> sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = Vec<T>{} + T(i);
  const Vec<T> factor = Vec<T>{} + T(0.999), term = Vec<T>{} + T(0.001);
  for (; rounds > 0; --rounds) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = sums[i] * factor + term;
  }
  for (int i = 1; i < kSums; ++i) sums[0] += sums[i];
  return horizontal_sum<T, kLanes<T>>(sums[0]);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.fma_rounds = fma_rounds<T>;
  table.fma_round_operations = 2 * kSums * kLanes<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
