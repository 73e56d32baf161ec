// A linear layer for a few rows, as in the recognition of one image: y = activation(x w^T + bias).
//
// Bound by the memory traffic of the weights, which are read once and not packed. A result is a dot
// product whose lanes sum accumulation blocks of kAccumulated additions in order; it does not
// depend on the other rows and columns.
#include "activation.h"
#include "entries.h"
#include "integers.h"

namespace inkgrad::cpu {
namespace {

// Tiles have enough sums to hide the latency of an addition, and fit the registers.
inline constexpr int kTileRows = 4;
template <typename T, int M>
inline constexpr int kTileOutputs = int(smaller(kLanes<T>, M == 1 ? 8 : 4));
// Outputs whose weights stay in the first-level cache for all rows.
inline constexpr int64_t kBlockOutputs = 8;
inline constexpr int64_t kAccumulated = 128;

// Adds the blocks of D lanes of a, then of b, in pairs: the first and the second, the third and the
// fourth.
template <typename T, int L, int D, int... I>
inline Vec<T, L> add_blocks(Vec<T, L> a, Vec<T, L> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, (I / D * 2 * D + I % D)...) +
         __builtin_shufflevector(a, b, ((I / D * 2 + 1) * D + I % D)...);
}

// The sums over the lanes of N vectors, N a power of two, in the first N lanes of one.
template <typename T, int L, int D = L / 2, int N>
inline Vec<T, L> lane_sums(const Vec<T, L> (&v)[N]) {
  if constexpr (D == 0) {
    return v[0];
  } else {
    constexpr int half = (N + 1) / 2;
    Vec<T, L> sums[half];
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      sums[i] = add_blocks<T, L, D>(v[2 * i], v[N == 1 ? 0 : 2 * i + 1],
                                    std::make_integer_sequence<int, L>{});
    }
    return lane_sums<T, L, D / 2>(sums);
  }
}

// to[m * to_stride + n] = the dot product of row m of x and row n of w, for m < M and n < N.
template <typename T, int M, int N>
void multiply(int64_t K, const T* x, int64_t x_stride, const T* w, int64_t w_stride, T* to,
              int64_t to_stride) {
  constexpr int L = kLanes<T>;
  Vec<T> sums[M][N] = {};
  for (int64_t begin = 0; begin < K; begin += kAccumulated * L) {
    const int64_t end = smaller(begin + kAccumulated * L, K);
    Vec<T> acc[M][N] = {};
    const auto add = [&](int64_t k, auto read) {
      Vec<T> of_x[M];
#pragma GCC unroll 8
      for (int m = 0; m < M; ++m) of_x[m] = read(x + m * x_stride + k);
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        const Vec<T> weights = read(w + n * w_stride + k);
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) acc[m][n] += of_x[m] * weights;
      }
    };
    int64_t k = begin;
    for (; k + L <= end; k += L) add(k, [](const T* at) { return load<L>(at); });
    if (k < end) add(k, [&](const T* at) { return load_first<L>(at, end - k); });
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) sums[m][n] += acc[m][n];
    }
  }
  for (int m = 0; m < M; ++m) store_first<L>(to + m * to_stride, lane_sums<T, L>(sums[m]), N);
}

template <typename T>
void finish(T* y, int64_t n, const T* bias, Activation activation) {
  constexpr int L = kLanes<T>;
  for (int64_t i = 0; i < n; i += L) {
    const int64_t count = smaller(n - i, L);
    Vec<T> z = load_first<L>(y + i, count);
    if (bias) z += load_first<L>(bias + i, count);
    store_first<L>(y + i, activate<T, L>(z, activation), count);
  }
}

template <typename T>
void few_rows_forward(const LinearLayer<T>& layer, T* y, int64_t y_stride) {
  const auto [rows, N, K, x, w, bias, activation] = layer;
  const Parts groups(rows, kTileRows);
  for (int64_t n = 0; n < N; n += kBlockOutputs) {
    const int64_t end = smaller(n + kBlockOutputs, N);
    for (int64_t g = 0; g < groups.count; ++g) {
      const int64_t first = groups.begin(g);
      const T* const of_group = x.data + first * x.row_stride;
      T* const to = y + first * y_stride;
      with_constant<kTileRows>(groups.begin(g + 1) - first, [&](auto size) {
        constexpr int M = decltype(size)::value, R = kTileOutputs<T, M>;
        int64_t i = n;
        for (; i + R <= end; i += R) {
          multiply<T, M, R>(K, of_group, x.row_stride, w.data + i * w.row_stride, w.row_stride,
                            to + i, y_stride);
        }
        for (; i < end; ++i) {
          multiply<T, M, 1>(K, of_group, x.row_stride, w.data + i * w.row_stride, w.row_stride,
                            to + i, y_stride);
        }
      });
    }
  }
  for (int64_t m = 0; m < rows; ++m) finish(y + m * y_stride, N, bias, activation);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.few_rows_forward = few_rows_forward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
