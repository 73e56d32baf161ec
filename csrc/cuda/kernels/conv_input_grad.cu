// The input gradient of relu(max_pool2d(conv2d(x, w) + b)) for few channels, from the index of each
// maximum. The gradient of the convolution's output, zero except at the maxima, is scattered in
// shared memory and convolved with the flipped weights.
#include "conv_parts.cuh"
#include "entries.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

// Scatters the gradients of `here` images to the pixels of the convolution; the zeros around them
// are in memory already.
__device__ __forceinline__ void scatter_grads(const PooledConv& g, const ImageTile& tile,
                                              int to_left, int64_t first, int here,
                                              const PooledConvGradient& gradient, float* grads) {
  const auto [grad_output, indices] = gradient;
  const int width = int(g.pool.out_width), positions = int(g.pool.out_height) * width;
  const int plane = tile.rows * tile.pitch, count = here * int(g.out_channels) * positions;
  const int64_t start = first * g.out_channels * positions;
#pragma unroll 4
  for (int i = threadIdx.x; i < count; i += blockDim.x) {
    const int list = i / positions, position = i - list * positions;  // the channel of an image
    const int row = position / width, column = position - row * width;
    const int index = __ldg(indices + start + i);
    const float grad = __ldg(grad_output + start + i);
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      const int y = 2 * row + p / 2, x = 2 * column + p % 2 + to_left;
      // With padding wider than the kernel, the outermost positions see no image.
      if (x >= 0 && x < tile.pitch) {
        grads[list * plane + y * tile.pitch + x] = p == index ? grad : 0.0f;
      }
    }
  }
}

template <int K, int kTogether>
__global__ void __launch_bounds__(kLargestBlock)
    conv_input_grad_kernel(PooledConv g, PlaneTiles tiles, ChannelGroups groups,
                           PooledConvGradient gradient, const float* weight, float* grad_input) {
  extern __shared__ float4 shared[];  // weights, gradients of the convolution's output
  const int in_channels = int(g.in_channels), out_channels = int(g.out_channels);
  constexpr int kGroup = group_elements(K, kTogether);
  const int pitch = tiles.tile.pitch, plane = tiles.tile.rows * pitch;
  float* const weights = reinterpret_cast<float*>(shared);
  float* const zeros = weights + out_channels * groups.count * kGroup;  // a row of them
  float* const grads = zeros + pitch;

  load_weights<K, kTogether>(
      out_channels, groups.count, weights, [&](int out, int tap, int channel) {
        const int at = (out * in_channels + channel + 1) * K * K - 1 - tap;  // flipped
        return channel < in_channels ? __ldg(weight + at) : 0.0f;
      });
  const int clear = pitch + tiles.images * out_channels * plane;
  for (int i = threadIdx.x; i < clear; i += blockDim.x) zeros[i] = 0;
  const int up = K - 1 - int(g.pad_height), to_left = K - 1 - int(g.pad_width);
  const int height = int(g.in_height), width = int(g.in_width), across = (width + 1) / 2;
  const int all_images = int(g.images);
  for (int part = blockIdx.x; part < tiles.image_slices(all_images); part += gridDim.x) {
    const int first = part / tiles.parts * tiles.images, left = all_images - first;
    const int here = left < tiles.images ? left : tiles.images;
    __syncthreads();  // the previous gradients have been read
    scatter_grads(g, tiles.tile, to_left, first, here, gradient, grads);
    __syncthreads();

    int slice, image_in_block, image, position;
    if (!tiles.locate(part, threadIdx.x, all_images, &slice, &image_in_block, &image, &position)) {
      continue;
    }
    const int y = 2 * (position / across), x = 2 * (position % across);
    const float* const own = grads + image_in_block * out_channels * plane + x;
    for (int group = slice; group < groups.count; group += tiles.channel_slices) {
      const float* rows[K + 1];
#pragma unroll
      for (int k = 0; k <= K; ++k) {
        const int row = y - up + k;
        rows[k] = row >= 0 && row < tiles.tile.rows ? own + row * pitch : zeros;
      }
      float sums[kTogether][4] = {};
      for (int c = 0; c < out_channels; ++c) {
        add_products<K>([&](int k) { return rows[k]; },
                        weights + (c * groups.count + group) * kGroup, sums);
#pragma unroll
        for (int k = 0; k <= K; ++k) rows[k] += rows[k] == zeros ? 0 : plane;
      }
#pragma unroll
      for (int c = 0; c < kTogether; ++c) {
        const int channel = group * kTogether + c;
        if (channel >= in_channels) break;
        const int64_t list = int64_t(image) * in_channels + channel;
        float* const to = grad_input + (list * height + y) * width + x;
#pragma unroll
        for (int p = 0; p < 4; ++p) {
          if (y + p / 2 < height && x + p % 2 < width) to[p / 2 * width + p % 2] = sums[c][p];
        }
      }
    }
  }
}

// Among the geometries that forward supports.
bool supports_input_grad(const PooledConv& g) {
  return input_grad_shared_bytes(g, input_grad_tiles(g)) <= kSharedBytes;
}

void input_grad(const PooledConv& g, const PooledConvGradient& gradient, const float* weight,
                float* grad_input, void* stream) {
  const PlaneTiles tiles = input_grad_tiles(g);
  const ChannelGroups groups = channel_groups(g.in_channels);
  const int64_t bytes = input_grad_shared_bytes(g, tiles);
  with_kernel_size(g.kernel_height, groups.together, [&](auto k, auto together) {
    allow_shared_bytes(conv_input_grad_kernel<k, together>, bytes);
    conv_input_grad_kernel<k, together>
        <<<tiles.blocks(g.images, bytes), tiles.threads, bytes, as_stream(stream)>>>(
            g, tiles, groups, gradient, weight, grad_input);
    INKGRAD_LAUNCH_CHECK();
  });
}

const Entries entries([](Kernels& table) {
  table.conv_input_grad_supports = supports_input_grad;
  table.conv_input_grad = input_grad;
});

}  // namespace
}  // namespace inkgrad::cuda
