// linear_sigmoid and linear_relu on the CPU: our kernels with the epilogue in their registers, or
// torch's matrix product and one pass after it, whichever is faster for a shape.
#include "linear.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "../ops.h"
#include "half.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

// Below this many operations a second thread costs more than it brings.
constexpr int64_t kGrainOperations = 1 << 20;
// M N K of products so small that a call of the library would cost more than they do.
constexpr int64_t kSmallProduct = 1 << 17;
// Weights that a layer of a few rows leaves to one thread.
constexpr int64_t kGrainWeights = 1 << 16;
// Rows of a narrow layer whose gradients are summed by one thread, whatever the number of threads.
constexpr int64_t kNarrowBlock = 4096;
// Rows whose gradients stay in a cache between one kernel and the next.
constexpr int64_t kBackwardRows = 64;
// Sums over rows are formed in at most this many parts.
constexpr int64_t kMaxGroups = 8;

template <typename T>
Matrix<T> matrix(const Tensor& t) {
  return {t.const_data_ptr<T>(), t.stride(0), t.stride(1)};
}
template <typename T>
Matrix<T> transposed(Matrix<T> m) {
  return {m.data, m.col_stride, m.row_stride};
}
template <typename T>
Tensor tensor_of(Matrix<T> m, int64_t rows, int64_t cols) {
  // torch only reads it
  return at::from_blob(const_cast<T*>(m.data), {rows, cols}, {m.row_stride, m.col_stride},
                       c10::CppTypeToScalarType<T>::value);
}

// Where our kernel is the better one, as measured. For a few rows packing costs more than the
// product. A transposed a, or rows that lie a multiple of 4 KiB apart and fight for the
// same cache sets, have to be packed first: that takes a long sum, or many rows, to pay.
template <typename T>
bool prefers_ours(int64_t M, int64_t N, int64_t K, Matrix<T> a) {
  if (M * N * K <= kSmallProduct) return true;
  if (M < 12) return false;
  if (a.col_stride != 1) return K >= 32;
  return M >= 256 || a.row_stride * int64_t(sizeof(T)) % 4096 != 0;
}

// The product by our kernel, split among threads along its longer side: the order of every sum is
// the same however it is split.
template <typename T>
void our_product(int64_t M, int64_t N, int64_t K, Matrix<T> a, Matrix<T> b, const T* bias,
                 Activation activation, T* c) {
  const auto& table = kernels()->of<T>();
  const int64_t row_tiles = at::divup(M, table.gemm_tile_rows),
                col_tiles = at::divup(N, table.gemm_tile_cols);
  const bool by_rows = row_tiles >= col_tiles;
  const int64_t tile = by_rows ? table.gemm_tile_rows : table.gemm_tile_cols;
  const int64_t length = by_rows ? M : N, tiles = by_rows ? row_tiles : col_tiles;
  const int64_t operations_per_tile =
      2 * M * N * std::max<int64_t>(K, 1) / std::max<int64_t>(tiles, 1);
  const int64_t grain = kGrainOperations / std::max<int64_t>(operations_per_tile, 1) + 1;
  at::parallel_for(0, tiles, grain, [&](int64_t begin, int64_t end) {
    const int64_t from = begin * tile, count = std::min(end * tile, length) - from;
    const int64_t rows = by_rows ? count : M, cols = by_rows ? N : count;
    T* const workspace = scratch_of<T>(table.gemm_workspace(rows, cols, K));
    Matrix<T> a_part = a, b_part = b;
    if (by_rows) {
      a_part.data += from * a.row_stride;
    } else {
      b_part.data += from * b.col_stride;
    }
    table.gemm(rows, cols, K, a_part, b_part, bias && !by_rows ? bias + from : bias, activation,
               c + (by_rows ? from * N : from), N, workspace);
  });
}

// c[M, N] = activation(a b + bias) by ours or torch's.
template <typename T>
void product(int64_t M, int64_t N, int64_t K, Matrix<T> a, Matrix<T> b, const T* bias,
             Activation activation, T* c) {
  if (prefers_ours(M, N, K, a)) return our_product(M, N, K, a, b, bias, activation, c);
  Tensor out = tensor_of<T>({c, N, 1}, M, N);
  at::mm_out(out, tensor_of(a, M, K), tensor_of(b, K, N));
  if (!bias && activation == Activation::none) return;
  at::parallel_for(
      0, M, kGrainElements / std::max<int64_t>(N, 1) + 1, [&](int64_t begin, int64_t end) {
        kernels()->of<T>().bias_activation(c + begin * N, end - begin, N, bias, activation);
      });
}

template <typename T>
bool is_narrow(const LinearLayer<T>& layer) {
  const auto& table = kernels()->of<T>();
  return layer.outputs <= table.narrow_outputs && layer.inputs >= 1 &&
         layer.inputs <= table.narrow_inputs && layer.x.col_stride == 1;
}

template <typename T>
Matrix<T> from_row(Matrix<T> m, int64_t row) {
  return {m.data + row * m.row_stride, m.row_stride, m.col_stride};
}

