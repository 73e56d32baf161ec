// linear_sigmoid and linear_relu on the CPU: our matrix product with the epilogue in its registers,
// or torch's and one pass after it, whichever is faster for a shape.
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

#include <algorithm>
#include <utility>

#include "../ops.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

// Below this many operations a second thread costs more than it brings.
constexpr int64_t kGrainOperations = 1 << 20;
// M N K of products so small that a call of the library would cost more than they do.
constexpr int64_t kSmallProduct = 1 << 17;

bool takes(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const bool fits = kernels() && is_plain(input) && is_plain(weight) &&
                    is_kernel_dtype(input.scalar_type()) &&
                    weight.scalar_type() == input.scalar_type() && input.dim() >= 1 &&
                    weight.dim() == 2 && input.size(-1) == weight.size(1);
  if (!fits || !bias.has_value() || !bias->defined()) return fits;
  return is_plain(*bias) && bias->scalar_type() == input.scalar_type() && bias->dim() == 1 &&
         bias->size(0) == weight.size(0);
}

template <typename T>
Matrix<T> matrix(const Tensor& t) {
  return {t.const_data_ptr<T>(), t.stride(0), t.stride(1)};
}
template <typename T>
Matrix<T> transposed(Matrix<T> m) {
  return {m.data, m.col_stride, m.row_stride};
}

// Where our kernel is the better one. For one row or a few, packing the weight costs more than the
// product; a transposed a, or rows that lie a multiple of 4 KiB apart, have to be packed tile by
// tile, which torch's library does better.
template <typename T>
bool prefers_ours(int64_t M, int64_t N, int64_t K, Matrix<T> a) {
  if (M * N * K <= kSmallProduct) return true;
  return M >= 8 && a.col_stride == 1 && a.row_stride * int64_t(sizeof(T)) % 4096 != 0;
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

// Both factors as matrices; tensors of them are made only for torch's library.
template <typename T, typename Tensors>
void product(int64_t M, int64_t N, int64_t K, Matrix<T> a, Matrix<T> b, Tensors tensors,
             const Tensor& bias, Activation activation, const Tensor& result) {
  const T* const offset = bias.defined() ? bias.const_data_ptr<T>() : nullptr;
  T* const c = result.mutable_data_ptr<T>();
  if (prefers_ours(M, N, K, a)) return our_product(M, N, K, a, b, offset, activation, c);
  const std::pair<Tensor, Tensor> factors = tensors();
  Tensor out = result.view({M, N});
  at::mm_out(out, factors.first, factors.second);
  if (!offset && activation == Activation::none) return;
  at::parallel_for(
      0, M, kGrainElements / std::max<int64_t>(N, 1) + 1, [&](int64_t begin, int64_t end) {
        kernels()->of<T>().bias_activation(c + begin * N, end - begin, N, offset, activation);
      });
}

template <Activation activation>
Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  if (!takes(input, weight, bias)) {
    return activation == Activation::sigmoid ? native::linear_sigmoid(input, weight, bias)
                                             : native::linear_relu(input, weight, bias);
  }
  const int64_t N = weight.size(0), K = weight.size(1);
  auto sizes = input.sizes().vec();
  sizes.back() = N;
  const Tensor output = at::empty(sizes, input.options());
  if (output.numel() == 0) return output;
  const int64_t M = output.numel() / N;
  const Tensor rows = input.dim() == 2 ? input : input.reshape({M, K});
  const Tensor offset = bias.has_value() && bias->defined() ? bias->contiguous() : Tensor();
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    product<T>(
        M, N, K, matrix<T>(rows), transposed(matrix<T>(weight)),
        [&] { return std::make_pair(rows, weight.t()); }, offset, activation, output);
  });
  return output;
}

template <Activation activation>
Gradients3 backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                    const Tensor& output, std::array<bool, 3> output_mask) {
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
  const Tensor grad = grad_output.contiguous(), y = output.contiguous();
  const Tensor rows = input.dim() == 2 ? input : input.reshape({M, K});
  Tensor grad_input, grad_weight, grad_bias;
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const Tensor grad_z = at::empty_like(grad);
    T* const dz = grad_z.mutable_data_ptr<T>();
    const T *const dy = grad.const_data_ptr<T>(), *const values = y.const_data_ptr<T>();
    at::parallel_for(0, M * N, kGrainElements, [&](int64_t begin, int64_t end) {
      table.activation_backward(dy + begin, values + begin, activation, dz + begin, end - begin);
    });
    if (output_mask[0]) {
      grad_input = at::empty(input.sizes(), input.options());
      product<T>(
          M, K, N, {dz, N, 1}, matrix<T>(weight),
          [&] { return std::make_pair(grad_z.view({M, N}), weight); }, {}, Activation::none,
          grad_input);
    }
    if (output_mask[1]) {
      grad_weight = at::empty(weight.sizes(), weight.options());
      product<T>(
          N, K, M, {dz, 1, N}, matrix<T>(rows),
          [&] { return std::make_pair(grad_z.view({M, N}).t(), rows); }, {}, Activation::none,
          grad_weight);
    }
    if (output_mask[2]) {
      grad_bias = at::empty({N}, weight.options());
      table.column_sums(dz, M, N, grad_bias.mutable_data_ptr<T>());
    }
  });
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  using inkgrad::cpu::Activation;
  m.impl("linear_sigmoid", inkgrad::cpu::forward<Activation::sigmoid>);
  m.impl("linear_sigmoid_backward", inkgrad::cpu::backward<Activation::sigmoid>);
  m.impl("linear_relu", inkgrad::cpu::forward<Activation::relu>);
  m.impl("linear_relu_backward", inkgrad::cpu::backward<Activation::relu>);
}
