// linear_sigmoid and linear_relu on the CPU: our kernels with bias and activation in registers, or
// torch's matrix product and a pass over its result, whichever is faster for a shape.
#include "linear.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "../common/linear_ops.h"
#include "../common/trace.h"
#include "half.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

// M N K of products that take less time than a call of torch's.
constexpr int64_t kSmallProduct = 1 << 17;
// Weights that a layer of a few rows leaves to one thread.
constexpr int64_t kGrainWeights = 1 << 16;
// Rows of a narrow layer whose gradients are summed together, for any number of threads.
constexpr int64_t kNarrowBlock = 4096;
// Rows whose gradients stay in a cache between one kernel and the next.
constexpr int64_t kBackwardRows = 64;

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

const char* op_name(Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return linear_sigmoid.name;
    case Activation::relu:
      return linear_relu.name;
    case Activation::none:
      break;
  }
  return "linear";
}

// f(), reported.
template <typename T, typename F>
void traced(const LinearLayer<T>& layer, const char* direction, const char* kernel, F f) {
  const std::array<int64_t, 2> x{layer.rows, layer.inputs}, w{layer.outputs, layer.inputs};
  trace::run(
      {op_name(layer.activation), direction, kernel, c10::CppTypeToScalarType<T>::value, {x, w}},
      f);
}

// Where our kernel is the faster one, as measured. For a few rows packing costs more than the
// product. A transposed a, and rows that are a multiple of 4 KiB apart and compete for the same
// cache sets, are packed first, which pays for long sums or many rows.
template <typename T>
bool prefers_ours(const Product<T>& p) {
  if (p.M * p.N * p.K <= kSmallProduct) return true;
  if (p.M < 12) return false;
  if (p.a.col_stride != 1) return p.K >= 32;
  return p.M >= 256 || p.a.row_stride * int64_t(sizeof(T)) % 4096 != 0;
}

// The product by our kernel, split among threads along its longer side, which changes the order of
// no sum.
template <typename T>
void our_product(const Product<T>& whole) {
  const auto& table = kernels()->of<T>();
  const int64_t row_tiles = at::divup(whole.M, table.gemm_tile_rows),
                col_tiles = at::divup(whole.N, table.gemm_tile_cols);
  const bool by_rows = row_tiles >= col_tiles;
  const int64_t tile = by_rows ? table.gemm_tile_rows : table.gemm_tile_cols;
  const int64_t length = by_rows ? whole.M : whole.N, tiles = by_rows ? row_tiles : col_tiles;
  const int64_t operations_per_tile =
      2 * whole.M * whole.N * std::max<int64_t>(whole.K, 1) / std::max<int64_t>(tiles, 1);
  const int64_t grain = kGrainOperations / std::max<int64_t>(operations_per_tile, 1) + 1;
  parallel_for(0, tiles, grain, [&](int64_t begin, int64_t end) {
    const int64_t from = begin * tile, count = std::min(end * tile, length) - from;
    Product<T> part = whole;
    if (by_rows) {
      part.M = count;
      part.a.data += from * part.a.row_stride;
      part.c += from * part.c_stride;
    } else {
      part.N = count;
      part.b.data += from * part.b.col_stride;
      if (part.bias) part.bias += from;
      part.c += from;
    }
    table.gemm(part, scratch_of<T>(table.gemm_workspace(part.M, part.N, part.K)));
  });
}

// Torch's product, and a pass for bias and activation.
template <typename T>
void aten_product(const Product<T>& p) {
  Tensor out = tensor_of<T>({p.c, p.c_stride, 1}, p.M, p.N);
  at::mm_out(out, tensor_of(p.a, p.M, p.K), tensor_of(p.b, p.K, p.N));
  if (!p.bias && p.activation == Activation::none) return;
  parallel_for(0, p.M, kGrainElements / std::max<int64_t>(p.N, 1) + 1,
               [&](int64_t begin, int64_t end) {
                 kernels()->of<T>().bias_activation(p.c + begin * p.N, end - begin, p.N, p.bias,
                                                    p.activation);
               });
}

