#include "operand_checks.h"

#include <ATen/core/Reduction.h>
#include <c10/util/safe_numerics.h>

#include <algorithm>

#include "conv_checks.h"

namespace inkgrad {
namespace {

using Sizes = c10::SymDimVector;

// The dtype and the device of `like`.
void check_kind(const char* op, const char* name, const Tensor& t, const Tensor& like) {
  TORCH_CHECK(t.scalar_type() == like.scalar_type(), op, ": expected ", name, " of dtype ",
              like.scalar_type(), " as input, got ", t.scalar_type());
  TORCH_CHECK(t.device() == like.device(), op, ": expected ", name, " on device ", like.device(),
              " as input, got ", t.device());
}

void check_sizes(const char* op, const char* name, const Tensor& t, c10::SymIntArrayRef expected) {
  bool equal = t.dim() == int64_t(expected.size());
  for (int64_t d = 0; equal && d < t.dim(); ++d)
    equal = t.sym_size(d).sym_eq(expected[d]).expect_true(__FILE__, __LINE__);
  TORCH_CHECK(equal, op, ": expected ", name, " of size ", expected, ", got ", t.sym_sizes());
}

// One dimension of a convolution. Where sizes leave 31 bits, torch's kernels overflow: some return
// garbage, some divide by zero or write beyond the output.
void check_extent(const c10::SymInt& kernel, int64_t padding, int64_t dilation) {
  constexpr int64_t kMaxExtent = 1 << 30;
  int64_t span = 0;
  const bool overflows =
      kernel.maybe_as_int() && c10::mul_overflows(dilation, *kernel.maybe_as_int() - 1, &span);
  TORCH_CHECK(!overflows && span < kMaxExtent && padding < kMaxExtent, "conv2d: padding ", padding,
              " and dilation ", dilation, " of a kernel of ", kernel, " elements are too large");
}

// In torch's words. Its convolution of meta tensors takes these, and so do others of empty tensors.
void check_options(const ConvOptions& options) {
  const auto check_list = [](const char* name, IntArrayRef values) {
    TORCH_CHECK(values.size() == 1 || values.size() == 2, "expected ", name,
                " to be a single integer value or a list of 2 values to match the convolution "
                "dimensions, but got ",
                name, "=", values);
  };
  check_list("stride", options.stride);
  check_list("padding", options.padding);
  check_list("dilation", options.dilation);
  const auto least = [](IntArrayRef values) { return std::min(first(values), second(values)); };
  TORCH_CHECK(least(options.padding) >= 0, "negative padding is not supported");
  TORCH_CHECK(least(options.stride) > 0, "non-positive stride is not supported");
  TORCH_CHECK(least(options.dilation) > 0, "dilation should be greater than zero");
}

// The sizes of the output, after all checks that torch's convolution makes of its operands.
Sizes convolved_sizes(const Tensor& input, const Tensor& weight, const ConvOptions& options) {
  TORCH_CHECK((input.dim() == 3 || input.dim() == 4) && weight.dim() == 4,
              "conv2d: expected an input of 3 or 4 dimensions and a weight of 4, got sizes ",
              input.sym_sizes(), " and ", weight.sym_sizes());
  TORCH_CHECK(options.groups > 0, "conv2d: expected positive groups, got ", options.groups);
  check_kind("conv2d", "weight", weight, input);
  TORCH_CHECK(weight.sym_size(0) % options.groups == 0 &&
                  input.sym_size(-3) % options.groups == 0 &&
                  input.sym_size(-3) / options.groups == weight.sym_size(1),
              "conv2d: expected channels of input ", input.sym_sizes(), " and weight ",
              weight.sym_sizes(), " that agree in ", options.groups, " groups");
  Sizes sizes(input.sym_sizes().begin(), input.sym_sizes().end());
  sizes[input.dim() - 3] = weight.sym_size(0);
  for (int d = 0; d < 2; ++d) {
    const auto of = [d](IntArrayRef pair) { return d == 0 ? first(pair) : second(pair); };
    const int64_t stride = of(options.stride), padding = of(options.padding),
                  dilation = of(options.dilation);
    TORCH_CHECK(stride > 0 && padding >= 0 && dilation > 0,
                "conv2d: expected a positive stride and dilation and a padding that is not "
                "negative, got ",
                options.stride, ", ", options.dilation, " and ", options.padding);
    const c10::SymInt& kernel = weight.sym_sizes()[d + 2];
    check_extent(kernel, padding, dilation);
    const c10::SymInt last = input.sym_size(d - 2) + 2 * padding - dilation * (kernel - 1) - 1;
    TORCH_CHECK(last >= 0, "conv2d: expected a kernel no larger than the padded input, got ",
                weight.sym_sizes(), " and ", input.sym_sizes());
    sizes[input.dim() - 2 + d] = last / stride + 1;
  }
  return sizes;
}

}  // namespace

bool is_reduction(int64_t reduction) {
  return reduction >= at::Reduction::None && reduction < at::Reduction::END;
}

void check_binary_cross_entropy(const Tensor& input, const Tensor& target, int64_t reduction) {
  TORCH_CHECK_VALUE(is_reduction(reduction),
                    "binary_cross_entropy: expected a reduction of 0 (none), 1 (mean) or 2 (sum), "
                    "got ",
                    reduction);
  // torch.nn.functional's words
  TORCH_CHECK_VALUE(input.sym_sizes() == target.sym_sizes(), "Using a target size (torch.Size(",
                    target.sym_sizes(), ")) that is different to the input size (torch.Size(",
                    input.sym_sizes(), ")) is deprecated. Please ensure they have the same size.");
}

void check_binary_cross_entropy_backward(const Tensor& grad_output, const Tensor& input,
                                         const Tensor& target, int64_t reduction) {
  constexpr auto op = "binary_cross_entropy_backward";
  check_binary_cross_entropy(input, target, reduction);
  check_kind(op, "grad_output", grad_output, input);
  check_kind(op, "target", target, input);
  if (reduction == at::Reduction::None) {
    check_sizes(op, "grad_output", grad_output, input.sym_sizes());
  } else {
    TORCH_CHECK(grad_output.sym_numel() == 1, op, ": expected one element of grad_output, got ",
                grad_output.sym_sizes());
  }
}

void check_linear_backward(const char* op, const Tensor& grad_output, const Tensor& input,
                           const Tensor& weight, const Tensor& output) {
  TORCH_CHECK(input.dim() >= 1 && weight.dim() == 2 && input.sym_size(-1) == weight.sym_size(1), op,
              ": expected an input of size [*, K] and a weight of size [N, K], got ",
              input.sym_sizes(), " and ", weight.sym_sizes());
  Sizes sizes(input.sym_sizes().begin(), input.sym_sizes().end());
  sizes.back() = weight.sym_size(0);
  check_sizes(op, "output", output, sizes);
  check_sizes(op, "grad_output", grad_output, sizes);
  check_kind(op, "weight", weight, input);
  check_kind(op, "output", output, input);
  check_kind(op, "grad_output", grad_output, input);
}

void check_convolution(const Tensor& input, const Tensor& weight, const ConvOptions& options) {
  if (input.dim() < 3 || weight.dim() != 4) return;
  if (weight.is_meta()) check_options(options);
  check_extent(weight.sym_size(2), first(options.padding), first(options.dilation));
  check_extent(weight.sym_size(3), second(options.padding), second(options.dilation));
  // Bytes of the output and of its patches, in which float64 is computed.
  constexpr double kMaxBytes = 1e18;
  double pixels = sizeof(double);
  for (int d = 0; d < 2; ++d) {
    const int64_t padding = d == 0 ? first(options.padding) : second(options.padding),
                  stride = d == 0 ? first(options.stride) : second(options.stride);
    const auto size = input.sym_size(d - 2).maybe_as_int();
    pixels *= (double(size.value_or(0)) + 2.0 * padding) / std::max<int64_t>(stride, 1) + 1;
  }
  const double images = input.dim() == 4 ? double(input.sym_size(0).maybe_as_int().value_or(1)) : 1;
  double taps = 1;
  for (const auto& size : weight.sym_sizes()) taps *= double(size.maybe_as_int().value_or(1));
  TORCH_CHECK(pixels * std::max(images, 1.0) * std::max(taps, 1.0) < kMaxBytes, "conv2d: padding ",
              options.padding, " of an input of size ", input.sym_sizes(), " is too large");
}

void check_conv2d_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           const ConvOptions& options) {
  constexpr auto op = "conv2d_backward";
  check_sizes(op, "grad_output", grad_output, convolved_sizes(input, weight, options));
  check_kind(op, "grad_output", grad_output, input);
}