template <typename T>
void narrow_forward(const LinearLayer<T>& layer, const T* bias, T* y) {
  const int64_t N = layer.outputs;
  at::parallel_for(0, layer.rows, kGrainElements / N, [&](int64_t begin, int64_t end) {
    kernels()->of<T>().narrow_forward(end - begin, N, layer.inputs, from_row(layer.x, begin),
                                      layer.w, bias, layer.activation, y + begin * N);
  });
}

// So few that rearranging the weights does not pay; a short sum is soon done, and then its lanes
// have to be added.
template <typename T>
bool has_few_rows(const LinearLayer<T>& layer) {
  return (layer.rows <= 4 || (layer.rows <= 12 && layer.inputs >= 256)) &&
         layer.x.col_stride == 1 && layer.w.col_stride == 1;
}

template <typename T>
void few_rows_forward(const LinearLayer<T>& layer, const T* bias, T* y) {
  const int64_t N = layer.outputs, K = layer.inputs;
  const int64_t grain = kGrainWeights / std::max<int64_t>(K, 1) + 1;
  at::parallel_for(0, N, grain, [&](int64_t begin, int64_t end) {
    kernels()->of<T>().few_rows_forward(layer.rows, end - begin, K, layer.x,
                                        from_row(layer.w, begin), bias ? bias + begin : nullptr,
                                        layer.activation, y + begin, N);
  });
}

// Sums of each block of rows, added in order: the same for any number of threads.
template <typename T>
void narrow_backward(const LinearLayer<T>& layer, const T* dy, const T* y, T* dx, T* dw, T* db) {
  const int64_t N = layer.outputs, K = layer.inputs, size = N * K + N;
  const int64_t blocks = at::divup(layer.rows, kNarrowBlock);
  std::vector<double> sums(blocks * size);
  at::parallel_for(0, blocks, 2, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t row = block * kNarrowBlock;
      double* const part = sums.data() + block * size;
      kernels()->of<T>().narrow_backward(std::min(kNarrowBlock, layer.rows - row), N, K,
                                         dy + row * N, y + row * N, layer.activation,
                                         from_row(layer.x, row), layer.w,
                                         dx ? dx + row * K : nullptr, part, part + N * K);
    }
  });
  for (int64_t i = size; i < blocks * size; ++i) sums[i % size] += sums[i];
  if (dw) std::copy_n(sums.begin(), N * K, dw);
  if (db) std::copy_n(sums.begin() + N * K, N, db);
}

// dz = dy activation'(y), unless they are the same, and its column sums db, which may be null,
// while its rows are still in a cache. Groups of rows are summed apart and added in order: the same
// for any number of threads.
template <typename T>
void backward_rows(const LinearLayer<T>& layer, const T* dy, const T* y, T* dz, T* db) {
  if (dz == dy && !db) return;
  const auto& table = kernels()->of<T>();
  const int64_t M = layer.rows, N = layer.outputs;
  const int64_t groups = std::min(kMaxGroups, at::divup(M, kBackwardRows));
  std::vector<double> sums(groups * N);
  at::parallel_for(
      0, groups, kGrainElements * groups / (M * N) + 1, [&](int64_t begin, int64_t end) {
        for (int64_t group = begin; group < end; ++group) {
          const int64_t last = (group + 1) * M / groups;
          for (int64_t row = group * M / groups; row < last; row += kBackwardRows) {
            const int64_t rows = std::min(kBackwardRows, last - row), at = row * N;
            if (dz != dy)
              table.activation_backward(dy + at, y + at, layer.activation, dz + at, rows * N);
            if (db) table.column_sums(dz + at, rows, N, sums.data() + group * N);
          }
        }
      });
  for (int64_t i = N; i < groups * N; ++i) sums[i % N] += sums[i];
  if (db) std::copy_n(sums.begin(), N, db);
}

}  // namespace

template <typename T>
void linear_forward(const LinearLayer<T>& layer, const T* bias, T* y) {
  if (is_narrow(layer)) return narrow_forward(layer, bias, y);
  if (has_few_rows(layer)) return few_rows_forward(layer, bias, y);
  product(layer.rows, layer.outputs, layer.inputs, layer.x, transposed(layer.w), bias,
          layer.activation, y);
}

template <typename T>
void linear_backward(const LinearLayer<T>& layer, const T* dy, const T* y, T* dz, T* dx, T* dw,
                     T* db) {
  if (is_narrow(layer)) return narrow_backward(layer, dy, y, dx, dw, db);
  const int64_t M = layer.rows, N = layer.outputs, K = layer.inputs;
  if (layer.activation == Activation::none) dz = const_cast<T*>(dy);  // only read from here on
  backward_rows(layer, dy, y, dz, db);
  const Matrix<T> grad{dz, N, 1};
  if (dx) product<T>(M, K, N, grad, layer.w, nullptr, Activation::none, dx);
  if (dw) product<T>(N, K, M, transposed(grad), layer.x, nullptr, Activation::none, dw);
}

