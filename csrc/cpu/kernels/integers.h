// Small arithmetic on sizes, and sizes as constants of the compiler.
#pragma once

#include <cstdint>
#include <type_traits>

namespace inkgrad::cpu {

inline constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline constexpr int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }
inline constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// n split into the fewest parts of at most `most`, as even as can be: part(i) is the i-th one's
// begin. Divides once, for a division takes as long as a tile's whole tap.
struct Parts {
  int64_t count, least, longer;
  Parts(int64_t n, int64_t most)
      : count(divide_up(n, most)), least(count ? n / count : 0), longer(n - least * count) {}
  int64_t begin(int64_t i) const { return i * least + smaller(i, longer); }
};

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
