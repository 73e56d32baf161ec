#include "convolution.h"

namespace inkgrad::cpu {

std::optional<Convolution> plain_convolution(const Tensor& input, const Tensor& weight,
                                             const OptionalTensor& bias, IntArrayRef stride,
                                             IntArrayRef padding, IntArrayRef dilation,
                                             int64_t groups) {
  if (!kernels() || input.dim() != 4 || weight.dim() != 4 || groups != 1 || first(stride) != 1 ||
      second(stride) != 1 || !is_kernel_dtype(input.scalar_type()) ||
      weight.scalar_type() != input.scalar_type() || !is_plain(input) || !is_plain(weight) ||
      input.numel() == 0 || weight.numel() == 0 || input.size(1) != weight.size(1) ||
      first(padding) < 0 || second(padding) < 0 || first(dilation) < 1 || second(dilation) < 1) {
    return std::nullopt;
  }
  if (bias.has_value() && bias->defined() &&
      (!is_plain(*bias) || bias->scalar_type() != input.scalar_type() || bias->dim() != 1 ||
       bias->size(0) != weight.size(0))) {
    return std::nullopt;
  }
  ConvGeometry g{input.size(1),
                 input.size(2),
                 input.size(3),
                 weight.size(0),
                 0,
                 0,
                 weight.size(2),
                 weight.size(3),
                 first(padding),
                 second(padding),
                 first(dilation),
                 second(dilation)};
  g.out_height = g.in_height + 2 * g.pad_height - g.dilation_height * (g.kernel_height - 1);
  g.out_width = g.in_width + 2 * g.pad_width - g.dilation_width * (g.kernel_width - 1);
  if (g.out_height < 1 || g.out_width < 1) return std::nullopt;
  return Convolution{input.size(0), g};
}

namespace {

// Threads share images out: a few large ones are torch's to share out finer.
bool shares_out(const Convolution& c) {
  return c.images >= at::get_num_threads() || c.operations_per_image() <= kGrainOperations * 16;
}

}  // namespace

bool prefers_direct(const Convolution& c) {
  const auto& g = c.geometry;
  if (!shares_out(c)) return false;
  // A single image does not pay for oneDNN's conversions, unless its rows are too short for vectors
  // of pixels.
  if (c.images == 1 && g.in_channels <= 48 && g.out_width >= 8) return true;
  // It computes in blocks of 16 channels: where they are filled, it is as fast as our kernels from
  // 8 channels on, with large kernels later.
  const bool fills_blocks = g.in_channels % 16 == 0 && g.out_channels % 16 == 0,
             is_large = g.kernel_height * g.kernel_width >= 25;
  if (g.in_channels < 8 || (is_large && g.in_channels <= 32)) return true;
  return g.in_channels <= 56 && !fills_blocks;
}

bool prefers_direct_forward(const Convolution& c) {
  const auto& g = c.geometry;
  // Short rows, or more channels, of a single image: with the output channels abreast. Backward has
  // no such kernels.
  const bool abreast = c.images == 1 && shares_out(c) && g.in_channels <= 256 &&
                       g.out_width <= (g.in_channels <= 64 ? 24 : 10) &&
                       kernels()->of<float>().channels_forward_pays(g);
  return abreast || prefers_direct(c);
}

bool prefers_direct_pooled(const Convolution& c) {
  // Without our kernels the convolution's output is written and read again.
  constexpr int64_t kMostChannels = 128;
  return shares_out(c) && c.geometry.in_channels <= kMostChannels;
}

}  // namespace inkgrad::cpu