void check_window(IntArrayRef kernel_size) {
  const int64_t height = first(kernel_size), width = second(kernel_size);
  TORCH_CHECK(height > 0 && width > 0,
              "conv2d_relu_max_pool2d: expected a positive kernel_size, got ", kernel_size);
  // Divided, because the product may overflow.
  TORCH_CHECK(height <= kMaxWindowElements / width,
              "conv2d_relu_max_pool2d: expected a kernel_size of at most ", kMaxWindowElements,
              " elements, got ", kernel_size);
}

std::array<c10::SymInt, 2> check_conv2d_relu_max_pool2d_backward(
    const Tensor& grad_output, const Tensor& input, const Tensor& weight, const Tensor& indices,
    const ConvOptions& options, IntArrayRef kernel_size) {
  constexpr auto op = "conv2d_relu_max_pool2d_backward";
  check_window(kernel_size);
  Sizes sizes = convolved_sizes(input, weight, options);
  c10::SymInt &height = sizes[sizes.size() - 2], &width = sizes.back();
  const std::array<c10::SymInt, 2> convolved{height, width};
  height = height / first(kernel_size);
  width = width / second(kernel_size);
  check_sizes(op, "grad_output", grad_output, sizes);
  check_sizes(op, "indices", indices, sizes);
  check_kind(op, "grad_output", grad_output, input);
  TORCH_CHECK(indices.scalar_type() == at::kByte, op, ": expected indices of dtype Byte, got ",
              indices.scalar_type());
  TORCH_CHECK(indices.device() == input.device(), op, ": expected indices on device ",
              input.device(), " as input, got ", indices.device());
  return convolved;
}

}  // namespace inkgrad
