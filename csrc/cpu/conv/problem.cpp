#include "problem.h"

#include <limits>

namespace inkgrad::cpu {
namespace {

// Output pixels of one dimension; 0 for none. Options of any size: no overflow.
int64_t output_extent(int64_t size, int64_t kernel, int64_t padding, int64_t dilation,
                      int64_t stride) {
  constexpr int64_t kMaxExtent = std::numeric_limits<int32_t>::max();
  for (const int64_t n : {size, kernel, padding, dilation, stride}) {
    if (n < 0 || n > kMaxExtent) return 0;
  }
  if (kernel == 0 || dilation == 0 || stride == 0) return 0;
  const int64_t last = size + 2 * padding - dilation * (kernel - 1) - 1;
  return last < 0 ? 0 : last / stride + 1;
}

bool is_plain_bias(const OptionalTensor& bias, const Tensor& weight) {
  return !bias.has_value() || !bias->defined() ||
         (is_plain(*bias) && bias->scalar_type() == weight.scalar_type() && bias->dim() == 1 &&
          bias->size(0) == weight.size(0));
}

// Whether products of all sizes of a problem, padded and in lanes, fit an int64_t.
bool fits(int64_t images, const ConvGeometry& g) {
  constexpr double kMaxProduct = double(int64_t(1) << 56);
  const double taps = double(g.in_channels) * g.kernel_height * g.kernel_width,
               padded = double(g.in_height + 2 * g.pad_height) * (g.in_width + 2 * g.pad_width);
  return double(images) * g.out_channels * g.out_height * g.out_width * taps < kMaxProduct &&
         padded * g.in_channels < kMaxProduct;
}

std::optional<ConvProblem> checked_problem(const Tensor& input, const Tensor& weight,
                                           const OptionalTensor& bias, const ConvOptions& options) {
  if (!kernels() || input.dim() != 4 || weight.dim() != 4 || options.groups != 1 ||
      first(options.stride) != 1 || second(options.stride) != 1 ||
      !is_kernel_dtype(input.scalar_type()) || weight.scalar_type() != input.scalar_type() ||
      !is_plain(input) || !is_plain(weight) || !is_plain_bias(bias, weight) || input.numel() == 0 ||
      weight.numel() == 0 || input.size(1) != weight.size(1)) {
    return std::nullopt;
  }
  const auto [height, width] = output_size(input, weight, options);
  const ConvGeometry g{input.size(1),
                       input.size(2),
                       input.size(3),
                       weight.size(0),
                       height,
                       width,
                       weight.size(2),
                       weight.size(3),
                       first(options.padding),
                       second(options.padding),
                       first(options.dilation),
                       second(options.dilation)};
  if (height == 0 || width == 0 || !fits(input.size(0), g)) return std::nullopt;
  return ConvProblem{input.scalar_type(), input.size(0),       g,
                     PoolGeometry{},      is_row_major(input), at::get_num_threads()};
}

}  // namespace

std::array<int64_t, 2> output_size(const Tensor& input, const Tensor& weight,
                                   const ConvOptions& options) {
  if (input.dim() < 3 || weight.dim() != 4) return {0, 0};
  return {output_extent(input.size(-2), weight.size(2), first(options.padding),
                        first(options.dilation), first(options.stride)),
          output_extent(input.size(-1), weight.size(3), second(options.padding),
                        second(options.dilation), second(options.stride))};
}

std::optional<ConvProblem> conv_problem(const Tensor& input, const Tensor& weight,
                                        const OptionalTensor& bias, const ConvOptions& options) {
  const auto p = checked_problem(input, weight, bias, options);
  return p && p->row_major && is_row_major(weight) ? p : std::nullopt;
}

std::optional<ConvProblem> pooled_problem(const Tensor& input, const Tensor& weight,
                                          const OptionalTensor& bias, const ConvOptions& options,
                                          IntArrayRef kernel_size) {
  auto p = checked_problem(input, weight, bias, options);
  if (!p) return p;
  p->pool = pool_geometry(p->conv.out_height, p->conv.out_width, kernel_size);
  if (p->pool.out_height == 0 || p->pool.out_width == 0) return std::nullopt;
  return p;
}

}  // namespace inkgrad::cpu
