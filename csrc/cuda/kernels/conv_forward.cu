// relu(max_pool2d(conv2d(x, w) + b)) for few channels, in one kernel. For backward it keeps one
// byte for each output: the index of the maximum in its window, or kNoGradient.
//
// Few channels: at most kMaxProducts products per pixel. Torch makes six passes over the unpooled
// planes (convolution, bias, pool and its indices, relu) and converts the memory format for the
// tensor cores, which takes longer than this many products in float arithmetic.
#include "conv_parts.cuh"
#include "entries.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

constexpr int64_t kMaxTaps = 250, kMaxProducts = 5120;

template <int K, int kTogether>
__global__ void __launch_bounds__(kLargestBlock, 4)
    conv_relu_pool_kernel(PooledConv g, PlaneTiles tiles, ChannelGroups groups, const float* input,
                          const float* weight, const float* bias, float* output, uint8_t* indices) {
  extern __shared__ float4 shared[];  // weights, bias, images
  const int in_channels = int(g.in_channels), channels = int(g.out_channels);
  constexpr int kGroup = group_elements(K, kTogether);
  float* const weights = reinterpret_cast<float*>(shared);
  float* const offsets = weights + in_channels * groups.count * kGroup;
  float* const images = offsets + (groups.channels() + 3) / 4 * 4;

  load_weights<K, kTogether>(in_channels, groups.count, weights,
                             [&](int plane, int tap, int channel) {
                               const int at = (channel * in_channels + plane) * K * K + tap;
                               return channel < channels ? __ldg(weight + at) : 0.0f;
                             });
  for (int i = threadIdx.x; i < groups.channels(); i += blockDim.x) {
    offsets[i] = bias && i < channels ? __ldg(bias + i) : 0.0f;
  }
  const int pooled_width = int(g.pool.out_width), pitch = tiles.tile.pitch;
  const int plane = tiles.tile.rows * pitch;
  const int all_images = int(g.images);
  for (int part = blockIdx.x; part < tiles.image_slices(all_images); part += gridDim.x) {
    const int first = part / tiles.parts * tiles.images, left = all_images - first;
    __syncthreads();  // the previous images have been read
    load_images(g, tiles.tile, input, first, left < tiles.images ? left : tiles.images, images);
    __syncthreads();

    int slice, image_in_block, image, position;
    if (!tiles.locate(part, threadIdx.x, all_images, &slice, &image_in_block, &image, &position)) {
      continue;
    }
    const float* const corner = images + image_in_block * in_channels * plane +
                                2 * (position / pooled_width) * pitch +
                                2 * (position % pooled_width);
    for (int group = slice; group < groups.count; group += tiles.channel_slices) {
      float sums[kTogether][4] = {};
      for (int c = 0; c < in_channels; ++c) {
        const float* const window = corner + c * plane;
        add_products<K>([&](int y) { return window + y * pitch; },
                        weights + (c * groups.count + group) * kGroup, sums);
      }
#pragma unroll
      for (int c = 0; c < kTogether; ++c) {
        const int channel = group * kTogether + c;
        if (channel >= channels) break;
        const float offset = offsets[channel];
        float best = sums[c][0] + offset;
        int index = 0;
#pragma unroll
        for (int p = 1; p < 4; ++p) {
          const float v = sums[c][p] + offset;
          if (beats(v, best)) {
            best = v;
            index = p;
          }
        }
        const int64_t at = (int64_t(image) * channels + channel) * tiles.positions + position;
        output[at] = activate(best, Activation::relu);
        indices[at] = uint8_t(best <= 0 ? kNoGradient : index);
      }
    }
  }
}

bool supports(const PooledConv& g) {
  const bool usual = g.dilation_height == 1 && g.dilation_width == 1 && g.pool.window_height == 2 &&
                     g.pool.window_width == 2 && g.kernel_height == g.kernel_width &&
                     (g.kernel_height == 3 || g.kernel_height == 5);
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  // Sizes are checked first, so that the rest fits an int.
  return usual && taps <= kMaxTaps && taps * g.out_channels <= kMaxProducts &&
         g.in_height + 2 * g.pad_height <= 1024 && g.in_width + 2 * g.pad_width <= 1024 &&
         g.images <= INT32_MAX / 1024 && forward_shared_bytes(g, forward_tiles(g)) <= kSharedBytes;
}

void relu_pool(const PooledConv& g, const float* input, const float* weight, const float* bias,
               float* output, uint8_t* indices, void* stream) {
  const PlaneTiles tiles = forward_tiles(g);
  const ChannelGroups groups = channel_groups(g.out_channels);
  const int64_t bytes = forward_shared_bytes(g, tiles);
  with_kernel_size(g.kernel_height, groups.together, [&](auto k, auto together) {
    allow_shared_bytes(conv_relu_pool_kernel<k, together>, bytes);
    conv_relu_pool_kernel<k, together>
        <<<tiles.blocks(g.images, bytes), tiles.threads, bytes, as_stream(stream)>>>(
            g, tiles, groups, input, weight, bias, output, indices);
    INKGRAD_LAUNCH_CHECK();
  });
}

const Entries entries([](Kernels& table) {
  table.conv_supports = supports;
  table.conv_relu_pool = relu_pool;
});

}  // namespace
}  // namespace inkgrad::cuda
