// The table of functions of one kernel library.
//
// A library (_cpu_default, _cpu_avx2, _cpu_avx512) is these sources compiled with one set of flags.
// It does not depend on torch: a function takes plain pointers and computes a range of the work on
// one thread. Checks, allocation and the split among threads are up to the ops (csrc/cpu/*.cpp),
// which are compiled once. So a library builds in seconds, nothing of ATen is compiled with
// instructions that the processor may lack, and exactly one library is loaded.
#pragma once

#include <cstdint>

#include "../../common/activation.h"
#include "../../common/sgd.h"
#include "conv/kernels.h"

namespace inkgrad::cpu {

// Bits that the BCE kernels set if an element lies outside [0, 1] or is NaN.
inline constexpr unsigned kInputOutOfRange = 1, kTargetOutOfRange = 2;

// A strided matrix: element (i, j) lies at data[i * row_stride + j * col_stride].
template <typename T>
struct Matrix {
  const T* data;
  int64_t row_stride;
  int64_t col_stride;
};

// c[M, N] = activation(a[M, K] b[K, N] + bias[N]).
template <typename T>
struct Product {
  int64_t M, N, K;
  Matrix<T> a, b;
  const T* bias;  // may be null
  Activation activation;
  T* c;
  int64_t c_stride;  // from row to row
};

// y[rows, outputs] = activation(x[rows, inputs] w[outputs, inputs]^T + bias).
template <typename T>
struct LinearLayer {
  int64_t rows, outputs, inputs;
  Matrix<T> x, w;
  const T* bias;  // may be null
  Activation activation;
};

template <typename T>
struct BceOperands {
  const T *input, *target;
  const T* weight;  // may be null
  int64_t n;
};

template <typename T>
struct KernelsOf {
  // ---- binary cross entropy

  // Returns the sum of the losses. Sets bits of *out_of_range, clears none.
  double (*bce_sum)(const BceOperands<T>& operands, unsigned* out_of_range);
  void (*bce_each)(const BceOperands<T>& operands, T* loss, unsigned* out_of_range);
  // grad_output has n elements, or is null and `uniform` for all; gradients are multiplied by
  // `scale`, 1 / n of a mean. grad_input and grad_target may be null.
  void (*bce_backward)(const BceOperands<T>& operands, const T* grad_output, T uniform,
                       double scale, T* grad_input, T* grad_target);

  // ---- matrix products and linear layers

  // workspace: gemm_workspace(M, N, K) elements, aligned to 64 bytes.
  void (*gemm)(const Product<T>& product, T* workspace);
  int64_t (*gemm_workspace)(int64_t M, int64_t N, int64_t K);
  int64_t gemm_tile_rows, gemm_tile_cols;
  // Layers of at most narrow_outputs outputs and narrow_inputs inputs; x's rows are contiguous.
  int64_t narrow_outputs, narrow_inputs;
  void (*narrow_forward)(const LinearLayer<T>& layer, T* y);
  // All gradients in one pass over the rows. Writes dx[rows, inputs], which may be null; adds to
  // dw[outputs, inputs] and db[outputs].
  void (*narrow_backward)(const LinearLayer<T>& layer, const T* dy, const T* y, T* dx, double* dw,
                          double* db);
  // Layers of a few rows; the rows of x and w are contiguous.
  void (*few_rows_forward)(const LinearLayer<T>& layer, T* y, int64_t y_stride);

  // ---- elementwise

  // z = activation(z + bias) over rows of N elements in place; bias may be null.
  void (*bias_activation)(T* z, int64_t rows, int64_t N, const T* bias, Activation activation);
  // grad_z = grad_output * activation'(z), from output = activation(z). n elements.
  void (*activation_backward)(const T* grad_output, const T* output, Activation activation,
                              T* grad_z, int64_t n);
  // sums[N] += the column sums of a [rows, N] matrix.
  void (*column_sums)(const T* a, int64_t rows, int64_t N, double* sums);
  bool (*all_finite)(const T* x, int64_t n);

  ConvKernels<T> conv;

  // ---- a training step

  // Returns the sum of -log softmax(row)[label] over rows of logits. Writes its gradient, times
  // scale, to grad[rows, classes], which may be null. Adds the number of rows whose largest logit
  // is the label's to *correct.
  double (*cross_entropy)(const T* logits, const int64_t* labels, int64_t rows, int64_t classes,
                          T scale, T* grad, int64_t* correct);
  // Updates n weights; velocity may be null without momentum.
  void (*sgd)(T* w, const T* grad, T* velocity, int64_t n, const Sgd& settings);

  // ---- for benchmarks

  // Rounds of fma_round_operations independent multiplications and additions. The result is
  // returned so that they are not optimized away.
  T (*fma_rounds)(int64_t rounds);
  int64_t fma_round_operations;
};

struct Kernels {
  KernelsOf<float> f32;
  KernelsOf<double> f64;
  template <typename T>
  const KernelsOf<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return f64;
    }
  }
};

}  // namespace inkgrad::cpu

extern "C" __attribute__((visibility("default"))) const inkgrad::cpu::Kernels*
inkgrad_cpu_kernels();
