// Small arithmetic on sizes, and sizes as constants of the compiler.
#pragma once

#include <cstdint>
#include <type_traits>

namespace inkgrad::cpu {

inline constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline constexpr int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }
inline constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Calls f(std::integral_constant<int, n>) for n in 1 .. Most.
template <int Most, typename F>
inline void with_constant(int64_t n, F f) {
  if constexpr (Most == 1) {
    f(std::integral_constant<int, 1>{});
  } else {
    if (n == Most) {
      f(std::integral_constant<int, Most>{});
    } else {
      with_constant<Most - 1>(n, f);
    }
  }
}

}  // namespace inkgrad::cpu
