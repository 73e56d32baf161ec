// Arithmetic on sizes, and sizes as compile-time constants.
#pragma once

#include <cstdint>
#include <type_traits>

namespace inkgrad::cpu {

inline constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline constexpr int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }
inline constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// n split into the fewest parts of at most `max`, of sizes that differ by at most one: begin(i) is
// the first element of the i-th part. Divides once: a division takes as long as a tap of a tile.
struct Parts {
  int64_t count, size, longer;  // the first `longer` parts have size + 1
  Parts(int64_t n, int64_t max)
      : count(divide_up(n, max)), size(count ? n / count : 0), longer(n - size * count) {}
  int64_t begin(int64_t i) const { return i * size + smaller(i, longer); }
};

// Calls f(std::integral_constant<int, n>) for n in 1 .. Max.
template <int Max, typename F>
inline void with_constant(int64_t n, F f) {
  if constexpr (Max == 1) {
    f(std::integral_constant<int, 1>{});
  } else {
    if (n == Max) {
      f(std::integral_constant<int, Max>{});
    } else {
      with_constant<Max - 1>(n, f);
    }
  }
}

}  // namespace inkgrad::cpu
