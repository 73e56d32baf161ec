// Bias and activation over the rows of a matrix, their backward, column sums, and a check that all
// elements are finite.
//
//   sigmoid: grad_z = grad_y y (1 - y)        relu: grad_z = y > 0 ? grad_y : 0   (or y is NaN)
#include "activation.h"
#include "entries.h"

namespace inkgrad::cpu {
namespace {

template <typename T, Activation A>
void bias_activation_rows(T* z, int64_t rows, int64_t N, const T* bias) {
  constexpr int L = kLanes<T>;
  for (int64_t r = 0; r < rows; ++r, z += N) {
    int64_t j = 0;
    for (; j + L <= N; j += L) {
      Vec<T> v = load<L>(z + j);
      if (bias) v += load<L>(bias + j);
      store<L>(z + j, activate<T, L>(v, A));
    }
    if (j < N) {
      Vec<T> v = load_first<L>(z + j, N - j);
      if (bias) v += load_first<L>(bias + j, N - j);
      store_first<L>(z + j, activate<T, L>(v, A), N - j);
    }
  }
}

template <typename T>
void bias_activation(T* z, int64_t rows, int64_t N, const T* bias, Activation activation) {
  if (!bias) {  // one long row has a single tail
    N *= rows;
    rows = 1;
  }
  switch (activation) {
    case Activation::none:
      return bias_activation_rows<T, Activation::none>(z, rows, N, bias);
    case Activation::sigmoid:
      return bias_activation_rows<T, Activation::sigmoid>(z, rows, N, bias);
    case Activation::relu:
      return bias_activation_rows<T, Activation::relu>(z, rows, N, bias);
  }
}

template <typename T>
void activation_backward(const T* grad_output, const T* output, Activation activation, T* grad_z,
                         int64_t n) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    store<L>(grad_z + i,
             activate_backward<T, L>(load<L>(grad_output + i), load<L>(output + i), activation));
  }
  if (i < n) {
    const Vec<T> grad = load_first<L>(grad_output + i, n - i), y = load_first<L>(output + i, n - i);
    store_first<L>(grad_z + i, activate_backward<T, L>(grad, y, activation), n - i);
  }
}

// A few rows are added in T before they join sums in double; vectors run along the row.
template <typename T>
void column_sums(const T* a, int64_t rows, int64_t N, double* sums) {
  constexpr int L = kLanes<T>;
  constexpr int64_t kRows = 8;
  for (int64_t j = 0; j < N; j += L) {
    const int64_t width = N - j < L ? N - j : L;
    Vec<double, L> total{};
    for (int64_t begin = 0; begin < rows; begin += kRows) {
      const int64_t end = begin + kRows < rows ? begin + kRows : rows;
      Vec<T, L> part{};
      for (int64_t r = begin; r < end; ++r) {
        const T* row = a + r * N + j;
        part += width == L ? load<L>(row) : load_first<L>(row, width);
      }
      total += to_double<T, L>(part);
    }
    for (int64_t i = 0; i < width; ++i) sums[j + i] += total[i];
  }
}

// Zero times a finite number is zero, otherwise NaN.
template <typename T>
bool all_finite(const T* x, int64_t n) {
  constexpr int L = kLanes<T>;
  Vec<T> sums[4] = {};
  int64_t k = 0;
  for (; k + 4 * L <= n; k += 4 * L) {
    for (int u = 0; u < 4; ++u) sums[u] += T(0) * load<L>(x + k + u * L);
  }
  T rest = 0;
  for (; k < n; ++k) rest += T(0) * x[k];
  return horizontal_sum<T, L>((sums[0] + sums[1]) + (sums[2] + sums[3])) + rest == T(0);
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.bias_activation = bias_activation<T>;
  table.activation_backward = activation_backward<T>;
  table.column_sums = column_sums<T>;
  table.all_finite = all_finite<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
