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

// Float matrices, split together into planes of 16 bits. [extremes] are those of the first.
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

  // Of the operands of those numbers, whose product is [m, n]: everything but the result.
  Product product(int64_t m, int64_t n, int64_t k, int a, bool a_transposed, int b,
                  bool b_transposed) const {
    Product p{};
    p.dtype = Dtype::f32;
    p.m = m;
    p.n = n;
    p.k = k;
    p.a = planes_[a].const_data_ptr();
    p.b = planes_[b].const_data_ptr();
    p.a_transposed = a_transposed;
    p.b_transposed = b_transposed;
    p.scheme = workspace_.const_data_ptr();
    p.a_operand = a;
    p.b_operand = b;
    return p;
  }

 private:
  std::vector<Tensor> planes_;
  Tensor workspace_;
};

void run(const Product& p, const Tensor& like, void* stream) {
  const int64_t shares = kernels()->product_shares(p);
  const Tensor workspace =
      shares > 0 ? at::empty({shares}, like.options().dtype(at::kFloat)) : Tensor();
  kernels()->product(p, static_cast<float*>(mutable_data_or_null(workspace)), stream);
}

}  // namespace

bool tensor_cores_take(const Tensor& x, const Tensor& weight) {
  // Products from which on the tiles fill the device and the passes before them pay.
  constexpr int64_t kFewestProducts = int64_t(1) << 27, kFewestOfAnExtent = 128;
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  if (std::min({m, n, k}) < kFewestOfAnExtent || std::max({m, n, k}) > INT32_MAX ||
      m * n < kFewestProducts / k || !kernels()->has_tensor_products()) {
    return false;
  }
  switch (x.scalar_type()) {
    case at::kFloat:
      // Who allows TF32 wants speed, not float's accuracy: torch has both kinds.
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
    finish(planes.product(m, n, k, 0, false, 1, false));
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

LinearGradients tensor_core_gradients(const Tensor& grad_z, const Tensor& extremes, const Tensor& x,
                                      const Tensor& weight, bool wants_input, bool wants_weight,
                                      const Launch& launch) {
  const int64_t m = x.size(0), k = x.size(1), n = weight.size(0);
  const auto planes = [&]() -> Planes {
    const Tensor grad = grad_z.contiguous();
    void* const stream = launch.stream();
    if (!wants_weight) return {{grad, weight.contiguous()}, extremes, stream};
    if (!wants_input) return {{grad, x.contiguous()}, extremes, stream};
    return {{grad, weight.contiguous(), x.contiguous()}, extremes, stream};
  }();
  LinearGradients gradients;
  if (wants_input) {
    gradients.grad_input = at::empty({m, k}, x.options());
    Product p = planes.product(m, k, n, 0, false, 1, true);
    p.c = gradients.grad_input.mutable_data_ptr();
    run(p, x, launch.stream());
  }
  if (wants_weight) {
    gradients.grad_weight = at::empty({n, k}, weight.options());
    Product p = planes.product(n, k, m, 0, true, wants_input ? 2 : 1, true);
    p.c = gradients.grad_weight.mutable_data_ptr();
    run(p, x, launch.stream());
  }
  return gradients;
}

}  // namespace inkgrad::cuda