template <typename T>
void product(const LinearLayer<T>& layer, const char* direction, const Product<T>& p) {
  const bool ours = prefers_ours(p);
  traced(layer, direction, ours ? "gemm" : "torch",
         [&] { ours ? our_product(p) : aten_product(p); });
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

// The layer for some of its rows.
template <typename T>
LinearLayer<T> rows_of(LinearLayer<T> layer, int64_t first, int64_t count) {
  layer.x = from_row(layer.x, first);
  layer.rows = count;
  return layer;
}

template <typename T>
void narrow_forward(const LinearLayer<T>& layer, T* y) {
  const int64_t N = layer.outputs;
  parallel_for(0, layer.rows, kGrainElements / N, [&](int64_t begin, int64_t end) {
    kernels()->of<T>().narrow_forward(rows_of(layer, begin, end - begin), y + begin * N);
  });
}

// Too few rows for packing the weights to pay. Short sums are dominated by adding up their lanes.
template <typename T>
bool has_few_rows(const LinearLayer<T>& layer) {
  return (layer.rows <= 4 || (layer.rows <= 12 && layer.inputs >= 256)) &&
         layer.x.col_stride == 1 && layer.w.col_stride == 1;
}

template <typename T>
void few_rows_forward(const LinearLayer<T>& layer, T* y) {
  const int64_t grain = kGrainWeights / std::max<int64_t>(layer.inputs, 1) + 1;
  parallel_for(0, layer.outputs, grain, [&](int64_t begin, int64_t end) {
    LinearLayer<T> part = layer;
    part.outputs = end - begin;
    part.w = from_row(layer.w, begin);
    if (part.bias) part.bias += begin;
    kernels()->of<T>().few_rows_forward(part, y + begin, layer.outputs);
  });
}

// Blocks of rows are summed separately and added in order: the same for any number of threads.
template <typename T>
void narrow_backward(const LinearLayer<T>& layer, const LinearGradients<T>& g) {
  const int64_t N = layer.outputs, K = layer.inputs, size = N * K + N;
  const int64_t blocks = at::divup(layer.rows, kNarrowBlock);
  std::vector<double> sums(blocks * size);
  parallel_for(0, blocks, 2, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t row = block * kNarrowBlock, rows = std::min(kNarrowBlock, layer.rows - row);
      double* const part = sums.data() + block * size;
      kernels()->of<T>().narrow_backward(rows_of(layer, row, rows), g.dy + row * N, g.y + row * N,
                                         g.dx ? g.dx + row * K : nullptr, part, part + N * K);
    }
  });
  for (int64_t i = size; i < blocks * size; ++i) sums[i % size] += sums[i];
  if (g.dw) std::copy_n(sums.begin(), N * K, g.dw);
  if (g.db) std::copy_n(sums.begin() + N * K, N, g.db);
}

// dz = dy activation'(y), unless they are the same, and its column sums db, which may be null,
// while its rows are in a cache. Groups of rows are summed separately and added in order: the same
// for any number of threads.
template <typename T>
void backward_rows(const LinearLayer<T>& layer, const LinearGradients<T>& g) {
  if (g.dz == g.dy && !g.db) return;
  const auto& table = kernels()->of<T>();
  const int64_t M = layer.rows, N = layer.outputs;
  const int64_t groups = std::min(kMaxGroups, at::divup(M, kBackwardRows));
  std::vector<double> sums(groups * N);
  parallel_for(0, groups, kGrainElements * groups / (M * N) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t last = (group + 1) * M / groups;
      for (int64_t row = group * M / groups; row < last; row += kBackwardRows) {
        const int64_t rows = std::min(kBackwardRows, last - row), at = row * N;
        if (g.dz != g.dy)
          table.activation_backward(g.dy + at, g.y + at, layer.activation, g.dz + at, rows * N);
        if (g.db) table.column_sums(g.dz + at, rows, N, sums.data() + group * N);
      }
    }
  });
  for (int64_t i = N; i < groups * N; ++i) sums[i % N] += sums[i];
  if (g.db) std::copy_n(sums.begin(), N, g.db);
}

}  // namespace

template <typename T>
void linear_forward(const LinearLayer<T>& layer, T* y) {
  constexpr auto direction = "forward";
  if (is_narrow(layer)) {
    return traced(layer, direction, "narrow", [&] { narrow_forward(layer, y); });
  }
  if (has_few_rows(layer)) {
    return traced(layer, direction, "few_rows", [&] { few_rows_forward(layer, y); });
  }
  product<T>(layer, direction,
             {layer.rows, layer.outputs, layer.inputs, layer.x, transposed(layer.w), layer.bias,
              layer.activation, y, layer.outputs});
}

template <typename T>
bool needs_workspace(const LinearLayer<T>& layer) {
  return !is_narrow(layer);
}

template <typename T>
void linear_backward(const LinearLayer<T>& layer, const LinearGradients<T>& gradients) {
  if (is_narrow(layer)) {
    const std::array<bool, 3> computed{gradients.dx != nullptr, gradients.dw != nullptr,
                                       gradients.db != nullptr};
    return traced(layer, trace::gradients(computed), "narrow",
                  [&] { narrow_backward(layer, gradients); });
  }
  const int64_t M = layer.rows, N = layer.outputs, K = layer.inputs;
  LinearGradients<T> g = gradients;
  if (layer.activation == Activation::none) g.dz = const_cast<T*>(g.dy);  // only read from here on
  const auto sum_rows = [&] { backward_rows(layer, g); };
  g.db ? traced(layer, "grad_bias", "column_sums", sum_rows) : sum_rows();
  const Matrix<T> dz{g.dz, N, 1};
  if (g.dx)
    product<T>(layer, "grad_input", {M, K, N, dz, layer.w, nullptr, Activation::none, g.dx, K});
  if (g.dw)
    product<T>(layer, "grad_weight",
               {N, K, M, transposed(dz), layer.x, nullptr, Activation::none, g.dw, K});
}

