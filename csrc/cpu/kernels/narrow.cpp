// Linear layers of a few units, as in the first models of a course: 1 to kNarrowOutputs outputs and
// 1 to kNarrowInputs inputs.
//
// In a tiled matrix product, panels, tiles and masks would cost more than the 8 x 6 multiplications
// of a row. Here a row is one vector, and the weights stay in registers.
//
//   forward   y[r, :] = activation(sum over k of x[r, k] w[:, k] + b)         lanes: the outputs;
//             the activation, which takes longer, runs over many rows at once in full vectors
//   backward  dz = dy activation'(y), and with lanes for the inputs, in one pass over the rows
//             dx[r, :] = sum over n of dz[n] w[n, :]     dw[n, :] += dz[n] x[r, :]     db += dz
//
// A vector may be longer than its row: the excess is ignored in loads and overwritten by the next
// row in stores. Only the last vectors of the range are masked.
//
// Activations and their derivatives run over blocks of rows, so that the loops over rows need no
// version for each: this file would take three times as long to compile.
#include "activation.h"
#include "entries.h"
#include "integers.h"

namespace inkgrad::cpu {
namespace {

inline constexpr int kNarrowOutputs = 8, kNarrowInputs = 16;
// Rows whose activation is computed together, while they are in the first-level cache.
inline constexpr int64_t kForwardRows = 128;
// Rows whose contributions to the weight gradient are added in T before they join sums in double.
inline constexpr int64_t kBlockRows = 64;

// The number of rows, `stride` apart, that can be moved as whole vectors of L elements in memory
// that ends `end` elements after the first row begins.
template <int L>
inline int64_t rows_of_whole_vectors(int64_t rows, int64_t stride, int64_t end) {
  if (end < L) return 0;
  if (stride == 0) return rows;
  return smaller((end - L) / stride + 1, rows);
}

// z[r, :] = sum over k < K of x[r, k] w[:, k] + b for the first `rows` of rows_left rows, the last
// of which ends where memory does. Four rows at once hide the latency of the sums; more rows fill
// the scheduler's queue.
template <typename T, int L, int K>
void forward_rows(int64_t rows, int64_t rows_left, int64_t N, const T* x, int64_t x_stride,
                  const T* w, Vec<T, L> bias, T* z) {
  constexpr int R = 4;
  const int64_t whole = smaller(rows, rows_of_whole_vectors<L>(rows_left, N, rows_left * N));
  Vec<T, L> columns[K];
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) columns[k] = load<L>(w + k * L);
  int64_t r = 0;
  for (; r + R <= whole; r += R, x += R * x_stride, z += R * N) {
    Vec<T, L> sums[R] = {};
    const T* row[R];  // elements at constant offsets cost no address arithmetic
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) row[i] = x + i * x_stride;
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) sums[i] += row[i][k] * columns[k];
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) store<L>(z + i * N, sums[i] + bias);
  }
  for (; r < rows; ++r, x += x_stride, z += N) {
    Vec<T, L> sum{};
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) sum += x[k] * columns[k];
    if (r < whole) {
      store<L>(z, sum + bias);
    } else {
      store_first<L>(z, sum + bias, N);
    }
  }
}

// Calls f(i, load, store) for each vector of n elements, with functions that move elements i to
// i + kLanes<T>, or to the last.
template <typename T, typename F>
inline void for_vectors(int64_t n, F f) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    f([i](const T* p) { return load<L>(p + i); },
      [i](T* p, Vec<T, L> value) { store<L>(p + i, value); });
  }
  if (i < n) {
    f([i, n](const T* p) { return load_first<L>(p + i, n - i); },
      [i, n](T* p, Vec<T, L> value) { store_first<L>(p + i, value, n - i); });
  }
}

// Calls f(activation) with a compile-time constant.
template <typename F>
inline void with_activation(Activation activation, F f) {
  switch (activation) {
    case Activation::none:
      return f(std::integral_constant<Activation, Activation::none>{});
    case Activation::sigmoid:
      return f(std::integral_constant<Activation, Activation::sigmoid>{});
    case Activation::relu:
      return f(std::integral_constant<Activation, Activation::relu>{});
  }
}

// z = activation(z), n elements.
template <typename T>
void activate_all(Activation activation, int64_t n, T* z) {
  if (activation == Activation::none) return;
  with_activation(activation, [&](auto function) {
    for_vectors<T>(n, [&](auto load, auto store) {
      store(z, activate<T, kLanes<T>>(load(z), decltype(function)::value));
    });
  });
}

// dz = dy activation'(y), n elements.
template <typename T>
void activate_backward_all(Activation activation, int64_t n, const T* dy, const T* y, T* dz) {
  with_activation(activation, [&](auto function) {
    for_vectors<T>(n, [&](auto load, auto store) {
      store(dz, activate_backward<T, kLanes<T>>(load(dy), load(y), decltype(function)::value));
    });
  });
}

