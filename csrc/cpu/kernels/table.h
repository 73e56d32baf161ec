// The table of functions that one instruction-set library offers.
//
// A library (_cpu_default, _cpu_avx2, _cpu_avx512) is these sources compiled with one set of flags.
// It knows no torch: plain pointers, one thread, a range of the work. What is allocated, checked
// and split among threads is decided by the tensor entry points (csrc/cpu/*.cpp), which are
// compiled once. So a library builds in seconds, nothing of ATen is compiled with instructions that
// the processor may lack, and exactly one library is ever loaded.
#pragma once

#include <cstdint>

#include "../../common/activation.h"
#include "../../common/sgd.h"
#include "conv/kernels.h"

namespace inkgrad::cpu {

// Bits that the BCE kernels set where an element lies outside [0, 1] or is NaN.
inline constexpr unsigned kInputOutOfRange = 1, kTargetOutOfRange = 2;

// A strided matrix: element (i, j) lies at data[i * row_stride + j * col_stride].
template <typename T>
struct Matrix {
  const T* data;
  int64_t row_stride;
  int64_t col_stride;
};

template <typename T>
struct KernelsOf {
  // ---- binary cross entropy; weight may be null
  // ------------------------------------------------------- Sum of the losses of n elements. Bits
  // of *out_of_range are set, never cleared.
  double (*bce_sum)(const T* input, const T* target, const T* weight, int64_t n,
                    unsigned* out_of_range);
  void (*bce_each)(const T* input, const T* target, const T* weight, T* loss, int64_t n,
                   unsigned* out_of_range);
  // grad_output has n elements, or is null: then it is `uniform` for all. grad_input and
  // grad_target may be null.
  void (*bce_backward)(const T* grad_output, double uniform, const T* input, const T* target,
                       const T* weight, T* grad_input, T* grad_target, int64_t n);

  // ---- matrix product with epilogue
  // ------------------------------------------------------------------- c[M, N] (rows c_stride
  // apart) = activation(a[M, K] b[K, N] + bias[N]); bias may be null. workspace: gemm_workspace(M,
  // N, K) elements, aligned to 64 bytes.
  void (*gemm)(int64_t M, int64_t N, int64_t K, Matrix<T> a, Matrix<T> b, const T* bias,
               Activation activation, T* c, int64_t c_stride, T* workspace);
  int64_t (*gemm_workspace)(int64_t M, int64_t N, int64_t K);
  int64_t gemm_tile_rows, gemm_tile_cols;

  // ---- linear layers of a few units: at most narrow_outputs outputs, narrow_inputs inputs
  // y[rows, N] = activation(x[rows, K] w[N, K]^T + bias); the columns of x are contiguous, bias may
  // be null.
  int64_t narrow_outputs, narrow_inputs;
  void (*narrow_forward)(int64_t rows, int64_t N, int64_t K, Matrix<T> x, Matrix<T> w,
                         const T* bias, Activation activation, T* y);
  // All gradients in one pass over the rows: dx[rows, K], which may be null, is written; to dw[N,
  // K] and db[N] their part is added.
  void (*narrow_backward)(int64_t rows, int64_t N, int64_t K, const T* dy, const T* y,
                          Activation activation, Matrix<T> x, Matrix<T> w, T* dx, double* dw,
                          double* db);

  // ---- linear layers of a few rows
  // y[rows, N] = activation(x[rows, K] w[N, K]^T + bias); the columns of x and of w are contiguous,
  // bias may be null.
  void (*few_rows_forward)(int64_t rows, int64_t N, int64_t K, Matrix<T> x, Matrix<T> w,
                           const T* bias, Activation activation, T* y, int64_t y_stride);

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
  // Sum of -log softmax(row)[label] over rows of logits. grad[rows, classes], which may be null, is
  // scale times its gradient. The rows whose largest logit is the label's are added to *right.
  double (*cross_entropy)(const T* logits, const int64_t* labels, int64_t rows, int64_t classes,
                          T scale, T* grad, int64_t* right);
  // One update of n weights; velocity, momentum's memory, may be null.
  void (*sgd)(T* w, const T* grad, T* velocity, int64_t n, T lr, T momentum, T decay);

  // ---- for benchmarks
  // Rounds of chain_operations multiplications and additions that nothing holds up; their result
  // is returned so that they are made.
  T (*multiply_add_chains)(int64_t rounds);
  int64_t chain_operations;
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
