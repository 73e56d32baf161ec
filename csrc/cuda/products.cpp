#include "products.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace inkgrad::cuda {
namespace {

using at::Tensor;

bool is_aligned(const Tensor& t) {
  return reinterpret_cast<uintptr_t>(t.const_data_ptr()) % 16 == 0;
}

Tensor bytes(int64_t count, const Tensor& like) {
  return at::empty({count}, like.options().dtype(at::kByte));
}

constexpr int64_t kExtremesBytes = 8;

// Float matrices, split together into planes of 16 bits; [extremes] of the first.
class Planes {
 public:
  Planes(std::initializer_list<Tensor> matrices, const Tensor& extremes, void* stream) {
    SplitOperands operands{};
    for (const Tensor& matrix : matrices) {
      const int64_t rows = matrix.size(0), columns = matrix.size(1);
      planes_.push_back(bytes(kernels()->plane_bytes(rows, columns), matrix));
      operands.of[operands.count++] = {matrix.const_data_ptr<float>(),    rows,    columns,
                                       planes_.back().mutable_data_ptr(), nullptr, 0};
    }
    if (extremes.defined()) {
      operands.of[0].extremes = extremes.const_data_ptr();
      operands.of[0].extremes_count = extremes.numel() / kExtremesBytes;
    }
    workspace_ = bytes(kernels()->split_workspace_bytes(), planes_[0]);
    kernels()->split(operands, workspace_.mutable_data_ptr(), stream);
  }

  // The number of a matrix, and whether it is transposed in the product.
  struct Operand {
    int number;
    bool transposed;
  };

  // a b: everything but the result.
  Product product(int64_t m, int64_t n, int64_t k, Operand a, Operand b) const {
    Product p{};
    p.dtype = Dtype::f32;
    p.m = m;
    p.n = n;
    p.k = k;
    p.a = planes_[a.number].const_data_ptr();
    p.b = planes_[b.number].const_data_ptr();
    p.a_transposed = a.transposed;
    p.b_transposed = b.transposed;
    p.scheme = workspace_.const_data_ptr();
    p.a_operand = a.number;
    p.b_operand = b.number;
    return p;
  }

 private:
  std::vector<Tensor> planes_;
  Tensor workspace_;
};

void run(const Product& p, const Tensor& like, void* stream) {
  const int64_t count = kernels()->product_partial_sums(p);
  const Tensor workspace =
      count > 0 ? at::empty({count}, like.options().dtype(at::kFloat)) : Tensor();
  kernels()->product(p, static_cast<float*>(mutable_data_or_null(workspace)), stream);
}

}  // namespace

bool tensor_cores_support(const Tensor& x, const Tensor& weight) {
  // Smaller products do not fill the device, or do not pay for splitting their operands.
  constexpr int64_t kMinProducts = int64_t(1) << 27, kMinExtent = 128;
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  if (std::min({m, n, k}) < kMinExtent || std::max({m, n, k}) > INT32_MAX ||
      m * n < kMinProducts / k || !kernels()->has_tensor_products()) {
    return false;
  }
  switch (x.scalar_type()) {
    case at::kFloat:
      // Users who allow TF32 prefer torch's faster, less accurate product.
      return !at::globalContext().allowTF32CuBLAS();
    case at::kHalf:
    case at::kBFloat16:
      return k % 8 == 0 && n % 32 == 0 && x.is_contiguous() && weight.is_contiguous() &&
             is_aligned(x) && is_aligned(weight);
    default:
      return false;
  }
}

Tensor tensor_core_linear(const Tensor& x, const Tensor& weight, const Tensor& bias,
                          Activation activation, const Launch& launch) {
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  const Tensor y = at::empty({m, n}, x.options());
  const auto finish = [&](Product p) {
    p.bias = data_or_null(bias);
    p.activation = activation;
    p.c = y.mutable_data_ptr();
    run(p, y, launch.stream());
  };
  if (x.scalar_type() == at::kFloat) {
    const Planes planes({x.contiguous(), weight.contiguous()}, Tensor(), launch.stream());
    finish(planes.product(m, n, k, {0, false}, {1, false}));
  } else {
    Product p{};
    p.dtype = *kernel_dtype(x.scalar_type());
    p.m = m;
    p.n = n;
    p.k = k;
    p.a = x.const_data_ptr();
    p.b = weight.const_data_ptr();
    finish(p);
  }
  return y;
}

Tensor gradient_extremes(const Tensor& grad_z) {
  return bytes(kExtremesBytes * kernels()->column_extremes(grad_z.size(0), grad_z.size(1)), grad_z);
}

ProductGradients tensor_core_gradients(const Tensor& grad_z, const Tensor& extremes,
                                       const Tensor& x, const Tensor& weight, bool needs_input,
                                       bool needs_weight, const Launch& launch) {
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  const auto planes = [&]() -> Planes {
    const Tensor grad = grad_z.contiguous();
    void* const stream = launch.stream();
    if (!needs_weight) return {{grad, weight.contiguous()}, extremes, stream};
    if (!needs_input) return {{grad, x.contiguous()}, extremes, stream};
    return {{grad, weight.contiguous(), x.contiguous()}, extremes, stream};
  }();
  ProductGradients gradients;
  if (needs_input) {
    gradients.grad_input = at::empty({m, k}, x.options());
    Product p = planes.product(m, k, n, {0, false}, {1, true});
    p.c = gradients.grad_input.mutable_data_ptr();
    run(p, x, launch.stream());
  }
  if (needs_weight) {
    gradients.grad_weight = at::empty({n, k}, weight.options());
    Product p = planes.product(n, k, m, {0, true}, {needs_input ? 2 : 1, true});
    p.c = gradients.grad_weight.mutable_data_ptr();
    run(p, x, launch.stream());
  }
  return gradients;
}

}  // namespace inkgrad::cuda
