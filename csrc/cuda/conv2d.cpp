// conv2d on CUDA: torch's convolution, and passes of ours around it.
//
// Torch adds the bias in a separate pass and converts images to channels_last and back for the
// tensor cores. Our conversions are closer to the memory bandwidth, and the second adds the bias.
#include "conv2d.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include "../common/operand_checks.h"

namespace inkgrad::cuda {
namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

bool is_half(const Tensor& t) {
  return t.scalar_type() == at::kHalf || t.scalar_type() == at::kBFloat16;
}

// Whether our kernel converts the memory format of these images: 16 bytes at a time.
bool converts(const Tensor& images) {
  return is_half(images) && images.size(1) % 8 == 0 && images.size(2) * images.size(3) % 8 == 0 &&
         images.numel() <= INT32_MAX &&
         reinterpret_cast<uintptr_t>(images.const_data_ptr()) % 16 == 0;
}

Images images_of(const Tensor& t) {
  return {t.size(0), t.size(1), t.size(2) * t.size(3), *kernel_dtype(t.scalar_type())};
}

Tensor to_channels_last(const Tensor& images, const Launch& launch) {
  const Tensor result = at::empty(images.sizes(), images.options().memory_format(kChannelsLast));
  kernels()->to_channels_last(images_of(images), images.const_data_ptr(), result.mutable_data_ptr(),
                              launch.stream());
  return result;
}

// With the bias added.
Tensor from_channels_last(const Tensor& images, const Tensor& bias, const Launch& launch) {
  const Tensor result = at::empty(images.sizes(), images.options());
  kernels()->from_channels_last(images_of(images), images.const_data_ptr(), data_or_null(bias),
                                result.mutable_data_ptr(), launch.stream());
  return result;
}

Tensor convolution(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                   IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  check_convolution(input, weight, {stride, padding, dilation, groups});
  const bool has_bias = is_defined(bias);
  if (!has_bias || !are_plain(input, weight, bias)) {
    return native::conv2d(input, weight, bias, stride, padding, dilation, groups);
  }
  at::AutoDispatchBelowADInplaceOrView below;  // torch's ops below record no graph of their own
  const Launch launch(input);
  const Tensor offset = bias->contiguous();
  const auto convolve = [&](const Tensor& images, const Tensor& kernel) {
    return at::conv2d(images, kernel, std::nullopt, stride, padding, dilation, groups);
  };
  const bool convert = groups == 1 && is_row_major(input) && is_row_major(weight) &&
                       converts(input) && weight.size(0) % 8 == 0;
  const Tensor convolved =
      convert ? convolve(to_channels_last(input, launch), weight.contiguous(kChannelsLast))
              : convolve(input, weight);
  const bool channels_last = convolved.is_contiguous(kChannelsLast);
  if (convert && channels_last && converts(convolved)) {
    return from_channels_last(convolved, offset, launch);
  }
  if (!channels_last || convolved.numel() == 0) {
    return (convert ? convolved.contiguous() : convolved).add_(offset.view({-1, 1, 1}));
  }
  const int64_t channels = convolved.size(1);
  kernels()->bias_activation({*kernel_dtype(convolved.scalar_type()), convolved.numel() / channels,
                              channels, Activation::none},
                             convolved.mutable_data_ptr(), offset.const_data_ptr(),
                             launch.stream());
  return convert ? convolved.contiguous() : convolved;
}

}  // namespace
}  // namespace inkgrad::cuda

TORCH_LIBRARY_IMPL(inkgrad, CUDA, m) { m.impl("conv2d", inkgrad::cuda::convolution); }