template void linear_forward(const LinearLayer<float>&, const float*, float*);
template void linear_forward(const LinearLayer<double>&, const double*, double*);
template void linear_backward(const LinearLayer<float>&, const float*, const float*, float*, float*,
                              float*, float*);
template void linear_backward(const LinearLayer<double>&, const double*, const double*, double*,
                              double*, double*, double*);

namespace {

bool takes(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const bool fits = kernels() && is_plain(input) && is_plain(weight) &&
                    is_kernel_dtype(input.scalar_type()) &&
                    weight.scalar_type() == input.scalar_type() && input.dim() >= 1 &&
                    weight.dim() == 2 && input.size(-1) == weight.size(1);
  if (!fits || !bias.has_value() || !bias->defined()) return fits;
  return is_plain(*bias) && bias->scalar_type() == input.scalar_type() && bias->dim() == 1 &&
         bias->size(0) == weight.size(0);
}

// A single row takes less time than a copy of the weight.
bool is_worth_copies(const Tensor& input) {
  return input.dim() > 1 && input.numel() > input.size(-1);
}

// Input as a matrix: (*, K) to (M, K).
Tensor as_rows(const Tensor& input, int64_t M, int64_t K) {
  return input.dim() == 2 ? input : input.reshape({M, K});
}

template <typename T>
T* mutable_data_or_null(const Tensor& t) {
  return t.defined() ? t.mutable_data_ptr<T>() : nullptr;
}

template <Activation activation>
Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  if (goes_through_float(input, weight, bias) && is_worth_copies(input)) {
    return forward<activation>(input.to(at::kFloat), weight.to(at::kFloat), to_float(bias))
        .to(at::kHalf);
  }
  if (!takes(input, weight, bias)) {
    return activation == Activation::sigmoid ? native::linear_sigmoid(input, weight, bias)
                                             : native::linear_relu(input, weight, bias);
  }
  const int64_t N = weight.size(0), K = weight.size(1);
  at::DimVector sizes(input.sizes());
  sizes.back() = N;
  const Tensor output = new_tensor(sizes, input.scalar_type());
  if (output.numel() == 0) return output;
  const int64_t M = output.numel() / N;
  const Tensor rows = as_rows(input, M, K);
  const auto offset =
      bias.has_value() && bias->defined() ? bias->expect_contiguous() : c10::MaybeOwned<Tensor>();
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    linear_forward<T>({M, N, K, matrix<T>(rows), matrix<T>(weight), activation},
                      offset->defined() ? offset->const_data_ptr<T>() : nullptr,
                      output.mutable_data_ptr<T>());
  });
  return output;
}

template <Activation activation>
Gradients3 backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                    const Tensor& output, std::array<bool, 3> output_mask) {
  if (goes_through_float(input, weight, output) && is_plain(grad_output) &&
      grad_output.scalar_type() == at::kHalf && is_worth_copies(input)) {
    return to_half(backward<activation>(grad_output.to(at::kFloat), input.to(at::kFloat),
                                        weight.to(at::kFloat), output.to(at::kFloat), output_mask));
  }
  const bool agrees = is_plain(grad_output) && is_plain(output) &&
                      grad_output.sizes() == output.sizes() &&
                      grad_output.scalar_type() == input.scalar_type() &&
                      output.scalar_type() == input.scalar_type();
  if (!agrees || output.numel() == 0 || input.numel() == 0 || !takes(input, weight, std::nullopt)) {
    return activation == Activation::sigmoid
               ? native::linear_sigmoid_backward(grad_output, input, weight, output, output_mask)
               : native::linear_relu_backward(grad_output, input, weight, output, output_mask);
  }
  const int64_t N = weight.size(0), K = weight.size(1), M = output.numel() / N;
  const auto grad = grad_output.expect_contiguous(), y = output.expect_contiguous();
  const Tensor rows = as_rows(input, M, K);
  const auto dtype = input.scalar_type();
  Tensor grad_input, grad_weight, grad_bias;
  if (output_mask[0]) grad_input = new_tensor(input.sizes(), dtype);
  if (output_mask[1]) grad_weight = new_tensor(weight.sizes(), dtype);
  if (output_mask[2]) grad_bias = new_tensor({N}, dtype);
  with_kernel_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const LinearLayer<T> layer{M, N, K, matrix<T>(rows), matrix<T>(weight), activation};
    const Tensor room = is_narrow(layer) ? Tensor() : new_tensor({M, N}, dtype);
    linear_backward<T>(layer, grad->const_data_ptr<T>(), y->const_data_ptr<T>(),
                       mutable_data_or_null<T>(room), mutable_data_or_null<T>(grad_input),
                       mutable_data_or_null<T>(grad_weight), mutable_data_or_null<T>(grad_bias));
  });
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  using inkgrad::Activation;
  m.impl("linear_sigmoid", inkgrad::cpu::forward<Activation::sigmoid>);
  m.impl("linear_sigmoid_backward", inkgrad::cpu::backward<Activation::sigmoid>);
  m.impl("linear_relu", inkgrad::cpu::forward<Activation::relu>);
  m.impl("linear_relu_backward", inkgrad::cpu::backward<Activation::relu>);
}