template void linear_forward(const LinearLayer<float>&, float*);
template void linear_forward(const LinearLayer<double>&, double*);
template bool needs_workspace(const LinearLayer<float>&);
template void linear_backward(const LinearLayer<float>&, const LinearGradients<float>&);
template void linear_backward(const LinearLayer<double>&, const LinearGradients<double>&);

namespace {

bool supports(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t) && t.scalar_type() == input.scalar_type();
  };
  return kernels() && is_kernel_dtype(input.scalar_type()) && fits(input) && fits(weight) &&
         (!is_defined(bias) || fits(*bias)) && is_matrix_product(input, weight, bias);
}

// A product with a single row takes less time than converting the weight.
bool is_worth_conversion(const Tensor& input) {
  return input.dim() > 1 && input.numel() > input.size(-1);
}

// Input as a matrix: (*, K) to (M, K).
Tensor as_rows(const Tensor& input, int64_t M, int64_t K) {
  return input.dim() == 2 ? input : input.reshape({M, K});
}

template <Activation activation>
Tensor linear_op(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  if (goes_through_float(input, weight, bias) && is_worth_conversion(input)) {
    return linear_op<activation>(input.to(at::kFloat), weight.to(at::kFloat), to_float(bias))
        .to(input.scalar_type());
  }
  if (!supports(input, weight, bias)) {
    return trace::run({op_name(activation),
                       "forward",
                       "torch",
                       input.scalar_type(),
                       {input.sizes(), weight.sizes()}},
                      [&] { return LinearOps<activation>::forward.formula(input, weight, bias); });
  }
  const int64_t N = weight.size(0), K = weight.size(1);
  at::DimVector sizes(input.sizes());
  sizes.back() = N;
  const Tensor output = new_tensor(sizes, input.scalar_type());
  if (output.numel() == 0) return output;
  const int64_t M = output.numel() / N;
  const Tensor rows = as_rows(input, M, K);
  const auto offset = is_defined(bias) ? bias->expect_contiguous() : c10::MaybeOwned<Tensor>();
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    linear_forward<T>(
        {M, N, K, matrix<T>(rows), matrix<T>(weight), data_or_null<T>(*offset), activation},
        output.mutable_data_ptr<T>());
  });
  return output;
}

template <Activation activation>
Gradients3 linear_backward_op(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                              const Tensor& output, std::array<bool, 3> output_mask) {
  if (goes_through_float(input, weight, output) && is_plain(grad_output) &&
      grad_output.scalar_type() == input.scalar_type() && is_worth_conversion(input)) {
    return from_float(
        linear_backward_op<activation>(grad_output.to(at::kFloat), input.to(at::kFloat),
                                       weight.to(at::kFloat), output.to(at::kFloat), output_mask),
        input.scalar_type());
  }
  const bool agrees =
      is_plain(grad_output) && is_plain(output) && is_output_size(output.sizes(), input, weight) &&
      grad_output.sizes() == output.sizes() && grad_output.scalar_type() == input.scalar_type() &&
      output.scalar_type() == input.scalar_type();
  if (!agrees || output.numel() == 0 || input.numel() == 0 ||
      !supports(input, weight, std::nullopt)) {
    return trace::run({op_name(activation),
                       trace::gradients(output_mask),
                       "torch",
                       input.scalar_type(),
                       {input.sizes(), weight.sizes()}},
                      [&] {
                        return LinearOps<activation>::backward.formula(grad_output, input, weight,
                                                                       output, output_mask);
                      });
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
    const LinearLayer<T> layer{M, N, K, matrix<T>(rows), matrix<T>(weight), nullptr, activation};
    const Tensor workspace = needs_workspace(layer) ? new_tensor({M, N}, dtype) : Tensor();
    linear_backward<T>(layer,
                       {grad->const_data_ptr<T>(), y->const_data_ptr<T>(),
                        mutable_data_or_null<T>(workspace), mutable_data_or_null<T>(grad_input),
                        mutable_data_or_null<T>(grad_weight), mutable_data_or_null<T>(grad_bias)});
  });
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  using inkgrad::Activation;
  m.impl("linear_sigmoid", inkgrad::cpu::linear_op<Activation::sigmoid>);
  m.impl("linear_sigmoid_backward", inkgrad::cpu::linear_backward_op<Activation::sigmoid>);
  m.impl("linear_relu", inkgrad::cpu::linear_op<Activation::relu>);
  m.impl("linear_relu_backward", inkgrad::cpu::linear_backward_op<Activation::relu>);
}
