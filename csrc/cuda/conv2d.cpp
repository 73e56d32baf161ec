// conv2d on CUDA: torch's convolution, and passes of ours around it.
//
// Native adds the bias in a pass of its own, and for the tensor cores turns rows of pixels into
// rows of channels and back. Ours are nearer to the speed of the memory, and the way back adds the
// bias.
#include "conv2d.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

namespace inkgrad::cuda {
namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

bool is_half(const Tensor& t) {
  return t.scalar_type() == at::kHalf || t.scalar_type() == at::kBFloat16;
}

// Whether the planes of an image batch are turned round by our kernel: 16 bytes at a time.
bool turns(const Tensor& images) {
  return is_half(images) && images.size(1) % 8 == 0 && images.size(2) * images.size(3) % 8 == 0 &&
         images.numel() <= INT32_MAX &&
         reinterpret_cast<uintptr_t>(images.const_data_ptr()) % 16 == 0;
}

Tensor to_channels_last(const Tensor& images, const Launch& launch) {
  const Tensor turned = at::empty(images.sizes(), images.options().memory_format(kChannelsLast));
  kernels()->to_channels_last(images.const_data_ptr(), images.size(0), images.size(1),
                              images.size(2) * images.size(3), turned.mutable_data_ptr(),
                              launch.stream());
  return turned;
}

// With the bias added.
Tensor from_channels_last(const Tensor& turned, const Tensor& bias, const Launch& launch) {
  const Tensor images = at::empty(turned.sizes(), turned.options());
  kernels()->from_channels_last(*kernel_dtype(turned.scalar_type()), turned.const_data_ptr(),
                                turned.size(0), turned.size(1), turned.size(2) * turned.size(3),
                                data_or_null(bias), images.mutable_data_ptr(), launch.stream());
  return images;
}

Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
               IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  const bool has_bias = bias.has_value() && bias->defined();
  if (!has_bias || !are_plain(input, weight, bias)) {
    return native::conv2d(input, weight, bias, stride, padding, dilation, groups);
  }
  at::AutoDispatchBelowADInplaceOrView below;  // torch's ops below record no graph of their own
  const Launch launch(input);
  const Tensor offset = bias->contiguous();
  const auto convolve = [&](const Tensor& images, const Tensor& kernel) {
    return at::conv2d(images, kernel, std::nullopt, stride, padding, dilation, groups);
  };
  const bool turn = groups == 1 && is_row_major(input) && is_row_major(weight) && turns(input) &&
                    weight.size(0) % 8 == 0;
  const Tensor convolved =
      turn ? convolve(to_channels_last(input, launch), weight.contiguous(kChannelsLast))
           : convolve(input, weight);
  const bool channels_last = convolved.is_contiguous(kChannelsLast);
  if (turn && channels_last && turns(convolved)) {
    return from_channels_last(convolved, offset, launch);
  }
  if (!channels_last || convolved.numel() == 0) {
    return (turn ? convolved.contiguous() : convolved).add_(offset.view({-1, 1, 1}));
  }
  kernels()->bias_activation(*kernel_dtype(convolved.scalar_type()), convolved.mutable_data_ptr(),
                             convolved.numel() / convolved.size(1), convolved.size(1),
                             offset.const_data_ptr(), Activation::none, launch.stream());
  return turn ? convolved.contiguous() : convolved;
}

}  // namespace
}  // namespace inkgrad::cuda

TORCH_LIBRARY_IMPL(inkgrad, CUDA, m) { m.impl("conv2d", inkgrad::cuda::forward); }