// Calls f(lanes) with a compile-time constant that `width` outputs fit.
template <typename F>
inline void with_lanes(int64_t width, F f) {
  if (width <= kNarrowOutputs / 2) {
    f(std::integral_constant<int, kNarrowOutputs / 2>{});
  } else {
    f(std::integral_constant<int, kNarrowOutputs>{});
  }
}

template <typename T>
void narrow_forward(const LinearLayer<T>& layer, T* y) {
  const int64_t rows = layer.rows, N = layer.outputs, K = layer.inputs;
  const Matrix<T> x = layer.x, w = layer.w;
  const T* const bias = layer.bias;
  with_lanes(N, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    alignas(64) T columns[kNarrowInputs * L] = {};
    for (int64_t k = 0; k < K; ++k) {
      for (int64_t n = 0; n < N; ++n)
        columns[k * L + n] = w.data[n * w.row_stride + k * w.col_stride];
    }
    Vec<T, L> offset{};
    for (int64_t n = 0; bias && n < N; ++n) offset[n] = bias[n];
    with_constant<kNarrowInputs>(K, [&](auto inputs) {
      for (int64_t begin = 0; begin < rows; begin += kForwardRows) {
        const int64_t count = smaller(kForwardRows, rows - begin);
        T* const z = y + begin * N;
        forward_rows<T, L, decltype(inputs)::value>(count, rows - begin, N,
                                                    x.data + begin * x.row_stride, x.row_stride,
                                                    columns, offset, z);
        activate_all<T>(layer.activation, count * N, z);
      }
    });
  });
}

// Outputs in vectors of L lanes, inputs in vectors of LK lanes.
template <typename T, int N, int L, int LK>
void backward_rows(Activation activation, int64_t rows, int64_t K, const T* dy, const T* y,
                   const T* x, int64_t x_stride, const T* w, T* dx, double* dw, double* db) {
  const int64_t whole =
      smaller(rows_of_whole_vectors<LK>(rows, x_stride, (rows - 1) * x_stride + K),
              rows_of_whole_vectors<LK>(rows, K, rows * K));
  Vec<T, LK> weights[N], sums[N] = {};
  Vec<double, L> bias_sums{};
#pragma GCC unroll 8
  for (int n = 0; n < N; ++n) weights[n] = load<LK>(w + n * LK);

  alignas(64) T dz[kBlockRows * N + L];
  const auto row = [&](const T* gradient, Vec<T, LK> input) {
    bias_sums += to_double<T, L>(load<L>(gradient));
    Vec<T, LK> result{};
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      sums[n] += gradient[n] * input;
      result += gradient[n] * weights[n];
    }
    return result;
  };
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t end = smaller(begin + kBlockRows, rows), unmasked = smaller(end, whole);
    const int64_t elements = (end - begin) * N;
    store<L>(dz + elements, Vec<T, L>{});  // read with the last row
    activate_backward_all(activation, elements, dy + begin * N, y + begin * N, dz);
    int64_t r = begin;
    for (; r < unmasked; ++r) {
      const auto g = row(dz + (r - begin) * N, load<LK>(x + r * x_stride));
      if (dx) store<LK>(dx + r * K, g);
    }
    for (; r < end; ++r) {
      const auto g = row(dz + (r - begin) * N, load_first<LK>(x + r * x_stride, K));
      if (dx) store_first<LK>(dx + r * K, g, K);
    }
    for (int n = 0; n < N; ++n) {
      for (int64_t k = 0; k < K; ++k) dw[n * K + k] += sums[n][k];
      sums[n] = Vec<T, LK>{};
    }
  }
  for (int n = 0; n < N; ++n) db[n] += bias_sums[n];
}

template <typename T>
void narrow_backward(const LinearLayer<T>& layer, const T* dy, const T* y, T* dx, double* dw,
                     double* db) {
  const int64_t rows = layer.rows, N = layer.outputs, K = layer.inputs;
  const Matrix<T> x = layer.x, w = layer.w;
  with_lanes(N, [&](auto lanes) {
    constexpr int L = decltype(lanes)::value;
    const auto with_inputs = [&](auto input_lanes) {
      constexpr int LK = decltype(input_lanes)::value;
      alignas(64) T weights[L * LK] = {};
      for (int64_t n = 0; n < N; ++n) {
        for (int64_t k = 0; k < K; ++k)
          weights[n * LK + k] = w.data[n * w.row_stride + k * w.col_stride];
      }
      with_constant<L>(N, [&](auto outputs) {
        backward_rows<T, decltype(outputs)::value, L, LK>(layer.activation, rows, K, dy, y, x.data,
                                                          x.row_stride, weights, dx, dw, db);
      });
    };
    if (K <= kNarrowInputs / 2) {
      with_inputs(std::integral_constant<int, kNarrowInputs / 2>{});
    } else {
      with_inputs(std::integral_constant<int, kNarrowInputs>{});
    }
  });
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.narrow_outputs = kNarrowOutputs;
  table.narrow_inputs = kNarrowInputs;
  table.narrow_forward = narrow_forward<T>;
  table.narrow_backward = narrow_backward<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
